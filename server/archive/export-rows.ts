/**
 * What an export reads of a season that still moves: all entries in small steps, and then what has changed meanwhile, shard by shard, until
 * one question sees the end of the changes and the shard's position at once.
 *
 * No transaction lasts longer than a step, so that others who use the same PGlite come in between.
 */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

type SeasonOf = { board: string; season: number };

/** Rows of one question. */
const STEP = 2_000;

/** Some entries: one line each (`spooledLine`), and how far the rows of each shard are. */
export type EntryStep = {
  lines: string;
  count: number;
  /** Shard → the largest batch that a row of this life is of. */
  newest: Map<number, number>;
};

type StepRow = { shard: number; last: string; lines: string; count: number; newest: number | null };

/** Every entry that is there all the time, once: member, key, rest, visibility and, where there is some, metadata as JSON, between tabs. @throws AppError unavailable */
export async function* entrySteps(
  database: Database,
  { board, season }: SeasonOf,
  life: number,
  step = STEP,
): AsyncGenerator<EntryStep> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const from: string = after;
    const { rows } = await database.run((db) =>
      db.transaction().execute(async (transaction) => {
        // In the order of the primary key: of a large season the planner would rather sort everything, anew for each step.
        await sql`set local enable_sort = off`.execute(transaction);
        return sql<StepRow>`
          select shard, max(member) as last, count(*) as count, max(n) filter (where life = ${life}) as newest,
            string_agg(concat_ws(chr(9), member, key, rest, visibility, to_json(metadata)), chr(10)) as lines
          from (
            select member, shard, key, rest, visibility, metadata, life, n from current_entries
            where board = ${board} and season = ${season} and member > ${from}
            order by member limit ${step}
          ) step
          group by shard`.execute(transaction);
      }),
    );
    if (rows.length === 0) return;
    const count = rows.reduce((sum, row) => sum + row.count, 0);
    yield {
      lines: rows.map(({ lines }) => lines).join("\n"),
      count,
      newest: new Map(rows.flatMap(({ shard, newest }) => (newest === null ? [] : [[shard, newest]]))),
    };
    after = count < step ? undefined : last(rows);
  }
}

/** As the database orders members. */
function last(rows: readonly StepRow[]): string {
  return rows
    .map(({ last }) => last)
    .reduce((a, b) => (Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0 ? b : a));
}

export type ChangedEntry = {
  member: string;
  key: number;
  rest: string;
  visibility: number;
  metadata: string | null;
};

/** What has changed in a shard between two batches. */
export type ShardChanges = {
  /** Everything up to this batch is in `present` and `gone`. */
  upTo: number;
  /** The shard's position in the instant of the question: when `upTo` is there, the entries are those of this batch. */
  position: number;
  at: Date;
  /** Batches between the two are not in the score log: it was cleared, or has a hole. */
  isBroken: boolean;
  present: ChangedEntry[];
  gone: string[];
  /** The largest batch that one of `present` is of. */
  newest: number;
};

type ChangeRow = {
  position: number;
  at: Date;
  up_to: number;
  batches: number;
  touched: string | null;
  member: string | null;
  key: number;
  rest: string;
  visibility: number;
  metadata: string | null;
  of_life: number;
  n: number;
};

/** The next changes behind batch `after`, as their entries are now; of one instant. @throws AppError unavailable */
export async function shardChanges(
  database: Database,
  { board, season, life, shard }: SeasonOf & { life: number; shard: number },
  after: number,
  step = STEP,
): Promise<ShardChanges> {
  const { rows } = await database.run((db) =>
    sql<ChangeRow>`
      with following as (
        select n from score_log where life = ${life} and shard = ${shard} and n > ${after} order by n, item limit ${step}
      ), reach as (
        select coalesce(max(n), ${after}::bigint) as up_to, count(distinct n) as batches from following
      )
      select p.n as position, p.at, r.up_to, r.batches, t.member as touched,
        c.member, c.key, c.rest, c.visibility, c.metadata, c.life as of_life, c.n
      from reach r
      left join shard_positions p on p.life = ${life} and p.shard = ${shard}
      left join (
        select distinct l.member from score_log l
        where l.life = ${life} and l.shard = ${shard} and l.n > ${after} and l.n <= (select up_to from reach)
      ) t on true
      left join current_entries c on c.board = ${board} and c.season = ${season} and c.member = t.member`.execute(
      db,
    ),
  );
  const { position, at, up_to: upTo, batches } = rows[0]!;
  const present = rows.filter(({ member }) => member !== null);
  return {
    upTo,
    position: position ?? 0,
    at: at ?? new Date(0),
    isBroken:
      batches !== upTo - after || (position ?? 0) < upTo || (batches === 0 && (position ?? 0) !== after),
    present: present.map(({ member, key, rest, visibility, metadata }) => ({
      member: member!,
      key,
      rest,
      visibility,
      metadata,
    })),
    gone: rows.flatMap(({ touched, member }) => (touched !== null && member === null ? [touched] : [])),
    newest: Math.max(0, ...present.filter((row) => row.of_life === life).map(({ n }) => n)),
  };
}
