/** Connections of one command to what runs: the Redis of the settings or of DATA_DIR, the cache's, the database. Closed at its end. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createLog } from "../base/log.ts";
import { privateSocketPath } from "../base/machine/socket-folder.ts";
import type { Config } from "../config.ts";
import { Database } from "../database/database.ts";
import * as options from "../options.ts";
import { type ConnectOptions, connectCommand, type RedisTarget } from "../redis/connect.ts";
import type { RedisStore } from "../redis/store.ts";
import { type LiveCapacity, measureLive } from "./capacity-live.ts";

/** @throws Error for people when there is nothing to connect to */
export async function measureRunning(config: Config): Promise<LiveCapacity> {
  const log = createLog({ level: "silent", pretty: false });
  const target = await runningRedis(config);
  const connecting = { target, log, commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS };
  const redis = await connectCommand(connecting);
  const database = new Database({ ...options.databaseOptions(config), log });
  try {
    // Files of an embedded database are looked at, but none are made.
    const embedded = existsSync(join(config.DATA_DIR, "database"));
    const openDatabase = config.DATABASE_URL !== undefined || embedded;
    const bounds = options.capacityBounds(config);
    return await withCache(config, connecting, (cache) =>
      measureLive({ redis, ...(cache ? { cache } : {}), database, openDatabase, bounds }),
    );
  } finally {
    redis.disconnect();
    await database.close();
  }
}

/** Calls with a connection to the Redis of CACHE_REDIS_URL for as long as it takes; with undefined where there is none. */
export async function withCache<T>(
  config: Config,
  connecting: ConnectOptions,
  use: (cache: RedisStore | undefined) => Promise<T>,
): Promise<T> {
  const url = config.CACHE_REDIS_URL;
  if (url === undefined) return use(undefined);
  const cache = await connectCommand({ ...connecting, target: { url } });
  try {
    return await use(cache);
  } finally {
    cache.disconnect();
  }
}

async function runningRedis(config: Config): Promise<RedisTarget> {
  if (config.REDIS_URL !== undefined) return { url: config.REDIS_URL };
  if (config.MANAGED_NODES > 1) {
    throw new Error("A managed cluster is measured by the server itself: GET /v1/admin/capacity.");
  }
  const path = await privateSocketPath(resolve(config.DATA_DIR), "redis.sock");
  if (existsSync(path)) return { path };
  throw new Error(`No Redis runs in ${config.DATA_DIR}. Start Rankwire, or set REDIS_URL or DATA_DIR.`);
}
