/**
 * How a board's places are stored, chosen from its columns and its season. Pure.
 *
 * Packed: columns and tie time are digits of one number below 2^53, the ZSET's score. Wide, where that is not enough: the longest
 * prefix of columns that fits is the score, and the rest is text (`wide.ts`).
 */
import type {
  BoardLayout,
  DecimalColumn,
  FloatColumn,
  Int64Column,
} from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { Board } from "./board.ts";
import { type Direction, digitLength, WORD_LENGTH } from "./sortable-text.ts";

const BITS_AVAILABLE = 53;
/** Bits of a tie time, in ms, whose season has no end: until the year 10889. */
const ENDLESS_TIE_BITS = 48;

export type DecimalLayout = {
  type: "decimal";
  column: DecimalColumn;
  /** 10^decimals. */
  scale: number;
  scaledMin: number;
  scaledMax: number;
  /** How many values the column has. */
  radix: number;
  /** 1 for asc, −1 for desc: the sign of a value's change in its digit. */
  direction: Direction;
  /** The digit of the value 0; outside of [0, radix) where 0 is outside of [min, max]. */
  zeroDigit: number;
  /** Letters of the digit where it is in the rest. */
  length: number;
};
export type FloatLayout = { type: "float"; column: FloatColumn; direction: Direction; length: number };
export type Int64Layout = { type: "int64"; column: Int64Column; direction: Direction; length: number };
export type ColumnLayout = DecimalLayout | FloatLayout | Int64Layout;

/** Digits of one number: the columns, and below them the tie time where its radix is above 1. */
export type MixedRadix = { columns: DecimalLayout[]; tieRadix: number };

export type Layout = {
  kind: BoardLayout;
  columns: ColumnLayout[];
  /** What makes the score; without columns where the score is a float, the first column itself. */
  head: MixedRadix;
  /** The columns of the rest, behind those of the score. */
  tail: ColumnLayout[];
  /** Letters of the rest, of which the last `tieLength` are the tie time; 0 on packed boards. */
  restLength: number;
  tieLength: number;
  /** 1 when ties are shared. */
  tieRadix: number;
  tieOriginMs: number;
  tieResolutionMs: number;
  ties: Board["ties"];
  /** The layout as `submit.lua` or `submit_wide.lua` takes it. */
  argument: string;
};

/** Bits per part, shown when a board does not fit. */
export type BitBudget = {
  available: number;
  needed: number;
  parts: { part: string; values: string; bits: number }[];
};

type Times = { openedAtMs: number; endsAtMs?: number };

/**
 * The layout of a board's season: packed where it can be.
 * @throws AppError board_invalid with the bit budget as `details` when a column alone does not fit 53 bits
 */
export function layoutOf(board: Board, season: Times): Layout {
  const columns = board.columns.map(columnLayout);
  const decimals = columns.filter((c) => c.type === "decimal");
  for (const one of decimals) refuseTooWide(board, one);
  const tieRadix = tieRadixOf(board, season);
  const endless = board.ties !== "shared" && season.endsAtMs === undefined;
  const fits = bitsFit(decimals, tieRadix);
  const common = {
    columns,
    tieRadix,
    tieOriginMs: season.openedAtMs,
    tieResolutionMs: board.tieResolutionMs,
    ties: board.ties,
  };
  if (decimals.length < columns.length || endless || !fits) return wideLayout(board, common);
  const argument = [tieRadix, ...(adds(board) ? decimals.flatMap((c) => [c.radix, c.zeroDigit]) : [])];
  return {
    ...common,
    kind: "packed",
    head: { columns: decimals, tieRadix },
    tail: [],
    restLength: 0,
    tieLength: 0,
    argument: argument.join(" "),
  };
}

