/** The role `seasons`: boards roll over by their schedule, and what is over leaves Redis for the archive. */
import { systemClock } from "./base/clock.ts";
import type { Base } from "./compose.ts";
import { openFeed } from "./feed/feed-store.ts";
import { hintDirty, markActive } from "./leaderboard/activity.ts";
import { createHasher } from "./leaderboard/hashing.ts";
import type { Registry } from "./leaderboard/registry.ts";
import * as options from "./options.ts";
import { createSeasonMetrics } from "./seasons/season-metrics.ts";
import type { OnFrozen } from "./seasons/season-removal.ts";
import { Seasons } from "./seasons/seasons.ts";

/** @param onFrozen brings a season that is over into the archive; without it such seasons stay in Redis */
export async function startSeasons(base: Base, registry: Registry, onFrozen?: OnFrozen): Promise<void> {
  const { config, around, parts, metrics, commands } = base;
  const redis = await commands("seasons' redis connection");
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
    ...(onFrozen ? { onFrozen } : {}),
  });
  await parts.start(
    "seasons",
    () => seasons.start(),
    () => seasons.stop(),
  );
}
