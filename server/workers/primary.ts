/**
 * The process that owns the workers: what belongs to all of them is made here first (the managed Redis, the keys, the port), and goes
 * last. It serves nothing itself; Node hands each accepted connection to the next worker.
 */
import { pathToFileURL } from "node:url";
import { freePorts } from "../base/free-ports.ts";
import { Lifecycle } from "../base/lifecycle.ts";
import { redisTarget, type Surroundings } from "../compose.ts";
import type { Config } from "../config.ts";
import type { RedisTarget } from "../redis/connect.ts";
import { loadKeys } from "../sessions/api-keys.ts";
import { WorkerPool } from "./worker-pool.ts";

export type RunningWorkers = {
  port: number;
  keys: { file?: string };
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
    const keys = loadKeys(config.DATA_DIR, { adminKey: config.ADMIN_KEY, serverKey: config.SERVER_KEY });
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
    return { port: await pool.start(), keys, stop };
  } catch (error) {
    await stop();
    throw error;
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
