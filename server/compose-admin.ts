/** What admins look at and do: facts of boards beside what the archive has of them. */
import { type ArchivedPosition, archivedPositions } from "./archive/archived-positions.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { OpenBoard } from "./leaderboard/board.ts";
import { type ShardFacts, shardFacts } from "./leaderboard/shard-facts.ts";

export type BoardFacts = {
  shardFacts: (open: OpenBoard) => Promise<ShardFacts[]>;
  archivedPositions: (open: OpenBoard) => Promise<Map<number, ArchivedPosition> | undefined>;
};

export function boardFactsOf({ config, database }: Base, { redis }: GatewayNeeds): BoardFacts {
  return {
    shardFacts: (open) => shardFacts(redis, open),
    archivedPositions: async ({ season }) => {
      // An embedded database that nobody has needed yet has nothing to say, and takes seconds to open.
      if (config.DATABASE_URL === undefined && !database.isOpen) return undefined;
      // Redis's own facts are good without it.
      return archivedPositions(database, season.incarnation).catch(() => undefined);
    },
  };
}
