/** What a season held at given batches, told by its score log alone: the plainest model of what an export must be. */
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";

/** Member → "key|visibility|metadata". */
export type KeptState = Map<string, string>;

const SIGHTS: Record<string, number> = { hide: 1, shadow: 2, show: 0 };

/** Every change up to each shard's `n`, applied in order. Metadata is not in the log. */
export async function stateAt(
  database: Database,
  { board, season, layout }: OpenBoard,
  shards: readonly { shard: number; n: number }[],
): Promise<KeptState> {
  const rows = await database.run((db) =>
    db
      .selectFrom("score_log")
      .innerJoin("lives", "lives.life", "score_log.life")
      .select(["shard", "n", "member", "kind", "key", "rest"])
      .where("board", "=", board.id)
      .where("season", "=", season.number)
      .orderBy("shard")
      .orderBy("n")
      .orderBy("item")
      .execute(),
  );
  const upTo = new Map(shards.map(({ shard, n }) => [shard, n]));
  const sights = new Map<string, number>();
  const state: KeptState = new Map();
  for (const { shard, n, member, kind, key, rest } of rows) {
    if (n > upTo.get(shard)!) continue;
    sights.set(member, SIGHTS[kind] ?? sights.get(member) ?? 0);
    if (key === null) state.delete(member);
    else state.set(member, `${layout.kind === "packed" ? key : `${key} ${rest}`}|${sights.get(member)}|`);
  }
  return state;
}
