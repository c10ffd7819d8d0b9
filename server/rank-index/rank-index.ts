/**
 * A board's rank index: how many entries are strictly better than each of about a thousand sort keys, exactly, at one time.
 *
 * Boundaries cut the line of keys into cells: cell 0 is everything below the first boundary, cell i is [boundary i−1, boundary i), and the
 * last cell has no end. A key's rank is known up to its cell: the counts at both sides hold for certain, what lies between is
 * interpolated. A key that is a boundary itself is counted exactly. Pure.
 */

export type IndexFacts = {
  /** Of the season that was counted. */
  incarnation: string;
  /** Of the lease under which it was counted; a later lease has a larger one. */
  token: number;
  /** Which refresh under that lease. With the token it says which of two indexes is newer, whatever any clock says. */
  sequence: number;
  /** When counting began by the merger's clock: ms since the Unix epoch. For people to read, not for order. */
  asOf: number;
  /** Members on the board. */
  total: number;
  /** Of each shard, the count of its batches that the index includes at least. */
  ns: readonly number[];
};

/** Whether an index replaces another one: also that of another season's life does. */
export function replaces(index: IndexFacts, known: IndexFacts): boolean {
  if (index.incarnation !== known.incarnation || index.token > known.token) return true;
  return index.token === known.token && index.sequence > known.sequence;
}

/** What is known of a place: between `low` and `high` entries come before it, `before` most likely. */
export type Estimate = { before: number; low: number; high: number };

export class RankIndex {
  readonly facts: IndexFacts;
  /** Ascending, all different. */
  readonly boundaries: Float64Array;
  /** Entries strictly better than each boundary; never falls from one to the next. */
  readonly below: Float64Array;
  /** Entries before each cell, and after the last one all: a cell's entries lie between its own count and the next. */
  readonly starts: Float64Array;

  constructor(facts: IndexFacts, boundaries: Float64Array, below: Float64Array) {
    this.facts = facts;
    this.boundaries = boundaries;
    this.below = below;
    this.starts = new Float64Array(below.length + 2);
    this.starts.set(below, 1);
    this.starts[below.length + 1] = Math.max(facts.total, below.at(-1) ?? 0);
  }

  get cells(): number {
    return this.boundaries.length + 1;
  }

  /** The cell that a key lies in: the number of boundaries at or below it. O(log cells). */
  cellOf(key: number): number {
    return this.cellBetween(key, 0, this.boundaries.length);
  }

  /** The same where the cell is known to be one of `first` to `last`. */
  cellBetween(key: number, first: number, last: number): number {
    const { boundaries } = this;
    let low = first;
    let high = last;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (boundaries[middle]! <= key) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Entries before a cell. */
  lower(cell: number): number {
    return this.starts[cell]!;
  }

  /** Entries before the next cell. */
  upper(cell: number): number {
    return this.starts[cell + 1]!;
  }

  /** How far into its cell a key lies, from 0 to 1; a half where the cell has no end. */
  fractionOf(key: number, cell: number): number {
    if (cell === 0 || cell === this.boundaries.length) return 0.5;
    const start = this.boundaries[cell - 1]!;
    const end = this.boundaries[cell]!;
    const span = end - start;
    // Keys of float columns may lie further apart than the largest double.
    return span < Number.POSITIVE_INFINITY
      ? (key - start) / span
      : (key / 2 - start / 2) / (end / 2 - start / 2);
  }

  /** How many entries are strictly better than a key. O(log cells), about 0.1 µs. */
  estimate(key: number): Estimate {
    const cell = this.cellOf(key);
    const low = this.lower(cell);
    if (cell > 0 && this.boundaries[cell - 1] === key) return { before: low, low, high: low };
    const high = this.upper(cell);
    return { before: low + Math.round((high - low) * this.fractionOf(key, cell)), low, high };
  }

  /** How many entries come before a place whose ties are broken by what the index does not know: anything up to the next boundary. */
  estimateOfPlace(key: number): Estimate {
    const cell = this.cellOf(key);
    const low = this.lower(cell);
    const high = this.upper(cell);
    const alone = cell > 0 && this.boundaries[cell] === nextAfter(this.boundaries[cell - 1]!);
    const share = alone ? 0.5 : this.fractionOf(key, cell);
    return { before: low + Math.round((high - low) * share), low, high };
  }

  /** A finite key that about `count` entries are better than; undefined where the index has no boundaries at all. */
  keyAt(count: number): number | undefined {
    let low = 0;
    let high = this.below.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.below[middle]! <= count) low = middle + 1;
      else high = middle;
    }
    if (this.boundaries.length === 0) return undefined;
    // The cell of the largest double alone ends at infinity, which no entry has.
    const end = Math.min(this.boundaries[Math.min(low, this.boundaries.length - 1)]!, Number.MAX_VALUE);
    if (low === 0 || low === this.below.length) return end;
    const start = this.boundaries[low - 1]!;
    const [before, after] = [this.below[low - 1]!, this.below[low]!];
    if (after === before) return start;
    const share = (count - before) / (after - before);
    return end - start < Number.POSITIVE_INFINITY
      ? start + (end - start) * share
      : start * (1 - share) + end * share;
  }
}

/** The same with at most `max` boundaries, evenly taken from its own: coarser, and as true. */
export function thinned({ facts, boundaries, below }: RankIndex, max: number): RankIndex {
  const size = Math.min(max, boundaries.length);
  const picked = Array.from({ length: size }, (_, i) => Math.floor(((i + 0.5) * boundaries.length) / size));
  return new RankIndex(
    facts,
    Float64Array.from(picked, (i) => boundaries[i]!),
    Float64Array.from(picked, (i) => below[i]!),
  );
}

const double = new Float64Array(1);
const bits = new BigInt64Array(double.buffer);

/** The next larger double: [key, nextAfter(key)) is the cell of that key alone. */
export function nextAfter(key: number): number {
  if (key === 0) return Number.MIN_VALUE;
  double[0] = key;
  bits[0] = key > 0 ? bits[0]! + 1n : bits[0]! - 1n;
  return double[0];
}
