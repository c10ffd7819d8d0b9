/** A board's season as its feed must know it, asked anew at every load, because the board may have been made anew since. */
import type { FeedSource } from "../feed/board-feed.ts";
import type { OpenBoard } from "./board.ts";
import { fromStored, rowOf } from "./codec.ts";
import type { Registry } from "./registry.ts";

export function feedSourceOf(registry: Registry, asked: OpenBoard): FeedSource {
  return {
    describe: async () => {
      // The feed is that of one season: whoever moves on follows another one.
      const known = registry.hot(asked.board.id, asked.season.number) ?? asked;
      const { board, season, feed } = known;
      return {
        board: board.id,
        season: season.number,
        incarnation: season.incarnation,
        keys: feed,
        rowOf: ({ member, score }) => rowOf(known, fromStored(known.layout, member, score)),
      };
    },
  };
}
