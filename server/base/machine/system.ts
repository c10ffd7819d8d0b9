/** The machine as the installer and the finder see it: commands to run and a few facts. Tests pass their own. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { sleep } from "../clock.ts";

/** `code` is 127 when there is no such program and -1 when it was killed; `output` is the end of stdout and stderr. */
export type CommandResult = { code: number; output: string };

export type System = {
  platform: NodeJS.Platform;
  isRoot: boolean;
  exists(path: string): boolean;
  /** Never rejects; a command that takes longer than `timeoutMs` is killed. */
  run(command: readonly string[], timeoutMs: number): Promise<CommandResult>;
};

const OUTPUT_MAX = 8_000;

export const thisSystem: System = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  exists: existsSync,
  run: runCommand,
};

/** Like `System.run`. */
export async function runCommand(
  [program = "", ...args]: readonly string[],
  timeoutMs: number,
): Promise<CommandResult> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_MAX);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);

  const ended = new AbortController();
  const code = await new Promise<number>((resolve) => {
    // "exit" and not "close": what the command left in the background may hold its pipes open for ever.
    child.once("exit", (exitCode) => resolve(exitCode ?? -1));
    child.once("error", (error: NodeJS.ErrnoException) => {
      output += error.message;
      resolve(error.code === "ENOENT" ? 127 : -1);
    });
    void killAfter(timeoutMs, ended.signal, (signal) => child.kill(signal));
  });
  ended.abort();
  // Output that was written just before the exit may still be in the pipe.
  await sleep(10);
  child.stdout.destroy();
  child.stderr.destroy();
  return { code, output: output.trim() };
}

async function killAfter(
  timeoutMs: number,
  ended: AbortSignal,
  kill: (signal: NodeJS.Signals) => void,
): Promise<void> {
  await sleep(timeoutMs, ended);
  if (ended.aborted) return;
  kill("SIGTERM");
  await sleep(5_000, ended);
  if (!ended.aborted) kill("SIGKILL");
}