function wideLayout(
  board: Board,
  common: Pick<Layout, "columns" | "tieRadix" | "tieOriginMs" | "tieResolutionMs" | "ties">,
): Layout {
  const { columns, tieRadix } = common;
  const head: DecimalLayout[] = [];
  for (const column of columns) {
    if (column.type !== "decimal" || !bitsFit([...head, column], 1)) break;
    head.push(column);
  }
  // A float stands alone: the number is the value.
  const tail = columns.slice(Math.max(1, head.length));
  const tieLength = tieRadix > 1 ? digitLength(tieRadix) : 0;
  const restLength = tail.reduce((sum, { length }) => sum + length, tieLength);
  const shape = adds(board)
    ? (columns as DecimalLayout[]).flatMap((c, i) => [c.radix, c.zeroDigit, i < head.length ? 0 : c.length])
    : [];
  return {
    ...common,
    kind: "wide",
    head: { columns: head, tieRadix: 1 },
    tail,
    restLength,
    tieLength,
    argument: [restLength, tieLength, ...shape].join(" "),
  };
}

function adds({ operator }: Board): boolean {
  return operator === "incr" || operator === "decr";
}

function columnLayout(column: Board["columns"][number]): ColumnLayout {
  const direction = column.order === "asc" ? 1 : -1;
  if (column.type === "float") return { type: column.type, column, direction, length: WORD_LENGTH };
  if (column.type === "int64") return { type: column.type, column, direction, length: WORD_LENGTH };
  const scale = 10 ** column.decimals;
  const scaledMin = Math.round(column.min * scale);
  const scaledMax = Math.round(column.max * scale);
  const zeroDigit = direction === 1 ? 0 - scaledMin : scaledMax;
  const radix = scaledMax - scaledMin + 1;
  const length = digitLength(radix);
  return { type: "decimal", column, scale, scaledMin, scaledMax, radix, direction, zeroDigit, length };
}

function tieRadixOf(board: Board, season: Times): number {
  if (board.ties === "shared") return 1;
  const spanMs =
    season.endsAtMs === undefined ? 2 ** ENDLESS_TIE_BITS - 1 : season.endsAtMs - season.openedAtMs;
  return Math.floor(spanMs / board.tieResolutionMs) + 1;
}

function bitsFit(columns: readonly DecimalLayout[], tieRadix: number): boolean {
  const values = columns.reduce((all, { radix }) => all * BigInt(radix), BigInt(tieRadix));
  return values <= 2n ** BigInt(BITS_AVAILABLE);
}

/** In Lua and in JavaScript a digit is a double. */
function refuseTooWide(board: Board, { column, scaledMin, scaledMax }: DecimalLayout): void {
  const values = BigInt(scaledMax) - BigInt(scaledMin) + 1n;
  if (values <= 2n ** BigInt(BITS_AVAILABLE)) return;
  const bits = Math.ceil(Math.log2(Number(values)) * 100) / 100;
  const details: BitBudget = {
    available: BITS_AVAILABLE,
    needed: bits,
    parts: [{ part: column.name, values: String(values), bits }],
  };
  throw new AppError("board_invalid", {
    message: `Column "${column.name}" of board ${board.id} needs ${bits} bits, ${BITS_AVAILABLE} are available for one column: give it a smaller range or fewer decimals, or the type "float" or "int64".`,
    details,
  });
}

/** The tie digit of an arrival time: smaller is better. A time outside of the season counts as its nearest end. */
export function tieDigit(layout: Layout, atMs: number): number {
  if (layout.tieRadix === 1) return 0;
  const ticks = Math.floor((atMs - layout.tieOriginMs) / layout.tieResolutionMs);
  const inside = Math.min(Math.max(ticks, 0), layout.tieRadix - 1);
  return layout.ties === "earliest" ? inside : layout.tieRadix - 1 - inside;
}

/** The instant that a tie digit stands for, in ms: the inverse, in steps of the resolution. */
export function tieInstant({ ties, tieRadix, tieOriginMs, tieResolutionMs }: Layout, digit: number): number {
  return tieOriginMs + (ties === "earliest" ? digit : tieRadix - 1 - digit) * tieResolutionMs;
}
