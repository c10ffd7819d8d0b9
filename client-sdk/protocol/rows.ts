/**
 * The order of rows and the algebra of frames: what server and client must do alike. Pure.
 *
 * Applying a frame twice is harmless (`set` is absolute), and applying two frames in turn equals applying
 * their merge; both are property-tested.
 */
import type { Row, SortKey, Ties } from "./messages.ts";

/**
 * Compare member ids by their UTF-8 bytes, as Redis does.
 *
 * UTF-8 byte order is code point order; UTF-16 unit order (JavaScript's `<`) differs from it only where a
 * surrogate meets a unit from U+E000 up, so those are moved apart before they are compared.
 */
export function compareMembers(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

function aboveSurrogates(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

/** Sort keys of one board: both numbers, or both ASCII text of one length. */
function compareSortKeys(a: SortKey, b: SortKey): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Best first: smaller sort key, then member bytes. */
export function compareRows(a: Row, b: Row): number {
  return compareSortKeys(a[1], b[1]) || compareMembers(a[0], b[0]);
}

/** `rows` (sorted) with `drop` removed and `set` put in place; a new sorted array, `rows` is not touched. O(n + s log s). */
export function applyRows(rows: readonly Row[], set: readonly Row[], drop: readonly string[]): Row[] {
  const gone = new Set(drop);
  const latest = new Map<string, Row>();
  for (const row of set) {
    latest.set(row[0], row);
    gone.add(row[0]);
  }
  const incoming = [...latest.values()].sort(compareRows);
  const result: Row[] = [];
  let next = 0;
  for (const row of rows) {
    if (gone.has(row[0])) continue;
    while (next < incoming.length && compareRows(incoming[next]!, row) < 0) result.push(incoming[next++]!);
    result.push(row);
  }
  while (next < incoming.length) result.push(incoming[next++]!);
  return result;
}

/**
 * The 1-based rank of every row of a sorted view that starts at the top of the board.
 *
 * `shared`: equal sort keys share a rank and the next one is skipped (1, 2, 2, 4). Else every row has its own.
 */
export function ranksOf(rows: readonly Row[], ties: Ties): number[] {
  const ranks: number[] = [];
  for (let i = 0; i < rows.length; i++) {
    const tied = ties === "shared" && i > 0 && rows[i]![1] === rows[i - 1]![1];
    ranks.push(tied ? ranks[i - 1]! : i + 1);
  }
  return ranks;
}
