/** The definition of a board that takes all of a source: what its columns have to hold, found by reading it once. */
import type { Column } from "../../../client-sdk/protocol/messages.ts";
import { refuse } from "../api-failure.ts";
import type { ImportSource, ReadColumns } from "./import-source.ts";

type Measured = { min: number; max: number; decimals: number; isText: boolean; isFloat: boolean };

const SCORE: Column = { name: "score", type: "float", order: "desc" };
const DECIMALS_MAX = 6;

/** To read a file whose board is not there yet: whole numbers stay text where they are wide. */
export function readColumns(names: readonly string[]): ReadColumns {
  return [SCORE, ...names.map((name): Column => ({ name, type: "int64", order: "desc" }))];
}

/**
 * Columns with as many decimals as the source has, and room for ten times its largest value; `float` where no fixed decimals hold it.
 * @throws ApiFailure usage where there is nothing to fit
 */
export async function fittingColumns(
  source: ImportSource,
  names: readonly string[],
  order: "desc" | "asc",
): Promise<object[]> {
  const measured = new Map<string, Measured>();
  for await (const page of source.entries(readColumns(names))) {
    for (const entry of page) {
      if ("problem" in entry) continue;
      measure(measured, "score", entry.score);
      for (const [name, value] of Object.entries(entry.columns)) measure(measured, name, value);
    }
  }
  if (!measured.has("score"))
    refuse("The source has no entry that a board could take.", "See what --dry-run says of its lines.");
  const all = [...measured];
  return all.map(([name, one]) => ({ name, order, ...shapeOf(one, all.length === 1) }));
}

function measure(measured: Map<string, Measured>, name: string, value: number | string): void {
  const one = measured.get(name) ?? { min: 0, max: 0, decimals: 0, isText: false, isFloat: false };
  measured.set(name, one);
  const number = Number(value);
  if (Number.isNaN(number)) return;
  one.min = Math.min(one.min, number);
  one.max = Math.max(one.max, number);
  if (Number.isInteger(number)) {
    one.isText ||= !Number.isSafeInteger(number);
    return;
  }
  const decimals = /^-?\d+\.(\d+)$/.exec(String(number))?.[1]?.length ?? DECIMALS_MAX + 1;
  one.decimals = Math.max(one.decimals, decimals);
  one.isFloat ||= decimals > DECIMALS_MAX;
}

function shapeOf({ min, max, decimals, isText, isFloat }: Measured, isOnly: boolean): object {
  // Ten times as much as there is now, so that the next record has room.
  const bound = 10 ** (Math.ceil(Math.log10(Math.max(1, max, -min) + 1)) + 1);
  const values = bound * 10 ** decimals * (min < 0 ? 2 : 1);
  if (isText && decimals === 0 && !isOnly) return { type: "int64" };
  if (isFloat || isText || values > Number.MAX_SAFE_INTEGER) return { type: "float" };
  return { decimals, min: min < 0 ? -bound : 0, max: bound };
}
