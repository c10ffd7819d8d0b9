/**
 * Where the boundaries of a rank index lie: spaced geometrically in rank, so that the relative error is the same everywhere.
 *
 * A cell that begins behind `before` entries may hold `allowance(before)` of them. Cells that together hold less are merged; one that holds
 * more than twice that is cut where its own entries lie. A key that many share ends up in a cell of its own. Pure.
 */
import { nextAfter } from "./rank-index.ts";

export type Spacing = {
  /** Entries of the first cell: half of the published top, so that whoever is not published has a cell with two ends. */
  top: number;
  /** Entries of a later cell, as a share of those before it. */
  relative: number;
};

const BOUNDARIES_MAX = 1000;

/** The spacing for a board of `total` members of which the best `top` are published. */
export function spacingFor(total: number, top: number): Spacing {
  const cells = Math.max(1, Math.min(BOUNDARIES_MAX, Math.floor(total / 10)));
  const first = Math.max(1, Math.floor(top / 2));
  return { top: first, relative: Math.log(Math.max(2, total / first)) / cells };
}

export function allowance(before: number, { top, relative }: Spacing): number {
  return before < top ? top - before : Math.max(1, before * relative);
}

/** Which boundaries stay: true for those that keep apart what together would be too much. */
export function keptBoundaries(below: Float64Array, total: number, spacing: Spacing): boolean[] {
  const kept = new Array<boolean>(below.length);
  let start = 0;
  for (let i = 0; i < below.length; i++) {
    const end = i + 1 < below.length ? below[i + 1]! : total;
    kept[i] = end - start > allowance(start, spacing);
    if (kept[i]) start = below[i]!;
  }
  return kept;
}

export type Cut = { cell: number; into: number };

/** Cells that hold too much, and into how many pieces each is to be cut; a cell of one key alone cannot be. */
export function overfullCells(
  boundaries: Float64Array,
  below: Float64Array,
  total: number,
  spacing: Spacing,
): Cut[] {
  const cuts: Cut[] = [];
  for (let cell = 0; cell <= below.length; cell++) {
    const low = cell === 0 ? 0 : below[cell - 1]!;
    const high = cell === below.length ? total : below[cell]!;
    const start = boundaries[cell - 1];
    if (start !== undefined && boundaries[cell] === nextAfter(start)) continue;
    if (high - low > 2 * allowance(low, spacing)) cuts.push({ cell, into: piecesOf(low, high, spacing) });
  }
  return cuts;
}

/** How many allowances follow each other between two counts. */
function piecesOf(low: number, high: number, spacing: Spacing): number {
  let pieces = 0;
  for (let at = low; at < high && pieces <= BOUNDARIES_MAX; at += allowance(at, spacing)) pieces++;
  return pieces;
}

/** The shares of a cell's entries at which its pieces begin, the first one (0) left out. */
export function sharesOf(low: number, high: number, { into }: Cut, spacing: Spacing): number[] {
  const shares: number[] = [];
  for (
    let at = low + allowance(low, spacing);
    at < high && shares.length + 1 < into;
    at += allowance(at, spacing)
  ) {
    shares.push((at - low) / (high - low));
  }
  return shares;
}

/**
 * Boundaries for the keys that were found at those shares of a cell.
 * A key found twice, or at the cell's own start, is shared by many: it gets a cell of its own.
 */
export function boundariesFor(found: readonly number[], start: number | undefined): number[] {
  const made = new Set<number>();
  let last = start;
  for (const key of found) {
    if (!Number.isFinite(key)) continue;
    if (key === last) made.add(nextAfter(key));
    else made.add(key);
    last = key;
  }
  return [...made];
}
