/** A board as its feed must know it, asked anew at every load, because a season may have been opened since. */
import type { FeedSource } from "../feed/board-feed.ts";
import { fromStored, rowOf } from "./codec.ts";
import type { Registry } from "./registry.ts";

export function feedSourceOf(registry: Registry, boardId: string): FeedSource {
  return {
    describe: async () => {
      const current = await registry.get(boardId);
      const { board, season, feed } = current;
      return {
        board: board.id,
        season: season.number,
        incarnation: season.incarnation,
        keys: feed,
        rowOf: ({ member, score }) => rowOf(current, fromStored(current.layout, member, score)),
      };
    },
  };
}
