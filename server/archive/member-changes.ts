/** Changes of entries as the score log has them, for questions about the past; in steps, so that nobody waits for one of them. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";
import type { EntryKey } from "./log-entry.ts";

/** What one batch made of one entry; undefined: no entry. */
export type PastChange = {
  member: string;
  atMs: number;
  old: EntryKey | undefined;
  now: EntryKey | undefined;
};

export type SeasonLife = { life: number; ordinal: number; incarnation: string };

const STEP = 2_000;

type LogRow = {
  member: string;
  at: Date;
  n: number;
  item: number;
  old_key: number | null;
  old_rest: string | null;
  key: number | null;
  rest: string | null;
};

/** The lives of a season, the newest first. @throws AppError unavailable */
export function livesOf(database: Database, { board, season }: FinalOf): Promise<SeasonLife[]> {
  return database.run((db) =>
    db
      .selectFrom("lives")
      .select(["life", "ordinal", "incarnation"])
      .where("board", "=", board)
      .where("season", "=", season)
      .orderBy("ordinal", "desc")
      .execute(),
  );
}

/** A member's changes behind one instant and up to another, the newest first, at most `max`. @throws AppError unavailable */
export async function changesOfMember(
  database: Database,
  lives: readonly SeasonLife[],
  member: string,
  { fromMs, toMs, max }: { fromMs: number; toMs: number; max: number },
): Promise<PastChange[]> {
  const found: PastChange[] = [];
  for (const { life } of lives) {
    for (let last: LogRow | undefined; found.length < max; ) {
      const limit = Math.min(STEP, max - found.length);
      const before = last
        ? sql`and at <= ${last.at} and (n, item) < (${last.n}::bigint, ${last.item}::smallint)`
        : sql``;
      const { rows } = await database.run((db) =>
        sql<LogRow>`
          select member, at, n, item, old_key, old_rest, key, rest from score_log
          where member = ${member} and life = ${life} and at > to_timestamp(${fromMs}::float8 / 1000)
            and at <= to_timestamp(${toMs}::float8 / 1000) ${before}
          order by at desc, n desc, item desc limit ${limit}`.execute(db),
      );
      found.push(...rows.map(changeIn));
      last = rows.at(-1);
      if (rows.length < limit) break;
    }
  }
  return found;
}

/** A member's first change behind an instant. @throws AppError unavailable */
export async function firstChangeAfter(
  database: Database,
  lives: readonly SeasonLife[],
  member: string,
  afterMs: number,
): Promise<PastChange | undefined> {
  for (const { life } of [...lives].reverse()) {
    const { rows } = await database.run((db) =>
      sql<LogRow>`
        select member, at, n, item, old_key, old_rest, key, rest from score_log
        where member = ${member} and life = ${life} and at > to_timestamp(${afterMs}::float8 / 1000)
        order by at, n, item limit 1`.execute(db),
    );
    if (rows[0]) return changeIn(rows[0]);
  }
  return undefined;
}

/** Everybody's changes behind an instant, the newest of each shard first. */
export type ScannedChanges = {
  changes: PastChange[];
  /** All behind it are there: the instant that was asked for, or a later one where the budget did not reach it. */
  fromMs: number;
};

/**
 * @param max rows to look at, shared evenly by the shards
 * @throws AppError unavailable
 */
export async function changesSince(
  database: Database,
  lives: readonly SeasonLife[],
  sinceMs: number,
  { shards, max }: { shards: number; max: number },
): Promise<ScannedChanges> {
  const found: PastChange[] = [];
  let fromMs = sinceMs;
  const budget = Math.max(1, Math.floor(max / shards));
  for (let shard = 0; shard < shards; shard++) {
    const scanned = await changesOfShard(database, lives, shard, { sinceMs, budget });
    found.push(...scanned);
    if (scanned.length >= budget) fromMs = Math.max(fromMs, scanned.at(-1)!.atMs);
  }
  return { changes: found.filter(({ atMs }) => atMs > fromMs), fromMs };
}

async function changesOfShard(
  database: Database,
  lives: readonly SeasonLife[],
  shard: number,
  { sinceMs, budget }: { sinceMs: number; budget: number },
): Promise<PastChange[]> {
  const found: PastChange[] = [];
  for (const { life } of lives) {
    let last: LogRow | undefined;
    for (;;) {
      const limit = Math.min(STEP, budget - found.length);
      if (limit === 0) return found;
      const before = last ? sql`and (n, item) < (${last.n}::bigint, ${last.item}::smallint)` : sql``;
      // By the primary key backwards: the instants of a shard's batches never go back.
      const { rows } = await database.run((db) =>
        sql<LogRow>`
          select member, at, n, item, old_key, old_rest, key, rest from score_log
          where life = ${life} and shard = ${shard} ${before} order by n desc, item desc limit ${limit}`.execute(
          db,
        ),
      );
      const behind = rows.filter(({ at }) => at.getTime() > sinceMs);
      found.push(...behind.map(changeIn));
      last = rows.at(-1);
      if (rows.length < limit || behind.length < rows.length) break;
    }
  }
  return found;
}

/** A member's entry as the tables have it; undefined where there is none. @throws AppError unavailable */
export async function mirroredEntry(
  database: Database,
  { board, season }: FinalOf,
  member: string,
): Promise<EntryKey | undefined> {
  return database.run((db) =>
    db
      .selectFrom("current_entries")
      .select(["key", "rest"])
      .where("board", "=", board)
      .where("season", "=", season)
      .where("member", "=", member)
      .executeTakeFirst(),
  );
}

/** Whether score logs have lost batches since an instant, of one shard or of any. @throws AppError unavailable */
export async function hasLogGaps(
  database: Database,
  lives: readonly SeasonLife[],
  { sinceMs, shard }: { sinceMs: number; shard?: number | undefined },
): Promise<boolean> {
  const ids = lives.map(({ life }) => life);
  const row = await database.run((db) => {
    const query = db
      .selectFrom("log_gaps")
      .select("life")
      .where(sql<boolean>`life = any(${ids}::int[])`)
      .where("at", ">", new Date(sinceMs));
    return (shard === undefined ? query : query.where("shard", "=", shard)).limit(1).executeTakeFirst();
  });
  return row !== undefined;
}

function changeIn({ member, at, old_key, old_rest, key, rest }: LogRow): PastChange {
  return { member, atMs: at.getTime(), old: keyOf(old_key, old_rest), now: keyOf(key, rest) };
}

function keyOf(key: number | null, rest: string | null): EntryKey | undefined {
  return key === null ? undefined : { key, rest: rest ?? "" };
}
