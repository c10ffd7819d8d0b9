/** Boards for tests, opened on a real Redis without the rest of the server. */
import type { Redis } from "ioredis";
import { pino } from "pino";
import { openFeed } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { Registry } from "../../server/leaderboard/registry.ts";
import type { DedupLimits } from "../../server/leaderboard/submit-batch.ts";
import { feedOf } from "../../server/options.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import { isCluster } from "../../server/redis/store.ts";

export const silentLog = pino({ level: "silent" });

export const DEDUP: DedupLimits = {
  dedupWindowMs: 600_000,
  idsMax: 100_000,
  logEntriesMax: 10_000,
  logBytesMax: 64 * 1024 * 1024,
  logFull: "gap",
  producerIdleMs: 3_600_000,
  heldMax: 1_000,
};

/** A command connection as the server makes it, with the scripts. */
export async function commandConnection(url: string): Promise<Redis> {
  const redis = await connectCommand({ target: { url }, log: silentLog, commandTimeoutMs: 5_000 });
  if (isCluster(redis))
    throw new Error("This is for one Redis; test/support/redis-cluster.ts is for clusters.");
  registerScripts(redis);
  return redis;
}

export function registryOn(redis: Redis): Registry {
  return new Registry({
    redis,
    repository: createRedisBoardRepository(redis),
    openFeed: (open) => openFeed(redis, feedOf(open)),
    clock: { now: () => Date.now() },
  });
}

/** Create and open a board; only what the definition names differs from the defaults. */
export async function openBoard(redis: Redis, id: string, definition: BoardDefinition): Promise<OpenBoard> {
  const { open } = await registryOn(redis).put(boardFrom(id, boardDefinition.parse(definition)));
  return open;
}
