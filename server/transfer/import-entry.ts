/** From a line of an import to what a shard is given: checked as a submission is, and with its exact place where the line knows it. Pure. */
import { DateTime } from "luxon";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type DirectEntry, SIGHTS, type Sight } from "../leaderboard/direct-writes.ts";
import type { Layout } from "../leaderboard/layout.ts";
import { digitAt } from "../leaderboard/sortable-text.ts";
import { wholeKey } from "../leaderboard/values.ts";

/** A line once its shape has been looked at; a line of an export is one. */
export type ImportLine = {
  member: string;
  score: number;
  columns?: Record<string, number | string> | undefined;
  /** ISO 8601 with its zone, or ms since the Unix epoch. */
  reachedAt?: string | number | undefined;
  key?: number | undefined;
  rest?: string | undefined;
  visibility?: keyof typeof SIGHTS | undefined;
  metadata?: string | undefined;
};

/**
 * Where the tie time of a line comes from: `exact` from its key, digit by digit, for a board of the same layout; `time` from `reachedAt`, so
 * that it is the same instant on a board that opened at another one.
 */
export type ImportTies = "exact" | "time";

/** `exact`: the tie time is known, and not that of the import. */
export type ImportEntry = { entry: DirectEntry; exact: boolean };

/** @param importedAtMs the tie time of lines that have none. @throws AppError as submissions: out_of_range, not_representable, column_missing, … */
export function importEntry(
  { board, layout }: OpenBoard,
  line: ImportLine,
  { ties, importedAtMs }: { ties: ImportTies; importedAtMs: number },
): ImportEntry {
  const { member, metadata, visibility } = line;
  if (metadata !== undefined && !board.metadata) {
    throw new AppError("bad_request", { message: "The board takes no metadata." });
  }
  const byTime = layout.ties !== "shared";
  const reachedAtMs = byTime && line.reachedAt !== undefined ? instantOf(line.reachedAt) : undefined;
  const made = wholeKey(layout, line as EntryValues, reachedAtMs ?? importedAtMs);
  const given =
    byTime && ties === "exact" && line.key !== undefined ? givenKey(layout, line, made) : undefined;
  const entry: DirectEntry = { member, key: given ?? made };
  if (metadata !== undefined) entry.metadata = metadata;
  if (visibility !== undefined) entry.here = SIGHTS[visibility] as Sight;
  return { entry, exact: given !== undefined || reachedAtMs !== undefined };
}

/** The key of the line, if it is one of these values: `made` is another one of them. */
function givenKey(layout: Layout, { key, rest = "" }: ImportLine, made: string): string {
  if (layout.kind === "packed") {
    const { tieRadix } = layout;
    const own = Number(made);
    const fits =
      Number.isSafeInteger(key) && key! >= 0 && key! - (key! % tieRadix) === own - (own % tieRadix);
    if (!fits) throw foreignKey();
    return String(key);
  }
  const { restLength, tieLength, tieRadix } = layout;
  const text = `${key} ${rest}`;
  const sameColumns = text.slice(0, text.length - tieLength) === made.slice(0, made.length - tieLength);
  const fits = rest.length === restLength && /^[-\w]*$/.test(rest) && sameColumns;
  if (!fits || digitAt(rest, restLength - tieLength, tieLength) >= tieRadix) throw foreignKey();
  return text;
}

function foreignKey(): AppError {
  return new AppError("bad_request", {
    message:
      "The line's `key` is not one of its values on this board, whose layout or season is another: import with ties=time.",
  });
}

/** A day, a time and a zone; with a space for the T, as PostgreSQL writes it. */
const INSTANT = /^([+-]?\d[\d-]*)[T ](\d[\d:.,]*(?:Z|[+-]\d\d(?::?\d\d)?))$/;

/** Not `Date.parse`: that takes anything, by the zone of the machine, and March for the 31st of February. */
function instantOf(value: string | number): number {
  const [, day, time] = (typeof value === "string" && INSTANT.exec(value)) || [];
  const ms = typeof value === "number" ? value : DateTime.fromISO(`${day}T${time}`).toMillis();
  if (Number.isFinite(ms)) return ms;
  throw new AppError("bad_request", {
    message: `reachedAt: "${value}" is not an instant of ISO 8601 with its zone, nor in ms.`,
  });
}
