/**
 * A board's record on its way from one season to the next: what it says at an instant, and each step as a pure change of it.
 *
 * The pointer moves by the clock, not by a write: from the closing instant on the next season is the board's season wherever the record
 * is known, and the write only confirms it. So there is no instant in which both seasons take a submission, or none.
 */
import { feedKeys, shardKeys } from "../redis/keys.ts";
import type {
  Board,
  BoardDeletion,
  BoardRecord,
  BoardSeason,
  ClosingSeason,
  OpenBoard,
  Season,
} from "./board.ts";
import { FIXED_FIELDS, newSeason } from "./board-schema.ts";
import { invalid } from "./column-schema.ts";
import { layoutOf } from "./layout.ts";
import { goesOn, nextEnd } from "./season-schedule.ts";

/** When a season stops taking what arrives; undefined while no end is planned. */
export function closingInstant({ season }: BoardSeason): number | undefined {
  return season.closesAtMs ?? season.endsAtMs;
}

/** Whether another season follows by itself when the present one ends. */
export function goesOnAfter(record: BoardSeason): boolean {
  const closesAtMs = closingInstant(record);
  return closesAtMs !== undefined && goesOn(record.board.season, closesAtMs);
}

/** The record as it is at an instant: past the closing instant, the season that is open beside is the board's season. */
export function recordAt(record: BoardRecord, nowMs: number): BoardRecord {
  const closesAtMs = closingInstant(record);
  const { next, closing, board, season, ...rest } = record;
  if (next?.season.state !== "open" || closesAtMs === undefined || nowMs < closesAtMs) return record;
  const over: ClosingSeason = { board, season: { ...season, closesAtMs } };
  return { ...rest, ...next, closing: [...closing, over] };
}

/**
 * Step 1: the next season, not open yet, with the rules it will have.
 * @throws AppError board_invalid when its scores could not be stored, or the carried ones not taken over
 */
export function withNext(record: BoardRecord, opensAtMs: number): BoardRecord {
  const board = record.staged ?? record.board;
  // An end of its own that has passed while everything was down ends the season that would have been open then, and holds up nothing.
  const isOver = board.endsAt !== undefined && Date.parse(board.endsAt) <= opensAtMs;
  const fromMs = isOver ? (closingInstant(record) ?? opensAtMs) : opensAtMs;
  const season = newSeason(board, record.season.number + 1, fromMs);
  layoutOf(board, season);
  refuseForeignCarry(record.board, board);
  const { staged: _, ...rest } = record;
  return { ...rest, next: { board, season } };
}

/** Step 2, when its shards and feed are there: it takes over at `closesAtMs`, and knows its end by that. */
export function withNextOpen(record: BoardRecord, closesAtMs: number, nowMs: number): BoardRecord {
  const { next } = record;
  if (next?.season.state !== "opening") return record;
  // After downtime the instant is long past: no submission of the new season is older than now.
  const { endsAtMs: end, ...season } = next.season;
  const isOver = next.board.endsAt !== undefined && end !== undefined && end <= nowMs;
  const openedAtMs = isOver ? season.openedAtMs : Math.max(closesAtMs, nowMs);
  const endsAtMs =
    next.board.endsAt === undefined ? nextEnd(next.board.season, openedAtMs) : Date.parse(next.board.endsAt);
  const opened = {
    ...season,
    state: "open" as const,
    openedAtMs,
    ...(endsAtMs === undefined ? {} : { endsAtMs }),
  };
  return { ...record, season: { ...record.season, closesAtMs }, next: { ...next, season: opened } };
}

/** A later step of a season that is over: it is frozen, its successor has its entries, it is in the archive. */
export function withClosing(
  record: BoardRecord,
  number: number,
  change: (season: ClosingSeason) => ClosingSeason,
): BoardRecord {
  return {
    ...record,
    closing: record.closing.map((one) => (one.season.number === number ? change(one) : one)),
  };
}

/** The last step: nothing of it is left in Redis. */
export function withoutSeason(record: BoardRecord, number: number): BoardRecord {
  return { ...record, closing: record.closing.filter(({ season }) => season.number !== number) };
}

/** The rules that hold from the next rollover on. @throws AppError board_invalid */
export function withStaged(record: BoardRecord, board: Board, nowMs: number): BoardRecord {
  layoutOf(board, newSeason(board, record.season.number + 1, closingInstant(record) ?? nowMs));
  refuseForeignCarry(record.board, board);
  return { ...record, staged: board };
}

