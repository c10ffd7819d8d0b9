/** A redis-server of the run's own on a free loopback port, and what is read from its INFO. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Redis } from "ioredis";
import { sleep } from "../../server/base/clock.ts";
import { freePorts } from "../../server/base/free-ports.ts";
import { findServer } from "../../server/redis/managed/find-server.ts";
import { probeRedis } from "../../server/redis/managed/redis-probe.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import type { OwnedProcesses } from "./owned-processes.ts";

export type BenchRedis = {
  readonly port: number;
  readonly pid: number;
  readonly url: string;
  /** A connection with Rankwire's scripts; closed by `stop`. */
  connect(): Promise<Redis>;
  stop(): Promise<void>;
};

const START_MS = 20_000;
const PORTS_MAX = 10;

/**
 * Runs a command until its own stdin ends, which it does when we do, even by SIGKILL: tsx kills a child that is too busy to answer
 * Ctrl-C at once, and nobody would be left to end Redis. The first line of output is the command's pid.
 */
const KEEPER = '"$@" >/dev/null 2>&1 & p=$!; trap "kill $p" TERM; echo $p; read _; kill $p; wait $p';

export async function startRedis(
  owned: OwnedProcesses,
  say: (line: string) => void,
  args: readonly string[] = [],
): Promise<BenchRedis> {
  const server = await findServer();
  if (!server) throw new Error("There is no redis-server. `npm start` installs one, or install it yourself.");
  const settings = [
    "--bind",
    "127.0.0.1",
    "--dir",
    owned.folder(),
    "--save",
    "",
    "--appendonly",
    "no",
    ...args,
  ];
  const clients = new Set<Redis>();
  for (let attempt = 0; attempt < PORTS_MAX; attempt++) {
    const [port = 0] = await freePorts(1);
    const command = [server.command, "--port", `${port}`, ...settings];
    // A group of its own: Ctrl-C is for us, and we end it.
    const keeper = spawn("sh", ["-c", KEEPER, "sh", ...command], {
      stdio: ["pipe", "pipe", "ignore"],
      detached: true,
    });
    owned.add(keeper);
    const [line] = (await once(keeper.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    if (!(await untilReady(port, pid))) {
      // Somebody else was quicker to take the port.
      await owned.stop(keeper);
      continue;
    }
    say(`redis-server ${server.version} on port ${port}, pid ${pid}`);
    return {
      port,
      pid,
      url: `redis://127.0.0.1:${port}`,
      connect: () => connect(port, clients),
      stop: async () => {
        for (const client of clients) client.disconnect();
        await owned.stop(keeper);
      },
    };
  }
  throw new Error(`No redis-server came up on ${PORTS_MAX} ports.`);
}

async function connect(port: number, clients: Set<Redis>): Promise<Redis> {
  const redis = new Redis({
    port,
    host: "127.0.0.1",
    lazyConnect: true,
    protocol: 2,
    replyMapping: "legacy",
  });
  redis.on("error", () => undefined);
  clients.add(redis);
  await redis.connect();
  registerScripts(redis);
  return redis;
}

async function untilReady(port: number, pid: number): Promise<boolean> {
  const endsAt = performance.now() + START_MS;
  while (performance.now() < endsAt) {
    const probe = await probeRedis({ host: "127.0.0.1", port }, 1_000);
    if (probe.state === "ready") return probe.pid === pid;
    await sleep(20);
  }
  return false;
}

/** One number of INFO. */
export async function infoNumber(redis: Redis, section: string, field: string): Promise<number> {
  const text = await redis.info(section);
  const found = new RegExp(`^${field}:([\\d.]+)`, "m").exec(text)?.[1];
  if (found === undefined) throw new Error(`INFO ${section} has no ${field}`);
  return Number(found);
}

/** CPU that this Redis has used so far, user and system, in µs. */
export async function redisCpuUs(redis: Redis): Promise<number> {
  const text = await redis.info("cpu");
  const read = (field: string): number => Number(new RegExp(`^${field}:([\\d.]+)`, "m").exec(text)?.[1]);
  return (read("used_cpu_sys") + read("used_cpu_user")) * 1e6;
}
