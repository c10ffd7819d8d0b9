/**
 * Columns and tie time in one sort key: mixed radix in the 53 bits that a ZSET's double holds exactly. Pure.
 *
 * Smaller keys are better: a `desc` column counts down from its maximum. A column never carries into its neighbour,
 * because its digit is held to its own radix. `lua/include/submit_events.lua` is the other half.
 */
import type { Column } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { Board } from "./board.ts";

const BITS_AVAILABLE = 53;

export type ColumnLayout = {
  column: Column;
  /** 10^decimals. */
  scale: number;
  scaledMin: number;
  scaledMax: number;
  /** How many values the column has. */
  radix: number;
  /** 1 for asc, −1 for desc: the sign of a value's change in its digit. */
  direction: 1 | -1;
  /** The digit of the value 0; outside of [0, radix) where 0 is outside of [min, max]. */
  zeroDigit: number;
};

export type Layout = {
  columns: ColumnLayout[];
  /** 1 when ties are shared. */
  tieRadix: number;
  tieOriginMs: number;
  tieResolutionMs: number;
  ties: Board["ties"];
  /** The layout as `submit.lua` takes it. */
  argument: string;
};

/** Bits per part, shown when a board does not fit. */
export type BitBudget = {
  available: number;
  needed: number;
  parts: { part: string; values: string; bits: number }[];
};

/**
 * The layout of a board's season.
 * @throws AppError board_invalid with the bit budget as `details` when the parts do not fit 53 bits
 */
export function layoutOf(board: Board, season: { openedAtMs: number; endsAtMs?: number }): Layout {
  const columns = board.columns.map(columnLayout);
  const tieRadix = tieRadixOf(board, season);
  const parts = columns.map((c) => ({
    part: c.column.name,
    values: BigInt(c.scaledMax) - BigInt(c.scaledMin) + 1n,
  }));
  if (tieRadix > 1) parts.push({ part: "tie time", values: BigInt(tieRadix) });
  const product = parts.reduce((all, { values }) => all * values, 1n);
  if (product > 2n ** BigInt(BITS_AVAILABLE)) throw tooWide(board, parts, product);
  return {
    columns,
    tieRadix,
    tieOriginMs: season.openedAtMs,
    tieResolutionMs: board.tieResolutionMs,
    ties: board.ties,
    argument: layoutArgument(board, columns, tieRadix),
  };
}

function columnLayout(column: Column): ColumnLayout {
  const scale = 10 ** column.decimals;
  const scaledMin = Math.round(column.min * scale);
  const scaledMax = Math.round(column.max * scale);
  const direction = column.order === "asc" ? 1 : -1;
  const zeroDigit = direction === 1 ? 0 - scaledMin : scaledMax;
  return { column, scale, scaledMin, scaledMax, radix: scaledMax - scaledMin + 1, direction, zeroDigit };
}

function tieRadixOf(board: Board, season: { openedAtMs: number; endsAtMs?: number }): number {
  if (board.ties === "shared") return 1;
  if (season.endsAtMs === undefined) {
    throw new AppError("board_invalid", {
      message: `Ties by time need a season with an end: give the board "endsAt", or use ties "shared".`,
    });
  }
  return Math.floor((season.endsAtMs - season.openedAtMs) / board.tieResolutionMs) + 1;
}

function layoutArgument(board: Board, columns: ColumnLayout[], tieRadix: number): string {
  if (board.operator === "best" || board.operator === "set") return String(tieRadix);
  return [tieRadix, ...columns.flatMap((c) => [c.radix, c.zeroDigit])].join(" ");
}

function tooWide(board: Board, parts: { part: string; values: bigint }[], product: bigint): AppError {
  const bitsOf = (values: bigint): number => Math.ceil(log2(values) * 100) / 100;
  const budget: BitBudget = {
    available: BITS_AVAILABLE,
    needed: bitsOf(product),
    parts: parts.map(({ part, values }) => ({ part, values: String(values), bits: bitsOf(values) })),
  };
  const shown = budget.parts.map(({ part, bits }) => `${part} ${bits}`).join(" + ");
  return new AppError("board_invalid", {
    message: `Board ${board.id} needs ${budget.needed} bits (${shown}), ${BITS_AVAILABLE} are available: give columns a smaller range or fewer decimals, or the tie time a coarser "tieResolutionMs" or an earlier "endsAt".`,
    details: budget,
  });
}

function log2(values: bigint): number {
  const shift = Math.max(0, values.toString(2).length - 60);
  return shift + Math.log2(Number(values >> BigInt(shift)));
}

/** The tie digit of an arrival time: smaller is better. A time outside of the season counts as its nearest end. */
export function tieDigit(layout: Layout, atMs: number): number {
  if (layout.tieRadix === 1) return 0;
  const ticks = Math.floor((atMs - layout.tieOriginMs) / layout.tieResolutionMs);
  const inside = Math.min(Math.max(ticks, 0), layout.tieRadix - 1);
  return layout.ties === "earliest" ? inside : layout.tieRadix - 1 - inside;
}

/** @param scaled one scaled integer per column, each within its range */
export function packKey(layout: Layout, scaled: readonly number[], tie: number): number {
  let key = 0;
  layout.columns.forEach((c, i) => {
    key = key * c.radix + (c.direction === 1 ? scaled[i]! - c.scaledMin : c.scaledMax - scaled[i]!);
  });
  return key * layout.tieRadix + tie;
}

/** The columns' values of a sort key. */
export function unpackKey(layout: Layout, key: number): number[] {
  let rest = (key - (key % layout.tieRadix)) / layout.tieRadix;
  const values = new Array<number>(layout.columns.length);
  for (let i = layout.columns.length - 1; i >= 0; i--) {
    const c = layout.columns[i]!;
    const digit = rest % c.radix;
    rest = (rest - digit) / c.radix;
    values[i] = (c.direction === 1 ? digit + c.scaledMin : c.scaledMax - digit) / c.scale;
  }
  return values;
}

/** The smallest key that has these first columns: everything strictly better on them is below it. */
export function prefixKey(layout: Layout, scaled: readonly number[]): number {
  const best = layout.columns.map((c, i) => scaled[i] ?? (c.direction === 1 ? c.scaledMin : c.scaledMax));
  return packKey(layout, best, 0);
}
