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

/** One line of the log. */
export type LogLine = { msg: string } & Record<string, unknown>;

export type ChildServer = {
  /** 0 without the gateway role. */
  port: number;
  pid: number;
  dataDir: string;
  /** What it and its workers have logged so far. */
  logged: LogLine[];
  /** All that it has printed, on both outputs. */
  printed: string[];
  /** Its exit code, null after a signal. */
  exited: Promise<number | null>;
  signal(name: "SIGSTOP" | "SIGCONT" | "SIGTERM" | "SIGINT" | "SIGHUP"): void;
  /** At once, without a goodbye. Safe to call twice. */
  kill(): Promise<void>;
};

/** Resolves when the process says that it is ready. @param redisUrl undefined: it runs its own */
export async function startChildServer(
  redisUrl: string | undefined,
  settings: Record<string, string>,
  args: string[] = [],
): Promise<ChildServer> {
  const dataDir = mkdtempSync(join(tmpdir(), "rankwire-child-"));
  const child = spawn(process.execPath, ["--import", "tsx", "server/main.ts", ...args], {
    cwd: ROOT,
    env: {
      ...process.env,
      NODE_ENV: "test",
      REDIS_URL: redisUrl ?? "",
      PORT: "0",
      DATA_DIR: dataDir,
      ADMIN_KEY,
      SERVER_KEY,
      // The other roles open a database at once, which most tests do not need.
      ROLES: "gateway,merger",
      TICK_MS: "20",
      LOG_LEVEL: "info",
      ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit").then(([code]) => code as number | null);
  const gone = exited.then(() => rmSync(dataDir, { recursive: true, force: true }));
  const logged: LogLine[] = [];
  const printed: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (text) => {
    printed.push(text);
    console.error(text);
  });
  const port = await Promise.race([readyPort(child, logged, printed), endedEarly(exited)]);
  return {
    port,
    pid: child.pid!,
    dataDir,
    logged,
    printed,
    exited,
    signal: (name) => child.kill(name),
    kill: async () => {
      child.kill("SIGKILL");
      await gone;
    },
  };
}

async function endedEarly(exited: Promise<number | null>): Promise<never> {
  throw new Error(`the server ended before it was ready (exit code ${await exited})`);
}

/** Lines are read to the end: an unread pipe would fill up and stop the child. */
function readyPort(child: ChildProcess, logged: LogLine[], printed: string[]): Promise<number> {
  return new Promise((resolve) => {
    const lines = createInterface({ input: child.stdout! });
    lines.on("line", (text) => {
      printed.push(text);
      // What is said to people is no log.
      if (!text.startsWith("{")) return;
      const line = JSON.parse(text) as LogLine;
      logged.push(line);
      if (line.msg === "rankwire is ready") resolve(Number(line.port));
    });
  });
}
