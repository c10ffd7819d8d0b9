/**
 * A board's record on its way from one season to the next: what it says at an instant, and each step as a pure change of it.
 *
 * The pointer moves by the clock, not by a write: from the closing instant on the next season is the board's season wherever the record
 * is known, and the write only confirms it. So there is no instant in which both seasons take a submission, or none.
 */
import { feedKeys, shardKeys } from "../redis/keys.ts";
import type { Board, BoardRecord, BoardSeason, ClosingSeason, OpenBoard, Season } from "./board.ts";
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
  const season = newSeason(board, record.season.number + 1, opensAtMs);
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
  const openedAtMs = Math.max(closesAtMs, nowMs);
  const { endsAtMs: _, ...season } = next.season;
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

/** What changes live, in the present season and in those that are prepared. A new schedule is that of the present season too. */
export function withRules(record: BoardRecord, board: Board, nowMs: number): BoardRecord {
  const planned = JSON.stringify(record.board.season) === JSON.stringify(board.season);
  const { closesAtMs: _, ...season } = record.season;
  const { endsAtMs } = season;
  const newEnd = nextEnd(board.season, Math.max(nowMs, Date.parse(board.season.startsAt ?? "") || 0));
  // Where ties go by time the season cannot outlast the room that it has for them.
  const limit = board.ties === "shared" ? Number.POSITIVE_INFINITY : (endsAtMs ?? Number.POSITIVE_INFINITY);
  const replanned =
    newEnd === undefined ? endless(season, board) : { ...season, closesAtMs: Math.min(newEnd, limit) };
  const live = (prepared: Board): Board => {
    const fixed = FIXED_FIELDS.map((field) => [field, prepared[field]] as const);
    return { ...board, ...Object.fromEntries(fixed.filter(([, value]) => value !== undefined)) };
  };
  return {
    ...record,
    board,
    season: planned || record.next ? record.season : replanned,
    ...(record.next ? { next: { ...record.next, board: live(record.next.board) } } : {}),
    ...(record.staged ? { staged: live(record.staged) } : {}),
  };
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
