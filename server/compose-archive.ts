/** The archiver: score logs from Redis to the database, and what they keep there. */
import { BoardMirror } from "./archive/board-mirror.ts";
import { LogReader } from "./archive/log-reader.ts";
import { ArchivedBoards } from "./archiver/archived-boards.ts";
import { Archiver } from "./archiver/archiver.ts";
import { createArchiverMetrics } from "./archiver/archiver-metrics.ts";
import { Retention } from "./archiver/retention.ts";
import { systemClock } from "./base/clock.ts";
import { newId } from "./base/ids.ts";
import type { Base } from "./compose.ts";
import { historyOptions } from "./compose-history.ts";
import { createRedisBoardRepository } from "./leaderboard/board-repository.ts";
import type { Channels } from "./redis/channels.ts";

export type Archiving = {
  /**
   * What `/readyz` says of it: `archive` when it is further behind than ARCHIVE_LAG_MS_MAX, `store_lost` when it has boards that Redis does not
   * know, `store_outdated` when it has later copies of some.
   */
  degraded: () => string[];
};

/** Nothing to do, and nothing said, without the archiver role. */
export async function startArchive(base: Base, channels: Channels): Promise<Archiving> {
  const { config, around, parts, metrics, commands, database } = base;
  if (!config.ROLES.includes("archiver")) return { degraded: () => [] };
  const redis = await commands("archiver's redis connection");
  const shared = { database, now: systemClock.now, log: around.log };
  const repository = createRedisBoardRepository(redis);
  const boards = new ArchivedBoards({ repository, mirror: new BoardMirror(database), log: around.log });
  const archiver: Archiver = new Archiver({
    ...shared,
    redis,
    channels,
    boards,
    reader: new LogReader(redis, newId()),
    metrics: createArchiverMetrics(metrics, { lag: () => archiver.lag(), boards }),
    ...historyOptions(config),
    everyMs: config.ARCHIVE_MS,
    batchEntries: config.ARCHIVE_BATCH_ENTRIES,
    leaseTtlMs: config.LEASE_TTL_MS,
    quietMs: config.MERGER_QUIET_MS,
    sweepShardsPerSecond: config.ARCHIVE_SWEEP_SHARDS_PER_SECOND,
  });
  const { ARCHIVE_RETENTION_MS: everyMs, DEDUP_WINDOW_MS: dedupWindowMs } = config;
  const retention = new Retention({ ...shared, boards, everyMs, dedupWindowMs });
  for (const [name, part] of [
    ["archiver", archiver],
    ["log retention", retention],
  ] as const) {
    await parts.start(
      name,
      () => part.start(),
      () => part.stop(),
    );
  }
  return {
    degraded: () => [
      ...(archiver.lag().ms > config.ARCHIVE_LAG_MS_MAX ? ["archive"] : []),
      ...(boards.missing.length > 0 ? ["store_lost"] : []),
      ...(boards.older.size > 0 ? ["store_outdated"] : []),
    ],
  };
}
