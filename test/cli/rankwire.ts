/** The commands of `rankwire`, run in this process where their output is what counts, and as a process of its own where its end is. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { failureText } from "../../server/cli/api-failure.ts";
import { programFor } from "../../server/cli/commands.ts";
import { testRunFolder } from "../support/shared-redis.ts";

export type Ran = { out: string; err: string; code: number };

/** In this process: what the command prints, and how it would end. */
export async function inProcess(...args: string[]): Promise<Ran> {
  const printed: string[] = [];
  try {
    const program = await programFor(args, (line) => printed.push(line));
    await program.parseAsync(args, { from: "user" });
    return { out: printed.join("\n"), err: "", code: Number(process.exitCode ?? 0) };
  } catch (error) {
    return { out: printed.join("\n"), err: failureText(error), code: 1 };
  } finally {
    process.exitCode = undefined;
  }
}

/** As an operator's shell runs it. */
export async function asProcess(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, ["--import", "tsx", "server/cli/main.ts", ...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close"),
  ]);
  return { out, err, code: code as number };
}

/** A file of the run's folder. @returns its path */
export function fileOf(content: string): string {
  const path = join(mkdtempSync(join(testRunFolder(), "cli-")), "file");
  writeFileSync(path, content);
  return path;
}
