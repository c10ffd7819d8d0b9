/** From what a submission says to what a shard stores, and back. Nothing is rounded silently. Pure. */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "./board.ts";
import { type ColumnLayout, packKey, tieDigit, unpackKey } from "./packing.ts";

/**
 * The payload of one event for `submit.lua`: the whole key for best and set, digit deltas for incr and decr.
 * @param arrivedAtMs decides the tie time
 * @throws AppError out_of_range, not_representable, column_missing, column_unknown
 */
export function payloadOf({ board, layout }: OpenBoard, values: EntryValues, arrivedAtMs: number): string[] {
  refuseUnknownColumns(layout.columns, values);
  const tie = tieDigit(layout, arrivedAtMs);
  if (board.operator === "best" || board.operator === "set") {
    const scaled = layout.columns.map((column, i) => scaleWhole(column, columnValue(values, column, i)));
    return [String(packKey(layout, scaled, tie))];
  }
  const sign = board.operator === "incr" ? 1 : -1;
  const deltas = layout.columns.map((column, i) => {
    const scaled = scaleDelta(column, columnValue(values, column, i) ?? 0);
    return String(0 + scaled * sign * column.direction);
  });
  if (layout.tieRadix > 1) deltas.push(String(tie));
  return deltas;
}

/** The value given for a column; `index` 0 is the score. */
export function columnValue(
  values: EntryValues,
  { column }: ColumnLayout,
  index: number,
): number | undefined {
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

/** The scaled values of the first columns, as many as are given. @throws AppError out_of_range, not_representable */
export function scaledColumns({ layout }: OpenBoard, values: EntryValues): number[] {
  const scaled: number[] = [];
  for (const [i, column] of layout.columns.entries()) {
    const value = columnValue(values, column, i);
    if (value === undefined) break;
    scaled.push(scaleWhole(column, value));
  }
  return scaled;
}

/** @throws AppError when the value is absent, outside of [min, max] or has too many decimals */
export function scaleWhole(layout: ColumnLayout, value: number | undefined): number {
  const { column } = layout;
  if (value === undefined)
    throw new AppError("column_missing", { message: `Column "${column.name}" is missing.` });
  if (!(value >= column.min && value <= column.max)) {
    const range = `[${column.min}, ${column.max}]`;
    throw new AppError("out_of_range", {
      message: `Column "${column.name}" must be within ${range}, not ${value}.`,
    });
  }
  return exactly(layout, value);
}

/** A change may be wider than its column's range (the first one leads from 0 into it); the shard holds the sum to the range. */
function scaleDelta(layout: ColumnLayout, value: number): number {
  if (!(Math.abs(value * layout.scale) <= Number.MAX_SAFE_INTEGER)) {
    throw new AppError("out_of_range", {
      message: `A change of ${value} in column "${layout.column.name}" is too wide.`,
    });
  }
  return exactly(layout, value);
}

/** A value is taken iff round(x·10^d)/10^d === x. */
function exactly({ column, scale }: ColumnLayout, value: number): number {
  const scaled = Math.round(value * scale);
  if (scaled / scale !== value) {
    throw new AppError("not_representable", {
      message: `${value} has more decimals than column "${column.name}" keeps (${column.decimals}).`,
    });
  }
  return scaled;
}

/** The values of a stored key as an entry shows them. */
export function entryValues({ layout }: OpenBoard, key: number): EntryValues {
  const [score, ...others] = unpackKey(layout, key);
  const values: EntryValues = { score: score! };
  if (others.length > 0) {
    values.columns = Object.fromEntries(
      others.map((value, i) => [layout.columns[i + 1]!.column.name, value]),
    );
  }
  return values;
}
