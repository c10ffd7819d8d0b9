/**
 * Archived feeds: frames in parts, whole tops between them, and up to where a feed is archived. Parts and position change in one transaction
 * that holds the position's row, so that of two archivers, or of one that comes back from a long pause, each frame is there once.
 */
import { sql } from "kysely";
import type { Position } from "../../client-sdk/protocol/messages.ts";
import type { Database, Sql } from "../database/database.ts";
import type { HistoryTables } from "../database/history-table-types.ts";
import { encodeFrames, encodeTop, type PastFrame, type PastRow } from "./feed-bodies.ts";

/** Where an archived feed ends. */
export type ArchivedFeed = Position & {
  /** The number of its last part. */
  part: number;
  /** The instant of its last frame. */
  atMs: number;
  /** Frames since the last whole top, and that one's instant. */
  frames: number;
  topAtMs: number;
  /** Everything that was published until then is archived. */
  seenMs: number;
};

/** A whole top at a position; `gapFromMs` where frames before it are lost. */
export type TopPart = Position & {
  atMs: number;
  gapFromMs?: number;
  total: number;
  rows: readonly PastRow[];
};

/** Frames that follow the position, in its epoch. */
export type FramesPart = Position & { frames: readonly PastFrame[] };

/** In this order: frames that follow what is archived, then a top at their end, or behind a gap. */
export type NewParts = { base?: TopPart; frames?: FramesPart; top?: TopPart; seenMs: number };

/** Undefined before the first part. @throws AppError unavailable */
export function readArchivedFeed(database: Database, life: number): Promise<ArchivedFeed | undefined> {
  return database.run((db) => positionOf(db, life));
}

/** Until when everything of the life before this one is known, or undefined where there is none. @throws AppError unavailable */
export async function seenBefore(database: Database, life: number): Promise<number | undefined> {
  const row = await database.run((db) =>
    db
      .selectFrom("lives as own")
      .innerJoin("lives as before", (join) =>
        join
          .onRef("before.board", "=", "own.board")
          .onRef("before.season", "=", "own.season")
          .onRef("before.ordinal", "<", "own.ordinal"),
      )
      .leftJoin("feed_positions as p", "p.life", "before.life")
      .select(({ fn }) => [fn.max<number | null>("p.seen_at").as("seen"), fn.countAll<number>().as("lives")])
      .where("own.life", "=", life)
      .executeTakeFirst(),
  );
  return row === undefined || row.lives === 0 ? undefined : (row.seen ?? 0);
}

/**
 * Parts that follow what was archived when they were read.
 * @param held what that was
 * @returns where the feed ends now; undefined when another archiver has gone on meanwhile, and nothing was written. @throws AppError unavailable
 */
export function appendParts(
  database: Database,
  life: number,
  held: ArchivedFeed | undefined,
  parts: NewParts,
): Promise<ArchivedFeed | undefined> {
  return database.run((db) =>
    db.transaction().execute(async (within) => {
      const found = await positionOf(within, life, true);
      if (found?.part !== held?.part || found?.offset !== held?.offset || found?.epoch !== held?.epoch)
        return;
      const { rows, end } = laidOut(held, parts);
      if (rows.length > 0) {
        await within
          .insertInto("feed_parts")
          .values(rows.map((row) => ({ life, ...row })))
          .execute();
      }
      await savePosition(within, life, end);
      return end;
    }),
  );
}

type PartRow = Omit<HistoryTables["feed_parts"], "life">;

/** The rows, and where the feed ends after them. Instants never go back, whatever Redis's clock does. */
function laidOut(
  held: ArchivedFeed | undefined,
  { base, frames, top, seenMs }: NewParts,
): { rows: PartRow[]; end: ArchivedFeed } {
  const rows: PartRow[] = [];
  let end: ArchivedFeed = held ?? {
    epoch: "",
    offset: 0,
    part: 0,
    atMs: 0,
    frames: 0,
    topAtMs: 0,
    seenMs: 0,
  };
  const addTop = (one: TopPart): void => {
    const atMs = Math.max(one.atMs, end.atMs);
    const part = end.part + 1;
    const { epoch, offset, gapFromMs, total, rows: shown } = one;
    const at = { first_at: atMs, last_at: atMs, gap_from: gapFromMs ?? null };
    const body = encodeTop({ total, rows: shown });
    rows.push({ part, kind: "top", epoch, first_offset: offset, last_offset: offset, ...at, body });
    end = { ...end, epoch, offset, part, atMs, frames: 0, topAtMs: atMs };
  };
  const addFrames = ({ epoch, offset, frames: list }: FramesPart): void => {
    let latest = end.atMs;
    const inOrder = list.map((frame) => {
      latest = Math.max(latest, frame.atMs);
      return { ...frame, atMs: latest };
    });
    const part = end.part + 1;
    const firstMs = inOrder[0]!.atMs;
    const last = offset + list.length;
    const at = { first_at: firstMs, last_at: latest, gap_from: null };
    const body = encodeFrames(firstMs, inOrder);
    rows.push({ part, kind: "frames", epoch, first_offset: offset + 1, last_offset: last, ...at, body });
    end = { ...end, epoch, offset: last, part, atMs: latest, frames: end.frames + list.length };
  };
  if (base) addTop(base);
  if (frames && frames.frames.length > 0) addFrames(frames);
  if (top) addTop(top);
  return { rows, end: { ...end, seenMs: Math.max(seenMs, end.seenMs) } };
}

async function positionOf(db: Sql, life: number, locked = false): Promise<ArchivedFeed | undefined> {
  const query = db.selectFrom("feed_positions").selectAll().where("life", "=", life);
  const row = await (locked ? query.forUpdate() : query).executeTakeFirst();
  if (!row) return undefined;
  const { epoch, last_offset: offset, part, last_at: atMs, frames, top_at: topAtMs, seen_at: seenMs } = row;
  return { epoch, offset, part, atMs, frames, topAtMs, seenMs };
}

/** Two that begin a feed at once: the parts of the second have numbers that are taken, and its transaction fails. */
async function savePosition(db: Sql, life: number, end: ArchivedFeed): Promise<void> {
  const { epoch, offset, part, atMs, frames, topAtMs, seenMs } = end;
  await sql`
    insert into feed_positions (life, part, epoch, last_offset, last_at, frames, top_at, seen_at)
    values (${life}, ${part}, ${epoch}, ${offset}, ${atMs}, ${frames}, ${topAtMs}, ${seenMs})
    on conflict (life) do update set part = excluded.part, epoch = excluded.epoch, last_offset = excluded.last_offset,
      last_at = excluded.last_at, frames = excluded.frames, top_at = excluded.top_at, seen_at = excluded.seen_at`.execute(
    db,
  );
}
