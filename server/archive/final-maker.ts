/**
 * The making of a season's final table from its mirrored entries, in steps of bounded length: PGlite runs in this process, and a season
 * may have millions of entries.
 *
 * The entries are copied, by member, into a draft that keeps them in the board's order, and go from there into `final_entries`, each with
 * its place. Nobody reads them before the season's row says `archived_at`, which is one transaction. A run that was cut off is begun again.
 */
import { createHash } from "node:crypto";
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database, Sql } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

/** Rows of one statement: well below a tenth of a second of PGlite. */
const STEP_ROWS = 2_000;

export type FinalSeason = FinalOf & {
  /** The rules and the season, as JSON. */
  definition: object;
  openedAtMs: number;
  /** When it stopped taking submissions, where its row does not say so. */
  endedAtMs: number;
  /** Entries with equal keys share a rank. */
  tiesShared: boolean;
};

export class FinalMaker {
  readonly #database: Database;
  readonly #stepRows: number;

  get database(): Database {
    return this.#database;
  }

  constructor(database: Database, { stepRows = STEP_ROWS }: { stepRows?: number } = {}) {
    this.#database = database;
    this.#stepRows = stepRows;
  }

  /** Up to which batch each shard of a life is in the tables; a shard that is not named has none. @throws AppError unavailable */
  positions(incarnation: string): Promise<Map<number, number>> {
    return this.#database.run(async (db) => {
      const rows = await db
        .selectFrom("lives")
        .innerJoin("shard_positions", "shard_positions.life", "lives.life")
        .select(["shard", "n"])
        .where("incarnation", "=", incarnation)
        .execute();
      return new Map(rows.map(({ shard, n }) => [shard, n]));
    });
  }

  /** Whether the season's final table is complete. @throws AppError unavailable */
  async isArchived({ board, season }: FinalOf): Promise<boolean> {
    const row = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .select("archived_at")
        .where("board", "=", board)
        .where("season", "=", season)
        .executeTakeFirst(),
    );
    return row !== undefined && row.archived_at !== null;
  }

  /**
   * Make the table of a season whose mirrored entries do not change any more. Whatever an earlier run has left of it is made anew.
   * @param stillSo asked before the last step, so that what came in meanwhile is not left out; false gives the table up
   * @returns entries, hidden ones among them; undefined when it was given up
   * @throws AppError unavailable, or internal when the entries changed meanwhile: call it again
   */
  async make(season: FinalSeason, stillSo: () => Promise<boolean>): Promise<number | undefined> {
    const draft = draftOf(season);
    await this.#clear("final_entries", "ordinal", season);
    await this.#make(season, sql`drop table if exists ${draft}`);
    await this.#make(
      season,
      sql`create unlogged table ${draft} (
      key double precision not null, rest text collate "C" not null, member text collate "C" not null,
      visibility smallint not null, metadata text, primary key (key, rest, member))`,
    );
    const copied = await this.#copy(season, draft);
    // PGlite has nobody who would do it by and by.
    await this.#run(sql`analyze ${draft}`);
    await this.#number(season, draft);
    await this.#make(season, sql`drop table ${draft}`);
    await this.#run(sql`analyze final_entries`);
    if (!(await stillSo())) return undefined;
    await this.#finish(season, copied);
    return copied;
  }

  /** Take the mirrored entries away; their place is in the final table now. @throws AppError unavailable */
  clearMirror(season: FinalOf): Promise<void> {
    return this.#clear("current_entries", "member", season);
  }

  async #copy(of: FinalOf, draft: Draft): Promise<number> {
    const { board, season } = of;
    let copied = 0;
    for (let after = ""; ; ) {
      const { rows } = await this.#make(
        of,
        sql<{ last: string | null; count: number }>`
        with part as (
          select key, rest, member, visibility, metadata from current_entries
          where board = ${board} and season = ${season} and member > ${after} order by member limit ${this.#stepRows}
        ), written as (insert into ${draft} select * from part)
        select max(member) as last, count(*) as count from part`,
      );
      const { last, count } = rows[0]!;
      if (last === null) return copied;
      copied += count;
      after = last;
    }
  }

  /** Ordinals and ranks follow those of the last row that stands there. */
  async #number(of: FinalSeason, draft: Draft): Promise<void> {
    const { board, season, tiesShared } = of;
    for (;;) {
      const { rows } = await this.#make(
        of,
        sql<{ written: number }>`
        with last as (
          select ordinal, rank, key, rest, member from final_entries
          where board = ${board} and season = ${season} order by ordinal desc limit 1
        ), behind as (
          select coalesce(max(ordinal), 0) as ordinal, max(rank) as rank, coalesce(max(key), '-infinity') as key,
            coalesce(max(rest), '') as rest, coalesce(max(member), '') as member from last
        ), part as (
          select * from ${draft} where (key, rest, member) > ((select key from behind), (select rest from behind), (select member from behind))
          order by key, rest, member limit ${this.#stepRows}
        ), placed as (
          select part.*, behind.ordinal + row_number() over (order by part.key, part.rest, part.member) as ordinal,
            case when not ${tiesShared}::boolean then null when part.key = behind.key and part.rest = behind.rest then behind.rank
              else behind.ordinal + rank() over (order by part.key, part.rest) end as shared
          from part cross join behind
        ), written as (
          insert into final_entries (board, season, ordinal, rank, member, key, rest, visibility, metadata)
          select ${board}, ${season}::int, ordinal, coalesce(shared, ordinal), member, key, rest, visibility, metadata from placed
          returning 1
        ) select count(*) as written from written`,
      );
      if (rows[0]!.written === 0) return;
    }
  }

  #finish({ board, season, ...facts }: FinalSeason, copied: number): Promise<void> {
    const row = {
      definition: JSON.stringify(facts.definition),
      archived_at: new Date(),
      entries: copied,
    };
    const endedAt = new Date(facts.endedAtMs);
    return this.#database.run((db) =>
      db.transaction().execute(async (transaction) => {
        await lockUnfinished(transaction, { board, season });
        const { made, last } = await transaction
          .selectFrom("final_entries")
          .select((eb) => [eb.fn.countAll<number>().as("made"), eb.fn.max("ordinal").as("last")])
          .where("board", "=", board)
          .where("season", "=", season)
          .executeTakeFirstOrThrow();
        if (made !== copied || (last ?? 0) !== copied) {
          const message = `The final table of ${board}, season ${season}, has ${made} of ${copied} entries.`;
          throw new AppError("internal", { message });
        }
        const opened_at = new Date(facts.openedAtMs);
        await transaction
          .insertInto("seasons")
          .values({ board, season, opened_at, ended_at: endedAt, ...row })
          .onConflict((conflict) =>
            conflict
              .columns(["board", "season"])
              .doUpdateSet({ ...row, ended_at: sql<Date>`coalesce(seasons.ended_at, ${endedAt})` }),
          )
          .execute();
      }),
    );
  }

  /** In the order of a key, each step from the last one on: what is deleted stays in the index for a while. */
  async #clear(
    table: "final_entries" | "current_entries",
    by: "ordinal" | "member",
    of: FinalOf,
  ): Promise<void> {
    const { board, season } = of;
    const [rows, key] = [sql.table(table), sql.ref(by)];
    let from = sql``;
    for (;;) {
      const step = sql<{ last: string | number | null }>`
        with part as (
          select ${key} as key from ${rows} where board = ${board} and season = ${season} ${from} order by ${key} limit ${this.#stepRows}
        ), gone as (
          delete from ${rows} where board = ${board} and season = ${season} ${from} and ${key} <= (select max(key) from part)
        ) select max(key) as last from part`;
      const { rows: ends } = await (table === "final_entries" ? this.#make(of, step) : this.#run(step));
      const { last } = ends[0]!;
      if (last === null) return;
      from = sql`and ${key} > ${last}`;
    }
  }

  /** A step of the making, which nobody takes once the table is complete: another process may have finished it while this one was held up. */
  #make<T>(of: FinalOf, question: ReturnType<typeof sql<T>>) {
    return this.#database.run((db) =>
      db.transaction().execute(async (transaction) => {
        await lockUnfinished(transaction, of);
        return question.execute(transaction);
      }),
    );
  }

  #run<T>(question: ReturnType<typeof sql<T>>) {
    return this.#database.run((db) => question.execute(db));
  }
}

/** Until the transaction's end nobody else makes or finishes this table. @throws AppError internal when it is complete: call again, and hear so */
async function lockUnfinished(transaction: Sql, { board, season }: FinalOf): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`final ${board} ${season}`}, 0))`.execute(
    transaction,
  );
  const row = await transaction
    .selectFrom("seasons")
    .select("archived_at")
    .where("board", "=", board)
    .where("season", "=", season)
    .executeTakeFirst();
  if (!row || row.archived_at === null) return;
  throw new AppError("internal", { message: `Season ${season} of ${board} was archived meanwhile.` });
}

type Draft = ReturnType<typeof draftOf>;

/** A table of its own, because dropping it leaves nothing behind; a board's id may be longer than a table's name. */
function draftOf({ board, season }: FinalOf) {
  const name = createHash("sha256").update(`${board} ${season}`).digest("hex").slice(0, 32);
  return sql.table(`final_draft_${name}`);
}
