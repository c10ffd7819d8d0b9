/**
 * Boards in PostgreSQL: a copy of each record by its revision, a row for every season that it names, and the lives of their data in Redis.
 *
 * A life begins with a season, and again with every rebuild of it: what the archive keeps of a shard is by life, so that batches of
 * two lives, which both count from one, are never taken for each other [R 3].
 */
import { sql } from "kysely";
import type { Database, Sql } from "../database/database.ts";
import type { BoardRecord, BoardSeason } from "../leaderboard/board.ts";

export class BoardMirror {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Bring the tables up to this record. A copy with a lower revision than theirs changes nothing: it is of a store that was lost and made
   * anew, or has been read too long ago.
   * @returns the life of each incarnation in the record, or `older`
   * @throws AppError unavailable
   */
  mirror(record: BoardRecord): Promise<ReadonlyMap<string, number> | "older"> {
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const known = await saveBoard(within, record);
        if (known > record.revision) return "older";
        // What the tables keep of a board that is gone does not change by it.
        if (record.deleted) return new Map();
        const lives = new Map<string, number>();
        for (const season of seasonsOf(record)) {
          await saveSeason(within, season);
          const { board, season: of } = season;
          lives.set(of.incarnation, await lifeOf(within, board.id, of.number, of.incarnation));
        }
        return lives;
      }),
    );
  }

  /** The number of a season's life, which begins with this call where it is not known: at the opening, and at a rebuild. @throws AppError unavailable */
  ensureLife(board: string, season: number, incarnation: string): Promise<number> {
    return this.#database.run((db) =>
      db.transaction().execute((within) => lifeOf(within, board, season, incarnation)),
    );
  }

  /** The record with the highest revision that was mirrored; undefined for an unknown board. It is as it was stored: parse it. @throws AppError unavailable */
  async recordOf(board: string): Promise<unknown> {
    const row = await this.#database.run((db) =>
      db.selectFrom("boards").select("record").where("board", "=", board).executeTakeFirst(),
    );
    return row?.record ?? undefined;
  }

  /** The highest revision that was mirrored; undefined for an unknown board. @throws AppError unavailable */
  async revisionOf(board: string): Promise<number | undefined> {
    const row = await this.#database.run((db) =>
      db.selectFrom("boards").select("revision").where("board", "=", board).executeTakeFirst(),
    );
    return row?.revision;
  }

  /** The boards that are not deleted, by id. @throws AppError unavailable */
  async living(): Promise<string[]> {
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("boards")
        .select("board")
        .where(sql<boolean>`record -> 'deleted' is null`)
        .orderBy("board")
        .execute(),
    );
    return rows.map(({ board }) => board);
  }

  /** Every board that was ever mirrored, by id: its stored record. @throws AppError unavailable */
  async records(): Promise<Map<string, unknown>> {
    const rows = await this.#database.run((db) =>
      db.selectFrom("boards").select(["board", "record"]).orderBy("board").execute(),
    );
    return new Map(rows.map(({ board, record }) => [board, record]));
  }
}

/** All that a record says of seasons, oldest first. */
export function seasonsOf({ board, season, next, closing }: BoardRecord): BoardSeason[] {
  return [...closing, { board, season }, ...(next ? [next] : [])];
}

/** @returns the revision that the table has after it */
async function saveBoard(db: Sql, record: BoardRecord): Promise<number> {
  const { board, revision } = record;
  await db
    .insertInto("boards")
    .values({ board: board.id, record: JSON.stringify(record), revision })
    .onConflict((conflict) =>
      conflict
        .column("board")
        .doUpdateSet((eb) => ({
          record: sql`excluded.record`,
          revision: eb.ref("excluded.revision"),
          updated_at: sql<Date>`now()`,
        }))
        .whereRef("boards.revision", "<", "excluded.revision"),
    )
    .execute();
  const row = await db
    .selectFrom("boards")
    .select("revision")
    .where("board", "=", board.id)
    .forUpdate()
    .executeTakeFirstOrThrow();
  return row.revision;
}

/** Until it is in the archive its rules may change, and before it opens the instant at which it will. */
async function saveSeason(db: Sql, { board, season }: BoardSeason): Promise<void> {
  await db
    .insertInto("seasons")
    .values({
      board: board.id,
      season: season.number,
      definition: JSON.stringify(board),
      opened_at: new Date(season.openedAtMs),
    })
    .onConflict((conflict) =>
      conflict
        .columns(["board", "season"])
        .doUpdateSet((eb) => ({
          definition: sql`excluded.definition`,
          opened_at: eb.ref("excluded.opened_at"),
        }))
        .where("seasons.archived_at", "is", null),
    )
    .execute();
}

/** A season's lives are numbered in the order in which they began; the lock on them is the table's, since they begin seldom. */
async function lifeOf(db: Sql, board: string, season: number, incarnation: string): Promise<number> {
  const find = () =>
    db.selectFrom("lives").select("life").where("incarnation", "=", incarnation).executeTakeFirst();
  const known = await find();
  if (known) return known.life;
  await sql`lock table lives in share row exclusive mode`.execute(db);
  const meanwhile = await find();
  if (meanwhile) return meanwhile.life;
  const { last } = await db
    .selectFrom("lives")
    .select(sql<number>`coalesce(max(ordinal), 0)`.as("last"))
    .where("board", "=", board)
    .where("season", "=", season)
    .executeTakeFirstOrThrow();
  const begun = await db
    .insertInto("lives")
    .values({ board, season, ordinal: last + 1, incarnation })
    .returning("life")
    .executeTakeFirstOrThrow();
  return begun.life;
}
