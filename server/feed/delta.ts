/** The difference between two tops, and the merge of frames. Pure: `applyRows(a, diff(a, b)) = b`. */
import type { Frame, Row, SortKey } from "../../client-sdk/protocol/messages.ts";

export type Change = { set: Row[]; drop: string[] };

/** What turns `before` into `after`; both sorted. Rows are compared by sort key, which decides all columns. O(n). */
export function diff(before: readonly Row[], after: readonly Row[]): Change {
  const change: Change = { set: [], drop: [] };
  // Most ticks change few rows: what both share at either end needs no map.
  let start = 0;
  while (start < before.length && start < after.length && sameRow(before[start]!, after[start]!)) start++;
  let endBefore = before.length;
  let endAfter = after.length;
  while (endBefore > start && endAfter > start && sameRow(before[endBefore - 1]!, after[endAfter - 1]!)) {
    endBefore--;
    endAfter--;
  }
  const keys = new Map<string, SortKey>();
  for (let i = start; i < endBefore; i++) keys.set(before[i]![0], before[i]![1]);
  for (let i = start; i < endAfter; i++) {
    const row = after[i]!;
    if (keys.get(row[0]) !== row[1]) change.set.push(row);
    keys.delete(row[0]);
  }
  change.drop.push(...keys.keys());
  return change;
}

function sameRow(a: Row, b: Row): boolean {
  return a === b || (a[0] === b[0] && a[1] === b[1]);
}

/** One frame for several that follow each other; the last word on each member wins. */
export function mergeFrames(frames: readonly Frame[]): Frame {
  const first = frames[0]!;
  const last = frames.at(-1)!;
  const words = new Map<string, Row | undefined>();
  for (const { set, drop } of frames) {
    for (const member of drop) words.set(member, undefined);
    for (const row of set) words.set(row[0], row);
  }
  const merged: Frame = { ...last, after: first.after, set: [], drop: [] };
  for (const [member, row] of words) {
    if (row) merged.set.push(row);
    else merged.drop.push(member);
  }
  return merged;
}
