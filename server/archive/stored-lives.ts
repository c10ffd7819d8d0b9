/** Lives of a season's data in Redis, and up to which batch of each shard's log the tables have it [R 13]. */
import { sql as raw } from "kysely";
import type { Database, Sql } from "../database/database.ts";

export type Position = {
  /** Batches of the shard that are in the tables whole. */
  n: number;
  /** When the last of them was written; undefined before the first one. */
  at: Date | undefined;
};

export type StoredLife = {
  life: number;
  /** 1 for the first life of a season. */
  ordinal: number;
  incarnation: string;
};

type SeasonOf = { board: string; season: number };

/** The newest life of a season; undefined when the archive has none. @throws AppError unavailable */
export function newestLife(database: Database, of: SeasonOf): Promise<StoredLife | undefined> {
  return database.run((sql) => lifeQuery(sql, of).executeTakeFirst());
}

/** Every life of a season, the first one first. @throws AppError unavailable */
export function livesOf(database: Database, { board, season }: SeasonOf): Promise<StoredLife[]> {
  return database.run((sql) =>
    sql
      .selectFrom("lives")
      .select(["life", "ordinal", "incarnation"])
      .where("board", "=", board)
      .where("season", "=", season)
      .orderBy("ordinal")
      .execute(),
  );
}

/** Shard → position. A shard without one is at 0. @throws AppError unavailable */
export async function positionsOf(database: Database, life: number): Promise<Map<number, Position>> {
  const rows = await database.run((sql) => positionQuery(sql, life).execute());
  return byShard(rows);
}

/**
 * Begin the next life of a season where the last one stands in the tables. Whoever writes for the last one holds its positions, so that
 * nothing is between what is read here and the new life's beginning.
 * @returns the new life, and the positions that it goes on from
 * @throws AppError unavailable
 */
export function beginNextLife(
  database: Database,
  of: SeasonOf,
  { incarnation, shards }: { incarnation: string; shards: number },
): Promise<{ life: StoredLife; positions: Map<number, Position> }> {
  return database.run((sql) =>
    sql.transaction().execute(async (transaction) => {
      // As every life begins: two at once would get the same ordinal.
      await raw`lock table lives in share row exclusive mode`.execute(transaction);
      const last = await lifeQuery(transaction, of).forUpdate().executeTakeFirst();
      const rows = last ? await positionQuery(transaction, last.life).forUpdate().execute() : [];
      const ordinal = (last?.ordinal ?? 0) + 1;
      const { life } = await transaction
        .insertInto("lives")
        .values({ ...of, ordinal, incarnation })
        .returning("life")
        .executeTakeFirstOrThrow();
      const positions = byShard(rows);
      const values = Array.from({ length: shards }, (_, shard) => {
        const { n, at } = positions.get(shard) ?? { n: 0, at: undefined };
        return { life, shard, n, at: at ?? new Date(0), entry_id: "0-0" };
      });
      await transaction.insertInto("shard_positions").values(values).execute();
      return { life: { life, ordinal, incarnation }, positions };
    }),
  );
}

function lifeQuery(sql: Sql, { board, season }: SeasonOf) {
  return sql
    .selectFrom("lives")
    .select(["life", "ordinal", "incarnation"])
    .where("board", "=", board)
    .where("season", "=", season)
    .orderBy("ordinal", "desc")
    .limit(1);
}

function positionQuery(sql: Sql, life: number) {
  return sql
    .selectFrom("shard_positions")
    .select(["shard", "n", "at"])
    .where("life", "=", life)
    .orderBy("shard");
}

function byShard(rows: { shard: number; n: number; at: Date }[]): Map<number, Position> {
  return new Map(
    rows.map(({ shard, n, at }) => [shard, { n, at: n === 0 || at.getTime() === 0 ? undefined : at }]),
  );
}

/** Seasons of a board whose final tables are complete: Redis need not hold them. @throws AppError unavailable */
export async function archivedSeasons(database: Database, board: string): Promise<Set<number>> {
  const rows = await database.run((db) =>
    db
      .selectFrom("seasons")
      .select("season")
      .where("board", "=", board)
      .where("archived_at", "is not", null)
      .execute(),
  );
  return new Set(rows.map(({ season }) => season));
}