/**
 * What changes live, in the present season and in those that are prepared. A new schedule is that of the last of them that is there.
 * @throws AppError board_invalid when what is staged does not fit any more
 */
export function withRules(record: BoardRecord, board: Board, nowMs: number): BoardRecord {
  const { next, staged } = record;
  const isReplanned = JSON.stringify(record.board.season) !== JSON.stringify(board.season);
  const changed: BoardRecord = { ...record, board };
  if (isReplanned && !next) changed.season = replanned(record.season, board, nowMs);
  if (next) {
    const following = followed(next.board, record.board, board);
    const opensAtMs = Math.max(nowMs, next.season.openedAtMs);
    // One that is not open yet learns its end when it is.
    const isPlanned = isReplanned && next.season.state === "open";
    changed.next = {
      board: following,
      season: isPlanned ? replanned(next.season, following, opensAtMs) : next.season,
    };
    refuseForeignCarry(board, following);
  }
  if (staged) {
    changed.staged = followed(staged, record.board, board);
    refuseForeignCarry(board, changed.staged);
  }
  return changed;
}

/** Rules that are prepared, with what a change of the live ones changes; what it leaves alone stays as it was prepared. */
function followed(prepared: Board, before: Board, after: Board): Board {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<keyof Board>;
  for (const field of FIXED_FIELDS) fields.delete(field);
  const changed = [...fields].filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  const kept = Object.entries(prepared).filter(([field]) => !changed.includes(field as keyof Board));
  const taken = changed.filter((field) => after[field] !== undefined).map((field) => [field, after[field]]);
  return Object.fromEntries([...kept, ...taken]) as Board;
}

/** A season with the end that a new schedule gives it. */
function replanned(season: Season, board: Board, fromMs: number): Season {
  const { closesAtMs: _, ...open } = season;
  const end = nextEnd(board.season, Math.max(fromMs, Date.parse(board.season.startsAt ?? "") || 0));
  if (end === undefined) return endless(open, board);
  // Where ties go by time the season cannot outlast the room that it has for them.
  const limit =
    board.ties === "shared" ? Number.POSITIVE_INFINITY : (open.endsAtMs ?? Number.POSITIVE_INFINITY);
  return { ...open, closesAtMs: Math.min(end, limit) };
}

/** A schedule that was taken back ends nothing any more, unless the board has an end of its own or packs its times up to there. */
function endless(season: Season, board: Board): Season {
  const { endsAtMs: _, ...withoutEnd } = season;
  return board.ties === "shared" && board.endsAt === undefined ? withoutEnd : season;
}

/** Carried values are those of the same columns. */
function refuseForeignCarry(before: Board, board: Board): void {
  const { rule = "none" } = board.season.carryOver ?? {};
  const columns = ({ columns }: Board): string =>
    JSON.stringify(columns.map(({ order: _, ...column }) => column));
  if (rule !== "none" && columns(before) !== columns(board)) {
    throw invalid(`carryOver "${rule}" needs the columns of the season before, with the same ranges`);
  }
}

/**
 * The board is gone: what it was is kept for whoever removes it. Asking for more than the first time is heard.
 * @returns itself where nothing is to be done anew; undefined where it is gone already
 */
export function withDeletion(
  record: BoardRecord,
  archive: BoardDeletion["archive"],
  nowMs: number,
): BoardRecord | undefined {
  const { deleted } = record;
  if (!deleted) return { ...record, deleted: { atMs: nowMs, archive } };
  if (archive === "delete" && deleted.archive === "keep")
    return { ...record, deleted: { atMs: deleted.atMs, archive } };
  return deleted.removed ? undefined : record;
}

/** All that a record says of seasons. */
export function everySeason({ board, season, next, closing }: BoardRecord): BoardSeason[] {
  return [...closing, { board, season }, ...(next ? [next] : [])];
}

/** A season with everything derived. */
export function derive({ board, season }: BoardSeason): OpenBoard {
  return {
    board,
    season,
    layout: layoutOf(board, season),
    shards: shardKeys(board.id, season.number, board.shards),
    feed: feedKeys(board.id, season.number),
  };
}

/** The seasons of a board that Redis holds at an instant. */
export type HeldSeasons = { current: OpenBoard; closing: OpenBoard[] };

export function seasonsAt(record: BoardRecord, nowMs: number): HeldSeasons {
  const now = recordAt(record, nowMs);
  const current = derive(now);
  if (now.next?.season.state === "open") current.next = derive(now.next);
  return { current, closing: now.closing.filter(({ archived }) => !archived).map(derive) };
}
