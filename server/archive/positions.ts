/**
 * Up to which batch of each shard's score log everything is in the tables. A position changes with what it stands for in one transaction that
 * holds its row, so that of two archivers, or of one that comes back from a long pause, each batch counts once [R 13].
 */
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database, Sql } from "../database/database.ts";

/** A shard of one life of a season. */
export type ArchivedShard = { board: string; season: number; life: number; shard: number };

export type Position = {
  n: number;
  /** The entry of that batch; "0-0" before the first one. */
  entryId: string;
};

const START: Position = { n: 0, entryId: "0-0" };

/** Of every shard of these lives that has one. @throws AppError unavailable */
export async function readPositions(
  database: Database,
  lives: readonly number[],
): Promise<Map<number, Map<number, Position>>> {
  const rows = await database.run((db) =>
    db
      .selectFrom("shard_positions")
      .select(["life", "shard", "n", "entry_id"])
      .where(sql<boolean>`life = any(${[...lives]}::int[])`)
      .execute(),
  );
  const found = new Map<number, Map<number, Position>>(lives.map((life) => [life, new Map()]));
  for (const { life, shard, n, entry_id } of rows) found.get(life)?.set(shard, { n, entryId: entry_id });
  return found;
}

/**
 * Holds the position's row until the transaction ends.
 * @throws AppError store_lost when the season has been rebuilt from these tables: what is left of the life before it is not in Redis any more
 */
export async function lockPosition(db: Sql, { life, shard }: ArchivedShard): Promise<Position> {
  const held = await lockedRow(db, life, shard);
  // Asked with the row in hand: a rebuild holds all of them while it begins the next life (stored-lives.ts).
  if (await isOutlived(db, life)) throw new AppError("store_lost", { message: `Life ${life} is over.` });
  if (held) return held;
  await db
    .insertInto("shard_positions")
    .values({ life, shard, n: START.n, entry_id: START.entryId, at: new Date() })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return (await lockedRow(db, life, shard)) ?? START;
}

async function isOutlived(db: Sql, life: number): Promise<boolean> {
  const later = await db
    .selectFrom("lives as own")
    .innerJoin("lives as later", (join) =>
      join.onRef("later.board", "=", "own.board").onRef("later.season", "=", "own.season"),
    )
    .select("later.life")
    .where("own.life", "=", life)
    .whereRef("later.ordinal", ">", "own.ordinal")
    .limit(1)
    .executeTakeFirst();
  return later !== undefined;
}

async function lockedRow(db: Sql, life: number, shard: number): Promise<Position | undefined> {
  const row = await db
    .selectFrom("shard_positions")
    .select(["n", "entry_id"])
    .where("life", "=", life)
    .where("shard", "=", shard)
    .forUpdate()
    .executeTakeFirst();
  return row && { n: row.n, entryId: row.entry_id };
}

export async function movePosition(
  db: Sql,
  { life, shard }: ArchivedShard,
  { n, entryId }: Position,
  atMs: number,
): Promise<void> {
  await db
    .updateTable("shard_positions")
    .set({ n, entry_id: entryId, at: new Date(atMs) })
    .where("life", "=", life)
    .where("shard", "=", shard)
    .execute();
}
