/** The role `seasons`: boards roll over by their schedule, and what is over leaves Redis for the archive. */
import { BoardMirror } from "./archive/board-mirror.ts";
import { FinalMaker } from "./archive/final-maker.ts";
import { systemClock } from "./base/clock.ts";
import type { Base } from "./compose.ts";
import { openFeed } from "./feed/feed-store.ts";
import { hintDirty, markActive } from "./leaderboard/activity.ts";
import { createHasher } from "./leaderboard/hashing.ts";
import type { Registry } from "./leaderboard/registry.ts";
import * as options from "./options.ts";
import { compareSeason } from "./recovery/compare-season.ts";
import type { RedisStore } from "./redis/store.ts";
import { type CompareMirror, SeasonArchive } from "./seasons/season-archive.ts";
import { createSeasonMetrics } from "./seasons/season-metrics.ts";
import { Seasons } from "./seasons/seasons.ts";

/** How long the tables may take to hear of what the shards have, when both are compared before a final table is made. */
const COMPARE_WAIT_MS = 1_000;

export async function startSeasons(base: Base, registry: Registry): Promise<void> {
  const { config, around, parts, metrics, commands } = base;
  const redis = await commands("seasons' redis connection");
  const archive = seasonArchive(base, redis);
  const mirror = new BoardMirror(base.database);
  const seasons = new Seasons({
    redis,
    registry,
    hasher: await createHasher(),
    openFeed: (open) => openFeed(redis, options.feedOf(open)),
    now: systemClock.now,
    log: around.log,
    limits: options.ingestOptions(config).dedup,
    preopenMs: config.SEASON_PREOPEN_MS,
    graceMs: config.SEASON_GRACE_MS,
    closingMax: config.SEASONS_CLOSING_MAX,
    lookMs: config.SEASON_LOOK_MS,
    leaseTtlMs: config.SEASON_LEASE_MS,
    metrics: createSeasonMetrics(metrics),
    onCarried: async (board) => {
      await markActive(redis, board, systemClock.now());
      await hintDirty(redis, [board]);
    },
    isInArchive: (frozen) => archive.isInArchive(frozen),
    cameToArchive: (open) => archive.cameToArchive(open),
    onFrozen: async (season) => {
      // Before the season leaves Redis the tables know what came after it: else a rebuild would look for it there.
      const mirrored = await mirror.mirror(registry.record(season.board.id)!);
      return mirrored === "older" ? "behind" : archive.archiveSeason(season);
    },
  });
  await parts.start(
    "seasons",
    () => seasons.start(),
    () => seasons.stop(),
  );
}

/** Brings a season that is over into the archive; without an archiver in any process such seasons stay in Redis. */
function seasonArchive({ database, around }: Base, redis: RedisStore): SeasonArchive {
  const compare: CompareMirror = async (open) =>
    (await compareSeason({ redis, database, waitMs: COMPARE_WAIT_MS }, open)).differences;
  const tables = new FinalMaker(database);
  return new SeasonArchive({ redis, tables, compare, now: systemClock.now, log: around.log });
}
