/** Rank indexes of the past, by life and instant: what a rank was at any depth, as exactly as was counted then. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

export type SampleMark = { life: number; atMs: number };

/** The instant of the newest sample of a life. @throws AppError unavailable */
export async function lastSampleMs(database: Database, life: number): Promise<number | undefined> {
  const row = await database.run((db) =>
    db
      .selectFrom("rank_samples")
      .select(({ fn }) => fn.max<number | null>("at").as("at"))
      .where("life", "=", life)
      .executeTakeFirst(),
  );
  return row?.at ?? undefined;
}

/** Written twice, it is there once. @param frame as the rank index travels. @throws AppError unavailable */
export async function saveSample(
  database: Database,
  { life, atMs }: SampleMark,
  frame: Buffer,
): Promise<void> {
  await database.run((db) =>
    db
      .insertInto("rank_samples")
      .values({ life, at: atMs, body: deflateRawSync(frame) })
      .onConflict((conflict) => conflict.doNothing())
      .execute(),
  );
}

/** Of a season between two instants, oldest first; of more than `max` the newest. @throws AppError unavailable */
export async function sampleMarks(
  database: Database,
  { board, season }: FinalOf,
  { fromMs, toMs, max }: { fromMs: number; toMs: number; max: number },
): Promise<SampleMark[]> {
  const { rows } = await database.run((db) =>
    sql<SampleMark>`
      select s.life, s.at as "atMs" from lives l join rank_samples s on s.life = l.life
      where l.board = ${board} and l.season = ${season} and s.at >= ${fromMs} and s.at <= ${toMs}
      order by l.ordinal desc, s.at desc limit ${max}`.execute(db),
  );
  return rows.reverse();
}

/** The frames of marks, in their order; those that retention took meanwhile are undefined. @throws AppError unavailable */
export async function samplesOf(
  database: Database,
  marks: readonly SampleMark[],
): Promise<(Buffer | undefined)[]> {
  const { rows } = await database.run((db) =>
    sql<{ life: number; at: number; body: Buffer }>`
      select s.life, s.at, s.body from rank_samples s
      join unnest(${marks.map(({ life }) => life)}::int[], ${marks.map(({ atMs }) => atMs)}::bigint[]) as m (life, at)
        on m.life = s.life and m.at = s.at`.execute(db),
  );
  const bodies = new Map(rows.map(({ life, at, body }) => [`${life} ${at}`, body]));
  return marks.map(({ life, atMs }) => {
    const body = bodies.get(`${life} ${atMs}`);
    return body && inflateRawSync(body);
  });
}
