/** From what a submission says to what a shard stores. Nothing is rounded silently. Pure. */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "./board.ts";
import { type Coded, keyText, tieText } from "./codec.ts";
import {
  type ColumnLayout,
  type DecimalLayout,
  type FloatLayout,
  type Int64Layout,
  type Layout,
  tieDigit,
} from "./layout.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

type Value = number | string | undefined;

/**
 * The payload of one event for `submit.lua`: the whole key for best and set, digit deltas for incr and decr.
 * @param arrivedAtMs decides the tie time
 * @throws AppError out_of_range, not_representable, column_missing, column_unknown, bad_request
 */
export function payloadOf({ board, layout }: OpenBoard, values: EntryValues, arrivedAtMs: number): string[] {
  if (board.operator === "best" || board.operator === "set") return [wholeKey(layout, values, arrivedAtMs)];
  refuseUnknownColumns(layout.columns, values);
  const tie = tieDigit(layout, arrivedAtMs);
  const sign = board.operator === "incr" ? 1 : -1;
  const deltas = layout.columns.map((column, i) => {
    // Boards that add have decimal columns only.
    const scaled = scaleDelta(column as DecimalLayout, columnValue(values, column, i) ?? 0);
    return String(0 + scaled * sign * column.direction);
  });
  if (layout.tieRadix > 1) deltas.push(tieText(layout, tie));
  return deltas;
}

/**
 * The key of these values as they are, whatever the operator: every column must be there.
 * @param reachedAtMs decides the tie time
 * @throws AppError out_of_range, not_representable, column_missing, column_unknown, bad_request
 */
export function wholeKey(layout: Layout, values: EntryValues, reachedAtMs: number): string {
  refuseUnknownColumns(layout.columns, values);
  const coded = layout.columns.map((column, i) => codeOf(column, columnValue(values, column, i)));
  return keyText(layout, coded, tieDigit(layout, reachedAtMs));
}

/** The value given for a column; `index` 0 is the score. */
export function columnValue(values: EntryValues, { column }: ColumnLayout, index: number): Value {
  if (index === 0) return values.score;
  // A column may be called "constructor".
  return values.columns && Object.hasOwn(values.columns, column.name)
    ? values.columns[column.name]
    : undefined;
}

function refuseUnknownColumns(columns: ColumnLayout[], values: EntryValues): void {
  for (const name of Object.keys(values.columns ?? {})) {
    const known = columns.some(({ column }, i) => i > 0 && column.name === name);
    if (!known)
      throw new AppError("column_unknown", {
        message: `The board has no column "${name}" beside its score.`,
      });
  }
}

/** The encoded values of the first columns, as many as are given. @throws AppError as `codeOf` */
export function codedColumns({ layout }: OpenBoard, values: EntryValues): Coded[] {
  const coded: Coded[] = [];
  for (const [i, column] of layout.columns.entries()) {
    const value = columnValue(values, column, i);
    if (value === undefined) break;
    coded.push(codeOf(column, value));
  }
  return coded;
}

/**
 * The value of a column as it is encoded.
 * @throws AppError when it is absent, outside of what the column holds, or would have to be rounded
 */
export function codeOf(layout: ColumnLayout, value: Value): Coded {
  if (layout.type === "decimal") return scaleWhole(layout, value);
  if (value === undefined) throw missing(layout);
  return layout.type === "float" ? floatCode(layout, value) : int64Code(layout, value);
}

/** @throws AppError when the value is absent, outside of [min, max] or has too many decimals */
export function scaleWhole(layout: DecimalLayout, value: Value): number {
  const { column } = layout;
  if (value === undefined) throw missing(layout);
  const number = numberOf(layout, value);
  if (!(number >= column.min && number <= column.max)) {
    throw outOfRange(layout, `within [${column.min}, ${column.max}]`, value);
  }
  return exactly(layout, number);
}

/** A change may be wider than its column's range (the first one leads from 0 into it); the shard holds the sum to the range. */
function scaleDelta(layout: DecimalLayout, value: number | string): number {
  const number = numberOf(layout, value);
  if (!(Math.abs(number * layout.scale) <= Number.MAX_SAFE_INTEGER)) {
    throw new AppError("out_of_range", {
      message: `A change of ${value} in column "${layout.column.name}" is too wide.`,
    });
  }
  return exactly(layout, number);
}

/** A value is taken iff round(x·10^d)/10^d === x. */
function exactly({ column, scale }: DecimalLayout, value: number): number {
  const scaled = Math.round(value * scale);
  if (scaled / scale !== value) {
    throw new AppError("not_representable", {
      message: `${value} has more decimals than column "${column.name}" keeps (${column.decimals}).`,
    });
  }
  return scaled;
}

function floatCode(layout: FloatLayout, value: number | string): number {
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = layout.column;
  const number = numberOf(layout, value);
  if (!(number >= min && number <= max)) throw outOfRange(layout, `within [${min}, ${max}]`, value);
  return number;
}

function int64Code(layout: Int64Layout, value: number | string): bigint {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw new AppError("not_representable", {
      message: `Column "${layout.column.name}" takes whole numbers; above 2^53 as text, because ${value} may not be what was meant.`,
    });
  }
  if (typeof value === "string" && !/^-?\d{1,19}$/.test(value)) {
    const message = `Column "${layout.column.name}" takes a whole number of 64 bits, as text of at most 19 digits.`;
    throw new AppError("bad_request", { message });
  }
  const whole = BigInt(value);
  if (whole < INT64_MIN || whole > INT64_MAX) throw outOfRange(layout, "of 64 bits", value);
  return whole;
}

function numberOf({ column }: ColumnLayout, value: number | string): number {
  if (typeof value === "number") return value;
  throw new AppError("bad_request", { message: `Column "${column.name}" takes a number, not text.` });
}

function missing({ column }: ColumnLayout): AppError {
  return new AppError("column_missing", { message: `Column "${column.name}" is missing.` });
}

function outOfRange({ column }: ColumnLayout, range: string, value: number | string): AppError {
  const message = `Column "${column.name}" must be ${range}, not ${value}.`;
  return new AppError("out_of_range", { message });
}
