/**
 * Columns and tie time in one number: mixed radix in the 53 bits that a ZSET's double holds exactly. Pure.
 *
 * Smaller numbers are better: a `desc` column counts down from its maximum. A column never carries into its neighbour,
 * because its digit is held to its own radix. `lua/include/apply_packed.lua` is the other half.
 */
import type { DecimalLayout, MixedRadix } from "./layout.ts";

/** @param scaled at least one scaled integer per column of the radix, each within its range */
export function packKey({ columns, tieRadix }: MixedRadix, scaled: readonly number[], tie: number): number {
  let key = 0;
  columns.forEach((c, i) => {
    key = key * c.radix + digitOf(c, scaled[i]!);
  });
  return key * tieRadix + tie;
}

/** The columns' values of a packed number. */
export function unpackKey({ columns, tieRadix }: MixedRadix, key: number): number[] {
  let rest = (key - (key % tieRadix)) / tieRadix;
  const values = new Array<number>(columns.length);
  for (let i = columns.length - 1; i >= 0; i--) {
    const c = columns[i]!;
    const digit = rest % c.radix;
    rest = (rest - digit) / c.radix;
    values[i] = digitValue(c, digit);
  }
  return values;
}

export function digitOf(c: DecimalLayout, scaled: number): number {
  return c.direction === 1 ? scaled - c.scaledMin : c.scaledMax - scaled;
}

export function digitValue(c: DecimalLayout, digit: number): number {
  return (c.direction === 1 ? digit + c.scaledMin : c.scaledMax - digit) / c.scale;
}
