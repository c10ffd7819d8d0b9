/** Reads of archived feeds: what must be applied for the top as it stood, whole tops over time, and the earliest instant that is kept. */
import { sql } from "kysely";
import type { Position, Row } from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";
import type { Database, Sql } from "../database/database.ts";
import { decodeFrames, decodeTop, type PastFrame, type PastRow } from "./feed-bodies.ts";
import { type ArchivedFeed, readArchivedFeed } from "./feed-frames.ts";
import type { FinalOf } from "./final-table.ts";

/** The last top of the archive at or before an instant. */
export type ArchivedTop = {
  life: number;
  incarnation: string;
  position: Position;
  /** The instant of its last frame. */
  atMs: number;
  total: number;
  /** Best first. */
  rows: PastRow[];
  /** Set where the instant lies behind frames that are lost: nothing is known from the one to the other. */
  gap: { fromMs: number; toMs: number } | undefined;
  /** Set where no frame behind this top is archived: where the archive of its life ends. */
  end: ArchivedFeed | undefined;
};

/** @throws AppError unavailable. @returns undefined where the archive begins later, or has nothing */
export async function topAt(database: Database, of: FinalOf, atMs: number): Promise<ArchivedTop | undefined> {
  const found = await database.run((db) =>
    // One instant, so that retention takes nothing away in between.
    db
      .transaction()
      .setIsolationLevel("repeatable read")
      .execute(async (within) => {
        const base = await lastTopOf(within, of, atMs);
        if (!base) return undefined;
        const parts = await within
          .selectFrom("feed_parts")
          .selectAll()
          .where("life", "=", base.life)
          .where("part", ">=", base.part)
          .where("first_at", "<=", atMs)
          .orderBy("part")
          .execute();
        return { base, parts, gap: await nextGap(within, of, base) };
      }),
  );
  if (!found) return undefined;
  const { base, parts, gap } = found;
  const first = parts[0]!;
  let { total, rows } = decodeTop(first.body);
  const applied: PastFrame[] = [];
  let position: Position = { epoch: first.epoch, offset: first.first_offset };
  let last = first.first_at;
  for (const { epoch, first_at, first_offset, body } of parts.slice(1)) {
    const frames = decodeFrames(first_at, body);
    const upTo = frames.filter((frame) => frame.atMs <= atMs);
    const newest = upTo.at(-1);
    if (!newest) continue;
    applied.push(...upTo);
    [total, last] = [newest.total, newest.atMs];
    position = { epoch, offset: first_offset + upTo.length - 1 };
  }
  rows = applyPast(rows, applied);
  const archived = await readArchivedFeed(database, base.life);
  const isEnd = archived?.epoch === position.epoch && archived.offset === position.offset;
  const inGap = gap && gap.fromMs < atMs && atMs < gap.toMs ? gap : undefined;
  const { life, incarnation } = base;
  return {
    life,
    incarnation,
    position,
    atMs: last,
    total,
    rows,
    gap: inGap,
    end: isEnd ? archived : undefined,
  };
}

/** Past rows after frames that follow them. Of several words on a member the last one counts, so all are applied at once. */
export function applyPast(rows: readonly PastRow[], frames: readonly PastFrame[]): PastRow[] {
  const words = new Map<string, PastRow | undefined>();
  for (const { set, drop } of frames) {
    for (const member of drop) words.set(member, undefined);
    for (const row of set) words.set(row[0], row);
  }
  const set = [...words.values()].filter((row) => row !== undefined);
  const drop = [...words.keys()];
  // Their order needs no columns.
  return applyRows(rows as unknown as Row[], set as unknown as Row[], drop) as unknown as PastRow[];
}

type Base = { life: number; ordinal: number; incarnation: string; part: number };

async function lastTopOf(db: Sql, { board, season }: FinalOf, atMs: number): Promise<Base | undefined> {
  const { rows } = await sql<Base>`
    select l.life, l.ordinal, l.incarnation, p.part from lives l cross join lateral (
      select part from feed_parts where life = l.life and kind = 'top' and first_at <= ${atMs}
      order by first_at desc, part desc limit 1
    ) p where l.board = ${board} and l.season = ${season} order by l.ordinal desc limit 1`.execute(db);
  return rows[0];
}

async function nextGap(db: Sql, { board, season }: FinalOf, { ordinal, part }: Base) {
  const { rows } = await sql<{ fromMs: number; toMs: number }>`
    select p.gap_from as "fromMs", p.first_at as "toMs" from lives l join feed_parts p on p.life = l.life
    where l.board = ${board} and l.season = ${season} and p.gap_from is not null
      and (l.ordinal > ${ordinal} or (l.ordinal = ${ordinal} and p.part > ${part}))
    order by l.ordinal, p.part limit 1`.execute(db);
  return rows[0];
}

/** The first instant of a season that is kept; undefined where nothing is. @throws AppError unavailable */
export async function earliestTop(
  database: Database,
  { board, season }: FinalOf,
): Promise<number | undefined> {
  const { rows } = await database.run((db) =>
    sql<{ at: number | null }>`
      select min(p.first_at) as at from lives l join feed_parts p on p.life = l.life
      where l.board = ${board} and l.season = ${season} and p.kind = 'top'`.execute(db),
  );
  return rows[0]?.at ?? undefined;
}

/** Where whole tops are kept, oldest first. */
export type TopMark = { life: number; part: number; atMs: number };

/** Those of a season between two instants. @throws AppError unavailable */
export async function topMarks(
  database: Database,
  { board, season }: FinalOf,
  { fromMs, toMs, max }: { fromMs: number; toMs: number; max: number },
): Promise<TopMark[]> {
  const { rows } = await database.run((db) =>
    sql<TopMark>`
      select p.life, p.part, p.first_at as "atMs" from lives l join feed_parts p on p.life = l.life
      where l.board = ${board} and l.season = ${season} and p.kind = 'top'
        and p.first_at >= ${fromMs} and p.first_at <= ${toMs}
      order by l.ordinal desc, p.part desc limit ${max}`.execute(db),
  );
  return rows.reverse();
}

/** The tops themselves, in the order of the marks; those that retention took meanwhile are undefined. @throws AppError unavailable */
export async function topsOf(database: Database, marks: readonly TopMark[]) {
  const rows = await database.run((db) =>
    sql<{ life: number; part: number; body: Buffer }>`
      select p.life, p.part, p.body from feed_parts p
      join unnest(${marks.map(({ life }) => life)}::int[], ${marks.map(({ part }) => part)}::bigint[]) as m (life, part)
        on m.life = p.life and m.part = p.part`.execute(db),
  );
  const bodies = new Map(rows.rows.map(({ life, part, body }) => [`${life} ${part}`, body]));
  return marks.map(({ life, part }) => {
    const body = bodies.get(`${life} ${part}`);
    return body && decodeTop(body);
  });
}
