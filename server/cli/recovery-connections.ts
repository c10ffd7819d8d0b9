/**
 * What `rebuild` and `verify` work on: the Redis of the settings or of DATA_DIR, whether Rankwire runs or not, and the database. A managed
 * Redis that nobody runs is started for as long as the command takes.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Lifecycle } from "../base/lifecycle.ts";
import { createLog } from "../base/log.ts";
import { privateSocketPath } from "../base/machine/socket-folder.ts";
import { redisTarget } from "../compose-redis.ts";
import type { Config } from "../config.ts";
import { Database } from "../database/database.ts";
import { type BoardRepository, createRedisBoardRepository } from "../leaderboard/board-repository.ts";
import * as options from "../options.ts";
import { connectCommand, type RedisTarget } from "../redis/connect.ts";
import { registerScripts } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";

export type RecoveryConnections = { redis: RedisStore; database: Database; repository: BoardRepository };

/** Redis works on large pieces while servers use it too. */
const PATIENCE_MS = 30_000;

/** Calls with both open, and closes what it has opened. @throws Error for people when one of them cannot be had */
export async function withRecoveryConnections<T>(
  config: Config,
  use: (connections: RecoveryConnections) => Promise<T>,
): Promise<T> {
  const log = createLog({ level: "silent", pretty: false });
  const parts = new Lifecycle(log);
  try {
    const target = await targetOf(config, parts);
    const commandTimeoutMs = config.REDIS_COMMAND_TIMEOUT_MS + PATIENCE_MS;
    const redis = await parts.start(
      "redis connection",
      () => connectCommand({ target, log, commandTimeoutMs }),
      (connection) => connection.disconnect(),
    );
    registerScripts(redis);
    const timeoutMs = config.DATABASE_TIMEOUT_MS + PATIENCE_MS;
    const database = await parts.start(
      "database",
      () => new Database({ ...options.databaseOptions(config), timeoutMs, log }),
      (opened) => opened.close(),
    );
    await database.ready();
    return await use({ redis, database, repository: createRedisBoardRepository(redis) });
  } finally {
    await parts.stop(config.SHUTDOWN_MS);
  }
}

async function targetOf(config: Config, parts: Lifecycle): Promise<RedisTarget> {
  const running = await privateSocketPath(resolve(config.DATA_DIR), "redis.sock");
  if (config.REDIS_URL === undefined && config.MANAGED_NODES === 1 && existsSync(running)) {
    return { path: running };
  }
  const fatal = (error: Error): void => {
    throw error;
  };
  const around = { log: createLog({ level: "silent", pretty: false }), say: () => undefined, onFatal: fatal };
  return redisTarget(config, around, parts);
}
