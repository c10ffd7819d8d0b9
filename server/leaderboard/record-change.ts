/** What a new definition makes of a board's record, and which of two records is the older. */
import { AppError } from "../base/errors.ts";
import type { Board, BoardRecord } from "./board.ts";
import { FIXED_FIELDS } from "./board-schema.ts";
import { everySeason, withRules } from "./season-steps.ts";

export function notFound(id: string): AppError {
  return new AppError("board_not_found", { message: `There is no board "${id}".` });
}

/** Seasons of a board that was deleted are never meant by a later one's number. @throws AppError unavailable */
export function firstNumber(gone: BoardRecord | undefined): number {
  if (!gone) return 1;
  if (!gone.deleted?.removed) {
    const message = `Board "${gone.board.id}" is being deleted.`;
    throw new AppError("unavailable", { message, retryAfterMs: 1_000 });
  }
  return 1 + Math.max(...everySeason(gone).map(({ season }) => season.number));
}

/** @throws AppError board_locked */
export function replaced(before: BoardRecord, board: Board, nowMs: number): BoardRecord {
  refuseFixedChanges(before.board, board);
  // With rules it is saved again: that is what gives shards of an older version their keys.
  if (!board.rules && JSON.stringify(before.board) === JSON.stringify(board)) return before;
  return withRules(before, board, nowMs);
}

/** Of two records that were read at the same time the older may come last; one of another life is never older. */
export function isOlder(record: BoardRecord, than: BoardRecord): boolean {
  const lives = [than, ...than.closing].map(({ season }) => season.incarnation);
  return record.revision < than.revision && lives.includes(record.season.incarnation);
}

/** Those of the boards of which nothing is stored: a record stays, also of a board that was deleted, unless the store was lost. */
export function withoutRecord(
  ids: readonly string[],
  stored: readonly { record: BoardRecord }[],
): Set<string> {
  const there = new Set(stored.map(({ record }) => record.board.id));
  return new Set(ids.filter((id) => !there.has(id)));
}

function refuseFixedChanges(before: Board, after: Board): void {
  const changed = FIXED_FIELDS.filter(
    (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]),
  );
  if (changed.length === 0) return;
  throw new AppError("board_locked", {
    message: `${changed.join(", ")} of board "${before.id}" cannot change while its season is open.`,
    details: { changed },
  });
}
