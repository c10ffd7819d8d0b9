/** Columns as people write them and as they are stored: zod schemas, defaults, and what each type allows. */
import { z } from "zod";
import type { Column, Order } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";

const DECIMALS_MAX = 9;

export const columnName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,31}$/, "1–32 letters, digits, _ or -, a letter first");
export const order = z.enum(["desc", "asc"]);
const decimals = z.int().min(0).max(DECIMALS_MAX);

export const columnDefinition = z.strictObject({
  name: columnName,
  type: z.enum(["decimal", "float", "int64"]).default("decimal"),
  order: order.optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  decimals: decimals.optional(),
});

/** In the order of `columnFrom`: a change of a column is found by comparing texts. */
export const storedColumn = z.union([
  z.object({
    name: columnName,
    // Boards from before there were other types do not say it.
    type: z.literal("decimal").default("decimal"),
    order,
    min: z.number(),
    max: z.number(),
    decimals: z.int(),
  }),
  z.object({
    name: columnName,
    type: z.literal("float"),
    order,
    min: z.number().exactOptional(),
    max: z.number().exactOptional(),
  }),
  z.object({ name: columnName, type: z.literal("int64"), order }),
]);

type ColumnDefinition = z.output<typeof columnDefinition>;
type Around = { order: Order; operator: string; columns: readonly unknown[] };

/**
 * One column with its defaults.
 * @throws AppError board_invalid
 */
export function columnFrom(column: ColumnDefinition, index: number, board: Around): Column {
  if (index === 0 && column.order !== undefined && column.order !== board.order) {
    throw invalid(`the first column's order is the board's (${board.order})`);
  }
  if (column.type === "decimal") return decimalColumn(column, board);
  if (board.operator !== "best" && board.operator !== "set") {
    throw invalid(
      `column "${column.name}" is of type ${column.type}, which ${board.operator} cannot add to exactly; use decimal`,
    );
  }
  if (column.decimals !== undefined)
    throw invalid(`column "${column.name}" has decimals, which are of type decimal`);
  return column.type === "float" ? floatColumn(column, board) : int64Column(column, index, board);
}

function floatColumn({ name, order, min, max }: ColumnDefinition, board: Around): Column {
  if (min !== undefined && max !== undefined && min > max) throw minAboveMax(name);
  const limits = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
  return { name, type: "float", order: order ?? board.order, ...limits };
}

function int64Column({ name, order, min, max }: ColumnDefinition, index: number, board: Around): Column {
  if (index === 0) throw invalid(`the first column is the score, a number; "${name}" is of type int64`);
  if (min !== undefined || max !== undefined)
    throw invalid(`column "${name}" of type int64 takes no min or max`);
  return { name, type: "int64", order: order ?? board.order };
}

function decimalColumn(column: ColumnDefinition, board: Around): Column {
  const { decimals = 0 } = column;
  const scale = 10 ** decimals;
  if (column.max === undefined && board.columns.length > 1) {
    throw invalid(`column "${column.name}" needs a max, because there are several columns`);
  }
  const min = column.min ?? 0;
  const max = column.max ?? Math.floor(Number.MAX_SAFE_INTEGER / scale);
  for (const [which, value] of [
    ["min", min],
    ["max", max],
  ] as const) {
    const scaled = Math.round(value * scale);
    if (!Number.isSafeInteger(scaled) || scaled / scale !== value) {
      throw invalid(
        `${which} of column "${column.name}" is not exact at ${decimals} decimals within 53 bits`,
      );
    }
  }
  if (min > max) throw minAboveMax(column.name);
  return { name: column.name, type: "decimal", order: column.order ?? board.order, min, max, decimals };
}

function minAboveMax(name: string): AppError {
  return invalid(`column "${name}" has a min above its max`);
}

export function invalid(message: string): AppError {
  return new AppError("board_invalid", { message: `The board cannot be made: ${message}.` });
}
