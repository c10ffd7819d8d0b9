/** How far the tables are, shard by shard, for an operator's look. */
import type { Database } from "../database/database.ts";

export type ArchivedPosition = {
  /** The last batch that is in the tables. */
  n: number;
  /** When it was made. */
  at: Date;
};

/** Of one life of a season's data, by shard; none where nothing is archived yet. @throws AppError unavailable */
export async function archivedPositions(
  database: Database,
  incarnation: string,
): Promise<Map<number, ArchivedPosition>> {
  const rows = await database.run((db) =>
    db
      .selectFrom("shard_positions")
      .innerJoin("lives", "lives.life", "shard_positions.life")
      .select(["shard", "n", "at"])
      .where("incarnation", "=", incarnation)
      .execute(),
  );
  return new Map(rows.map(({ shard, n, at }) => [shard, { n: Number(n), at }]));
}
