/** A real redis-server of one's own, for tests that kill it, restart it or need it empty. */
import { spawn } from "node:child_process";
import { mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Redis } from "ioredis";
import { sleep } from "../../server/base/clock.ts";
import { freePorts } from "../../server/base/free-ports.ts";
import { findServer } from "../../server/redis/managed/find-server.ts";
import { probeRedis } from "../../server/redis/managed/redis-probe.ts";

export type TestRedisOptions = {
  /** More settings, such as `["--maxmemory", "10mb"]`. */
  args?: string[];
  /** Default false: what it holds is gone after `stop` or `kill`. */
  appendonly?: boolean;
  /** A node of a cluster: its bus gets a free port too. */
  clusterNode?: boolean;
  /** A Sentinel, alone, that watches the master on this port under the name `mymaster`. */
  sentinelOf?: number;
  /** The folder for its own folder; by default that of the test run, which the run removes at its end. */
  root?: string;
};

export type TestRedis = {
  readonly port: number;
  readonly url: string;
  /** Another one after each start. */
  readonly pid: number;
  readonly dir: string;
  /** Closes the clients and ends the process cleanly. The folder stays, for a later `start`. */
  stop(): Promise<void>;
  /** A clean stop and a start on the same port and folder; clients reconnect by themselves. */
  restart(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: the connections stay, nothing is answered. */
  pause(): void;
  resume(): void;
  /** After `kill` or `stop`. */
  start(): Promise<void>;
  /** A client that reconnects and waits for Redis; closed by `stop`. */
  client(): Redis;
};

const START_MS = 20_000;
const STOP_MS = 5_000;
const PORTS_MAX = 10;

/** The processes that this one has started; ended by pid, at the latest when this one exits. */
const running = new Set<RunningProcess>();
process.on("exit", () => {
  for (const { kill } of running) kill("SIGKILL");
});

export async function startTestRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const server = await findServer();
  if (!server) throw new Error("There is no redis-server; test/support/global-setup.ts installs one.");
  const dir = await mkdtemp(join(options.root ?? (await runFolder()), "redis-"));
  const { args = [], appendonly = false, clusterNode = false, sentinelOf } = options;
  const config = sentinelOf === undefined ? [] : [await sentinelConfig(dir, sentinelOf), "--sentinel"];
  const settings = [
    ...["--bind", "127.0.0.1", "--dir", dir, "--pidfile", join(dir, "redis.pid"), "--save", ""],
    ...["--appendonly", appendonly ? "yes" : "no", "--enable-debug-command", "yes"],
    // The folder in the title lets the run's end recognise its own processes.
    ...["--proc-title-template", `{title} {listen-addr} ${dir}`, ...args],
  ];
  const busPorts = new Map<number, number>();
  const start = async (port: number) => {
    if (clusterNode && !busPorts.has(port)) busPorts.set(port, (await freePorts(1))[0]!);
    const bus = clusterNode ? ["--cluster-enabled", "yes", "--cluster-port", `${busPorts.get(port)}`] : [];
    return startProcess(server.command, [...config, "--port", `${port}`, ...settings, ...bus], port);
  };
  return takePort(start, dir);
}

/** A Sentinel keeps what it learns in its file, so that it must have one. */
async function sentinelConfig(dir: string, masterPort: number): Promise<string> {
  const file = join(dir, "sentinel.conf");
  const lines = [
    `sentinel monitor mymaster 127.0.0.1 ${masterPort} 1`,
    "sentinel down-after-milliseconds mymaster 500",
    "sentinel failover-timeout mymaster 2000",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

type RunningProcess = { pid: number; kill(signal: NodeJS.Signals): void; exited: Promise<unknown> };
type Start = (port: number) => Promise<RunningProcess | "clash">;

/** A free port may be taken by another test before Redis has it: then another one. */
async function takePort(start: Start, dir: string): Promise<TestRedis> {
  for (let attempt = 0; attempt < PORTS_MAX; attempt++) {
    const [port = 0] = await freePorts(1);
    const started = await start(port);
    if (started !== "clash") return controls(start, started, port, dir);
  }
  throw new Error(`No free port after ${PORTS_MAX} attempts.`);
}

function controls(start: Start, first: RunningProcess, port: number, dir: string): TestRedis {
  const url = `redis://127.0.0.1:${port}`;
  const clients = new Set<Redis>();
  let current = first;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    current.kill(signal);
    const ended = new AbortController();
    const late = sleep(STOP_MS, ended.signal).then(() => current.kill("SIGKILL"));
    await current.exited;
    ended.abort();
    await late;
  };
  const startAgain = async (): Promise<void> => {
    if (running.has(current)) throw new Error(`The Redis on port ${port} is running already.`);
    const started = await start(port);
    if (started === "clash") throw new Error(`Port ${port} was taken while this Redis was away.`);
    current = started;
  };
  return {
    port,
    url,
    dir,
    get pid() {
      return current.pid;
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      clients.clear();
      await end("SIGTERM");
    },
    restart: async () => {
      await end("SIGTERM");
      await startAgain();
    },
    kill: () => end("SIGKILL"),
    pause: () => current.kill("SIGSTOP"),
    resume: () => current.kill("SIGCONT"),
    start: startAgain,
    client: () => {
      const client = newClient(url);
      clients.add(client);
      return client;
    },
  };
}

function newClient(url: string): Redis {
  const client = new Redis(url, {
    protocol: 2,
    replyMapping: "legacy",
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  });
  // Without a listener ioredis prints every lost connection, and losing them is what these tests do.
  client.on("error", () => undefined);
  return client;
}

async function startProcess(
  command: string,
  args: string[],
  port: number,
): Promise<RunningProcess | "clash"> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4_000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const process: RunningProcess = {
    pid: child.pid ?? 0,
    kill: (signal) => void child.kill(signal),
    exited: new Promise((resolve) => {
      child.once("exit", resolve);
      child.once("error", resolve);
    }),
  };
  running.add(process);
  let hasExited = false;
  void process.exited.then(() => {
    hasExited = true;
    running.delete(process);
  });

  const endsAt = performance.now() + START_MS;
  while (!hasExited && performance.now() < endsAt) {
    const probe = await probeRedis({ host: "127.0.0.1", port }, 1_000);
    if (probe.state === "ready" && probe.pid === process.pid) return process;
    // With a password of its own it says no more than that, but it does serve.
    if (probe.state === "error" && probe.message.startsWith("NOAUTH") && !hasExited) return process;
    await sleep(10);
  }
  process.kill("SIGKILL");
  await process.exited;
  // What it said last may still be in the pipe.
  await sleep(50);
  if (output.includes("Address already in use")) return "clash";
  throw new Error(`redis-server did not start on port ${port}:\n${output}`);
}

/** Imported late: only a test's own process has what the global setup provides. */
async function runFolder(): Promise<string> {
  const { testRunFolder } = await import("./shared-redis.ts");
  return testRunFolder();
}
