/** What a part of an archived feed holds, as deflated JSON: members and sort keys alone, because those decide every column. Pure. */
import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { SortKey } from "../../client-sdk/protocol/messages.ts";

/** A row of a top as it was: who, and where in the board's order. What a feed's row has behind it is not kept. */
export type PastRow = readonly [member: string, sortKey: SortKey, ...columns: unknown[]];

/** What a frame changed, and the members on the board after it. */
export type PastFrame = {
  /** ms since the Unix epoch; never before that of the frame before. */
  atMs: number;
  total: number;
  set: readonly PastRow[];
  drop: readonly string[];
};

export type PastTopRows = { total: number; rows: PastRow[] };

type FrameLine = [sinceMs: number, total: number, set: PastRow[], drop: string[]];

export function encodeTop({ total, rows }: { total: number; rows: readonly PastRow[] }): Buffer {
  return deflated([total, rows.map(bare)]);
}

export function decodeTop(body: Buffer): PastTopRows {
  const [total, rows] = inflated(body) as [number, PastRow[]];
  return { total, rows };
}

/** Frames that follow each other. @param firstMs the instant that the first of them is counted from */
export function encodeFrames(firstMs: number, frames: readonly PastFrame[]): Buffer {
  let before = firstMs;
  const lines = frames.map(({ atMs, total, set, drop }): FrameLine => {
    const line: FrameLine = [atMs - before, total, set.map(bare), [...drop]];
    before = atMs;
    return line;
  });
  return deflated(lines);
}

export function decodeFrames(firstMs: number, body: Buffer): PastFrame[] {
  let atMs = firstMs;
  return (inflated(body) as FrameLine[]).map(([sinceMs, total, set, drop]) => {
    atMs += sinceMs;
    return { atMs, total, set, drop };
  });
}

/** A feed's row without its columns. */
function bare([member, sortKey]: PastRow): PastRow {
  return [member, sortKey];
}

function deflated(value: unknown): Buffer {
  return deflateRawSync(JSON.stringify(value));
}

function inflated(body: Buffer): unknown {
  return JSON.parse(inflateRawSync(body).toString());
}
