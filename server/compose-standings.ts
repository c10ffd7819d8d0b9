/** The parts of live ranks: the rank indexes that this process looks at, and the standings of those who are followed. */
import { systemClock } from "./base/clock.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { FeedHub } from "./feed/hub.ts";
import { feedSourceOf } from "./leaderboard/feed-source.ts";
import type { Hasher } from "./leaderboard/hashing.ts";
import type { Reader } from "./leaderboard/reader.ts";
import * as options from "./options.ts";
import { IndexHub } from "./rank-index/index-hub.ts";
import { Standings } from "./standings/standings.ts";

export function startIndexes({ around, parts }: Base, { redis, channels }: GatewayNeeds): Promise<IndexHub> {
  const indexes = new IndexHub({
    redis,
    channels,
    now: systemClock.now,
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

type StandingsNeeds = GatewayNeeds & { hasher: Hasher; reader: Reader; hub: FeedHub; indexes: IndexHub };

export function startStandings({ config, around, parts }: Base, needs: StandingsNeeds): Promise<Standings> {
  const { redis, hasher, reader, hub, indexes, registry } = needs;
  const standings = new Standings({
    ...options.standingsOptions(config),
    redis,
    hasher,
    reader,
    indexes,
    openFeed: async (open) => {
      const feed = await hub.open(open.feed, feedSourceOf(registry, open.board.id));
      return { feed, release: hub.follow(open.feed) };
    },
    now: systemClock.now,
    onError: (error) => around.log.warn({ err: error }, "standings"),
  });
  registry.onChange((open) => standings.onBoard(open));
  return parts.start(
    "standings",
    () => {
      standings.start();
      return standings;
    },
    () => standings.stop(),
  );
}
