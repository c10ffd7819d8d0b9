/** The read side of a gateway: feeds, exact ranks, the rank indexes that it looks at, and the standings of those who are followed. */
import { StoredSeasons } from "./archive/stored-seasons.ts";
import { systemClock } from "./base/clock.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import { type HistoryReads, historyReads } from "./compose-history.ts";
import { FeedHub } from "./feed/hub.ts";
import type { ProfileChanges } from "./gateway/profile-changes.ts";
import { PastSeasons } from "./history/past-seasons.ts";
import { feedSourceOf } from "./leaderboard/feed-source.ts";
import type { Hasher } from "./leaderboard/hashing.ts";
import { Reader } from "./leaderboard/reader.ts";
import * as options from "./options.ts";
import { IndexHub } from "./rank-index/index-hub.ts";
import { Standings } from "./standings/standings.ts";

export type Reads = {
  hub: FeedHub;
  reader: Reader;
  pastSeasons: PastSeasons;
  storedSeasons: StoredSeasons;
  indexes: IndexHub;
  standings: Standings;
} & HistoryReads;

export async function startReads(
  base: Base,
  needs: GatewayNeeds & { hasher: Hasher; profileChanges: ProfileChanges },
): Promise<Reads> {
  const hub = await startFeeds(base, needs);
  needs.registry.onChange((open) => hub.onBoard(open));
  const reader = new Reader(needs.redis, needs.hasher);
  const indexes = await startIndexes(base, needs);
  const storedSeasons = new StoredSeasons(base.database);
  const pastSeasons = new PastSeasons(base.database, storedSeasons);
  needs.registry.onGone(({ board }) => pastSeasons.forget(board.id));
  const standings = await startStandings(base, { ...needs, reader, hub, indexes });
  const past = { reader, pastSeasons, storedSeasons };
  return { hub, ...past, ...historyReads(base, needs, past), indexes, standings };
}

async function startFeeds(
  { config, around, parts, feedMetrics }: Base,
  { redis, channels }: GatewayNeeds,
): Promise<FeedHub> {
  const hub = new FeedHub({
    ...options.hubOptions(config),
    redis,
    channels,
    metrics: feedMetrics,
    onError: (error) => around.log.warn({ err: error }, "feed"),
  });
  await parts.start(
    "feeds",
    () => hub.start(),
    () => hub.stop(),
  );
  return hub;
}

function startIndexes({ around, parts }: Base, { redis, channels }: GatewayNeeds): Promise<IndexHub> {
  const indexes = new IndexHub({
    redis,
    channels,
    onError: (error) => around.log.warn({ err: error }, "rank index"),
  });
  return parts.start(
    "rank indexes",
    () => {
      indexes.start();
      return indexes;
    },
    () => indexes.stop(),
  );
}

type StandingsNeeds = GatewayNeeds & {
  hasher: Hasher;
  profileChanges: ProfileChanges;
  reader: Reader;
  hub: FeedHub;
  indexes: IndexHub;
};

function startStandings({ config, around, parts }: Base, needs: StandingsNeeds): Promise<Standings> {
  const { redis, hasher, reader, hub, indexes, registry, profileChanges } = needs;
  const standings = new Standings({
    ...options.standingsOptions(config),
    redis,
    hasher,
    reader,
    indexes,
    openFeed: async (open) => {
      const feed = await hub.open(open.feed, feedSourceOf(registry, open));
      return { feed, release: hub.follow(open.feed) };
    },
    completeWindow: (open, window) => profileChanges.complete(open, window),
    now: systemClock.now,
    onError: (error) => around.log.warn({ err: error }, "standings"),
  });
  registry.onChange((open) => standings.onBoard(open));
  registry.onGone((open) => standings.onGone(open));
  return parts.start(
    "standings",
    () => {
      standings.start();
      return standings;
    },
    () => standings.stop(),
  );
}
