/** What became of a rank within the last while. Pure. */

type Sample = { rank: number; atMs: number };

export class RankTrend {
  readonly #windowMs: number;
  /** Oldest first: the rank when the window began, and every change since. */
  #samples: Sample[] = [];

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  add(rank: number, nowMs: number): void {
    if (this.#samples.at(-1)?.rank !== rank) this.#samples.push({ rank, atMs: nowMs });
    this.#forget(nowMs);
  }

  /** Places climbed (above 0) or lost since the window began. */
  change(nowMs: number): number {
    this.#forget(nowMs);
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    return first && last ? first.rank - last.rank : 0;
  }

  /** A sample stands until the next one, so the newest of those before the window is still needed. */
  #forget(nowMs: number): void {
    const begin = nowMs - this.#windowMs;
    const needed = this.#samples.findLastIndex(({ atMs }) => atMs <= begin);
    if (needed > 0) this.#samples = this.#samples.slice(needed);
  }
}
