/**
 * The process that owns the workers: what belongs to all of them is made here first (the managed Redis, the keys, the port), and goes
 * last. It serves nothing itself; Node hands each accepted connection to the next worker.
 */
import { pathToFileURL } from "node:url";
import { freePorts } from "../base/free-ports.ts";
import { Lifecycle } from "../base/lifecycle.ts";
import type { Surroundings } from "../compose.ts";
import { makeFirstKey } from "../compose-players.ts";
import { redisTarget } from "../compose-redis.ts";
import type { Config } from "../config.ts";
import { Database } from "../database/database.ts";
import { databaseOptions } from "../options.ts";
import type { RedisTarget } from "../redis/connect.ts";
import { loadSigningSecret } from "../sessions/signatures.ts";
import { WorkerPool } from "./worker-pool.ts";

export type RunningWorkers = {
  port: number;
  /** @returns names of the parts that did not stop in time */
  stop(): Promise<string[]>;
};

/** What a worker has beyond its own deadline, to end by itself. */
const WORKER_SPARE_MS = 1_000;
/** Room for the managed Redis, which stops when the workers have. */
const REDIS_STOP_MS = 10_000;

/** @throws Error for people; what was started is stopped by then */
export async function startWorkers(
  config: Config,
  count: number,
  surroundings: Surroundings,
): Promise<RunningWorkers> {
  const parts = new Lifecycle(surroundings.log);
  const workersMs = config.SHUTDOWN_MS + WORKER_SPARE_MS;
  const stop = (): Promise<string[]> => parts.stop(workersMs + WORKER_SPARE_MS + REDIS_STOP_MS);
  try {
    const redisUrl = urlOf(await redisTarget(config, surroundings, parts));
    await makeKeyBefore(config, surroundings);
    // So that no worker makes one of its own.
    loadSigningSecret(config.DATA_DIR, config.SIGNING_SECRET);
    const pool = new WorkerPool({
      count,
      settings: { REDIS_URL: redisUrl, PORT: String(await portOf(config)), BOARDS_FILE: "" },
      // A worker that is forked later must not put boards back to what the file says.
      once: { BOARDS_FILE: config.BOARDS_FILE ?? "" },
      log: surroundings.log,
      onFatal: surroundings.onFatal,
    });
    // Noted before they start, so that those which did are stopped when another one does not.
    await parts.start(
      "workers",
      () => undefined,
      () => stopAll(pool, workersMs),
    );
    return { port: await pool.start(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Once for all workers, and closed again: the embedded database belongs to one process, which is to be a worker. */
async function makeKeyBefore(config: Config, surroundings: Surroundings): Promise<void> {
  if (config.ADMIN_KEY !== undefined || !config.ROLES.includes("gateway")) return;
  const database = new Database({ ...databaseOptions(config), log: surroundings.log });
  try {
    await makeFirstKey(config, surroundings, database);
  } finally {
    await database.close();
  }
}

async function stopAll(pool: WorkerPool, deadlineMs: number): Promise<void> {
  const killed = await pool.stop(deadlineMs);
  if (killed > 0) throw new Error(`${killed} workers had to be killed`);
}

function urlOf(target: RedisTarget): string {
  return "url" in target ? target.url : `unix://${pathToFileURL(target.path).pathname}`;
}

/** All workers share one port, also when one of them starts later: a free one is chosen once. */
async function portOf({ PORT, HOST, ROLES }: Config): Promise<number> {
  if (PORT !== 0 || !ROLES.includes("gateway")) return PORT;
  const [port = 0] = await freePorts(1, HOST);
  return port;
}
