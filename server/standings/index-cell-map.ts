/** Where the cells of one rank index lie in the next one, so that members need not be looked up anew. Pure. */
import type { RankIndex } from "../rank-index/rank-index.ts";

export type CellMap = {
  /** The first and last cell of the next index that a cell overlaps. */
  first: Int32Array;
  last: Int32Array;
  /** 1 where both ends stayed: a member's fraction of the cell stays too. */
  same: Uint8Array;
  /** All cells are where they were. */
  unchanged: boolean;
};

/** O(cells of both). */
export function mapCells(before: RankIndex, next: RankIndex): CellMap {
  const { cells, boundaries: old } = before;
  const { boundaries } = next;
  const map = { first: new Int32Array(cells), last: new Int32Array(cells), same: new Uint8Array(cells) };
  let unchanged = cells === next.cells;
  let at = 0;
  for (let cell = 0; cell < cells; cell++) {
    const start = cell === 0 ? Number.NEGATIVE_INFINITY : old[cell - 1]!;
    const end = cell === old.length ? Number.POSITIVE_INFINITY : old[cell]!;
    // The cell that holds the start, and the one that holds the last key before the end.
    while (at < boundaries.length && boundaries[at]! <= start) at++;
    let last = at;
    while (last < boundaries.length && boundaries[last]! < end) last++;
    map.first[cell] = at;
    map.last[cell] = last;
    const nextStart = at === 0 ? Number.NEGATIVE_INFINITY : boundaries[at - 1]!;
    const nextEnd = last === boundaries.length ? Number.POSITIVE_INFINITY : boundaries[last]!;
    if (at === last && nextStart === start && nextEnd === end) map.same[cell] = 1;
    else unchanged = false;
  }
  return { ...map, unchanged };
}
