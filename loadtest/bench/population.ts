/** The members of a bench's board, where each of them stands, and random things to do to them. */

export const SCORE_MAX = 1_000_000_000;

export class Population {
  readonly size: number;
  /** 12 bytes each, the longest id in its size class of Redis's allocator. */
  readonly members: string[];
  /** The last score that was sent for each. */
  readonly scores: Float64Array;

  constructor(size: number) {
    this.size = size;
    this.members = Array.from({ length: size }, (_, i) => `m${i.toString(36).padStart(11, "0")}`);
    this.scores = Float64Array.from({ length: size }, () => randomScore());
  }

  any(): number {
    return Math.floor(Math.random() * this.size);
  }
}

export function randomScore(): number {
  return Math.floor(Math.random() * SCORE_MAX);
}
