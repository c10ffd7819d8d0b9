/**
 * A season's final table as it is read: entries by their place in the board's order (`ordinal`, from 1), hidden ones among them.
 *
 * A stored rank is the ordinal of the first entry that has it, for shared ties too. So the rank that is shown is the stored one less the
 * hidden entries before that ordinal, and hiding somebody is one flag. Hidden ones are few; each question counts them by an index of theirs.
 */
import { sql } from "kysely";
import type { Database, Sql } from "../database/database.ts";

export type FinalOf = { board: string; season: number };

export type FinalRow = {
  ordinal: number;
  rank: number;
  member: string;
  key: number;
  rest: string;
  metadata: string | null;
};

const COLUMNS = ["ordinal", "rank", "member", "key", "rest", "metadata"] as const;

/** All questions of `ask` see one instant. @throws AppError unavailable, and what `ask` throws itself */
export function readFinal<T>(
  database: Database,
  of: FinalOf,
  ask: (table: FinalTable) => Promise<T>,
): Promise<T> {
  return database.run((db) =>
    db
      .transaction()
      .setIsolationLevel("repeatable read")
      .execute((transaction) => ask(new FinalTable(transaction, of))),
  );
}

export class FinalTable {
  readonly #db: Sql;
  readonly #of: FinalOf;

  constructor(db: Sql, of: FinalOf) {
    this.#db = db;
    this.#of = of;
  }

  /** Those of the members who are shown, best first. */
  members(members: readonly string[]): Promise<FinalRow[]> {
    return this.#shown().where(sql<boolean>`member = any(${members}::text[])`).orderBy("ordinal").execute();
  }

  /** Shown entries from an ordinal on, in order. */
  from(ordinal: number, limit: number): Promise<FinalRow[]> {
    return this.#shown().where("ordinal", ">=", ordinal).orderBy("ordinal").limit(limit).execute();
  }

  /** Shown entries at these ordinals, in order. */
  at(ordinals: readonly number[]): Promise<FinalRow[]> {
    return this.#shown()
      .where(sql<boolean>`ordinal = any(${ordinals}::bigint[])`)
      .orderBy("ordinal")
      .execute();
  }

  /** How many entries are shown. */
  async total(): Promise<number> {
    const { board, season } = this.#of;
    const { rows } = await sql<{ total: number }>`
      select coalesce(max(entries), 0) - (
        select count(*) from final_entries where board = ${board} and season = ${season} and visibility <> 0
      ) as total from seasons where board = ${board} and season = ${season}`.execute(this.#db);
    return rows[0]!.total;
  }

  /** For each ordinal, the hidden entries before it. */
  hiddenBefore(ordinals: readonly number[]): Promise<number[]> {
    return this.#hiddenBelow("ordinal", ordinals);
  }

  /** The ordinals of the first, second, … shown entry: `nth` counts from 1. Above the last one an ordinal that nobody has. */
  async ordinalsOfShown(nth: readonly number[]): Promise<number[]> {
    const hidden = await this.#hiddenBelow("shown_before", nth);
    return nth.map((shown, i) => shown + hidden[i]!);
  }

  /** The ordinal of the first entry at or behind a key, whoever has it; undefined behind the last. `rest` may be the beginning of one. */
  async firstAt({ key, rest }: { key: number; rest: string }): Promise<number | undefined> {
    const row = await this.#entries()
      .select("ordinal")
      .where(sql<boolean>`(key, rest) >= (${key}, ${rest})`)
      .orderBy("key")
      .orderBy("rest")
      .orderBy("ordinal")
      .executeTakeFirst();
    return row?.ordinal;
  }

  /** The ordinal of the first entry behind a place, which nobody need have any more; undefined behind the last. */
  async firstAfter(place: { key: number; rest: string; member: string }): Promise<number | undefined> {
    const { key, rest, member } = place;
    const row = await this.#entries()
      .select("ordinal")
      .where(sql<boolean>`(key, rest) >= (${key}, ${rest})`)
      .where(sql<boolean>`((key, rest) > (${key}, ${rest}) or member > ${member})`)
      .orderBy("key")
      .orderBy("rest")
      .orderBy("ordinal")
      .executeTakeFirst();
    return row?.ordinal;
  }

  /** For each limit, the hidden entries with a smaller ordinal, or with fewer shown ones before them. One pass over the hidden ones. */
  async #hiddenBelow(by: "ordinal" | "shown_before", limits: readonly number[]): Promise<number[]> {
    if (limits.length === 0) return [];
    const { board, season } = this.#of;
    const { rows } = await sql<{ hidden: number }>`
      with hidden as (
        select ordinal, ordinal - row_number() over (order by ordinal) as shown_before from final_entries
        where board = ${board} and season = ${season} and visibility <> 0
      ), merged as (
        select at, nth from unnest(${limits}::bigint[]) with ordinality as asked(at, nth)
        union all select ${sql.ref(by)}, null from hidden
      ), counted as (
        select nth, count(*) filter (where nth is null)
          over (order by at, nth is null rows unbounded preceding) as hidden from merged
      ) select hidden from counted where nth is not null order by nth`.execute(this.#db);
    return rows.map(({ hidden }) => hidden);
  }

  #entries() {
    const { board, season } = this.#of;
    return this.#db.selectFrom("final_entries").where("board", "=", board).where("season", "=", season);
  }

  #shown() {
    return this.#entries().select(COLUMNS).where("visibility", "=", 0);
  }
}
