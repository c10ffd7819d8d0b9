/** A real PostgreSQL of one's own, on loopback and a free port, in the folder of the test run. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { sleep } from "../../server/base/clock.ts";
import { freePorts } from "../../server/base/free-ports.ts";
import { findPostgres } from "./postgres-programs.ts";

export type TestPostgres = {
  readonly port: number;
  /** Of the process that accepts connections. */
  readonly pid: number;
  /** A new, empty database. @returns its URL */
  newDatabase(): Promise<string>;
  /** SIGQUIT: at once, as after a crash; its data stays for `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Time for `startTestPostgres` where it has to install one. */
export const POSTGRES_INSTALL_MS = 300_000;

const START_MS = 30_000;
const running = new Set<ChildProcess>();
process.on("exit", () => {
  // PostgreSQL takes SIGQUIT for "at once"; after SIGKILL its children would live on for a while.
  for (const child of running) child.kill("SIGQUIT");
});

export async function startTestPostgres(): Promise<TestPostgres> {
  const programs = findPostgres();
  const owner = ownerOf();
  const dir = mkdtempSync(join(tmpdir(), "rankwire-test-pg-"));
  if ("uid" in owner) chownSync(dir, owner.uid, owner.gid);
  const data = join(dir, "data");
  runToEnd(
    join(programs, "initdb"),
    ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
    owner,
  );
  const [port = 0] = await freePorts(1);
  const settings = [
    "fsync=off",
    "listen_addresses=127.0.0.1",
    `unix_socket_directories=${dir}`,
    "shared_buffers=32MB",
  ];
  const args = ["-D", data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])];
  const launch = (): Promise<ChildProcess> => launchServer(join(programs, "postgres"), args, port, owner);
  let child = await launch();
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    if (child.exitCode === null && child.kill(signal)) await ended;
  };
  return {
    port,
    get pid() {
      return child.pid ?? 0;
    },
    newDatabase: async () => {
      const name = `t_${randomBytes(6).toString("hex")}`;
      await withClient(port, (client) => client.query(`create database ${name}`));
      return `postgres://postgres@127.0.0.1:${port}/${name}`;
    },
    kill: () => end("SIGQUIT"),
    start: async () => {
      child = await launch();
    },
    stop: async () => {
      await end("SIGINT");
      spawnSync("rm", ["-rf", dir]);
    },
  };
}

type Owner = { uid: number; gid: number } | Record<string, never>;

/** PostgreSQL does not run as root: then as the user of the system's package, or as nobody. */
function ownerOf(): Owner {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string, user: string): number =>
    Number.parseInt(spawnSync("id", [flag, user], { encoding: "utf8" }).stdout, 10);
  const user = Number.isNaN(idOf("-u", "postgres")) ? "nobody" : "postgres";
  return { uid: idOf("-u", user), gid: idOf("-g", user) };
}

function runToEnd(program: string, args: string[], owner: Owner): void {
  const { status, stdout, stderr } = spawnSync(program, args, { ...owner, cwd: "/", encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ended with ${status}:\n${stdout}${stderr}`);
}

async function launchServer(
  program: string,
  args: string[],
  port: number,
  owner: Owner,
): Promise<ChildProcess> {
  const child = spawn(program, args, { ...owner, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
  running.add(child);
  child.once("exit", () => running.delete(child));
  let output = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-4_000);
  });
  const endsAt = performance.now() + START_MS;
  while (child.exitCode === null && performance.now() < endsAt) {
    const isThere = await withClient(port, (client) => client.query("select 1")).then(
      () => true,
      () => false,
    );
    if (isThere) return child;
    await sleep(20);
  }
  child.kill("SIGQUIT");
  throw new Error(`PostgreSQL did not start on port ${port}:\n${output}`);
}

async function withClient<T>(port: number, ask: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "postgres", database: "postgres" });
  // A server that stops ends its connections.
  client.on("error", () => undefined);
  try {
    await client.connect();
    return await ask(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
