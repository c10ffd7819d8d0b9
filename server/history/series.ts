/** A member's score over time, and the same with fewer points. Pure. */

import type { EntryKey } from "../archive/log-entry.ts";
import type { PastChange } from "../archive/member-changes.ts";

/** From an instant on the entry stood there; undefined: there was none. */
export type SeriesPoint = { atMs: number; key: EntryKey | undefined };

/**
 * @param start where the entry stood at the beginning
 * @param changes oldest first; those that leave the entry where it is make no point
 */
export function seriesOf(
  fromMs: number,
  start: EntryKey | undefined,
  changes: readonly PastChange[],
): SeriesPoint[] {
  const points: SeriesPoint[] = start ? [{ atMs: fromMs, key: start }] : [];
  let present = start;
  for (const { atMs, now } of changes) {
    if (compareKeys(now, present) === 0) continue;
    points.push({ atMs, key: now });
    present = now;
  }
  return points;
}

/**
 * At most `max` of the points: all where they are so few, else of each of max / 4 spans of time the first, the last, the best and the worst.
 * @param max at least 4
 */
export function reduced(points: readonly SeriesPoint[], max: number): SeriesPoint[] {
  if (points.length <= max) return [...points];
  const fromMs = points[0]!.atMs;
  const width = (points.at(-1)!.atMs - fromMs) / Math.floor(max / 4);
  const kept: SeriesPoint[] = [];
  for (let at = 0; at < points.length; ) {
    const bucket = bucketOf(points[at]!, fromMs, width, max);
    let end = at;
    while (end < points.length && bucketOf(points[end]!, fromMs, width, max) === bucket) end++;
    kept.push(...marksOf(points, at, end));
    at = end;
  }
  return kept;
}

function bucketOf({ atMs }: SeriesPoint, fromMs: number, width: number, max: number): number {
  return width === 0 ? 0 : Math.min(Math.floor((atMs - fromMs) / width), Math.floor(max / 4) - 1);
}

function marksOf(points: readonly SeriesPoint[], start: number, end: number): SeriesPoint[] {
  let [best, worst] = [start, start];
  for (let i = start; i < end; i++) {
    if (compareKeys(points[i]!.key, points[best]!.key) < 0) best = i;
    if (compareKeys(points[i]!.key, points[worst]!.key) > 0) worst = i;
  }
  const marks = [...new Set([start, best, worst, end - 1])].sort((a, b) => a - b);
  return marks.map((i) => points[i]!);
}

/** Where the entry stood at an instant. @param points oldest first */
export function keyAt(points: readonly SeriesPoint[], atMs: number): EntryKey | undefined {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle]!.atMs <= atMs) low = middle + 1;
    else high = middle;
  }
  return points[low - 1]?.key;
}

/** Better is less; no entry is behind all. */
export function compareKeys(a: EntryKey | undefined, b: EntryKey | undefined): number {
  if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
  return a.key - b.key || (a.rest === b.rest ? 0 : a.rest < b.rest ? -1 : 1);
}
