/** A Rankwire process of its own, for tests that kill or pause one. Stopped by the process id that is held here. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { ADMIN_KEY, SERVER_KEY } from "./servers.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export type ChildServer = {
  /** 0 without the gateway role. */
  port: number;
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM"): void;
  /** At once, without a goodbye. Safe to call twice. */
  kill(): Promise<void>;
};

/** Resolves when the process says that it is ready. */
export async function startChildServer(
  redisUrl: string,
  settings: Record<string, string>,
): Promise<ChildServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "rankwire-child-"));
  const child = spawn(process.execPath, ["--import", "tsx", "server/main.ts"], {
    cwd: ROOT,
    env: {
      ...process.env,
      NODE_ENV: "test",
      REDIS_URL: redisUrl,
      PORT: "0",
      DATA_DIR: dataDir,
      ADMIN_KEY,
      SERVER_KEY,
      TICK_MS: "20",
      LOG_LEVEL: "info",
      ...settings,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const gone = once(child, "exit").then(() => rmSync(dataDir, { recursive: true, force: true }));
  const port = await readyPort(child);
  return {
    port,
    signal: (name) => child.kill(name),
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function readyPort(child: ChildProcess): Promise<number> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const { msg, port } = JSON.parse(line) as { msg: string; port: number };
    if (msg !== "rankwire is ready") continue;
    // Nobody reads on; an unread pipe would fill up and stop the child.
    child.stdout!.resume();
    return port;
  }
  throw new Error(`the server ended before it was ready (exit code ${child.exitCode})`);
}
