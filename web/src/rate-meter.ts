/** How many a second: counts of whole seconds, as far back as the sparkline reaches. Pure. */

const AVERAGED_SECONDS = 3;

export class RateMeter {
  readonly #seconds: number;
  /** Newest last; the last one is the second that is still running. */
  #counts: number[] = [0];
  #second: number;

  constructor(seconds: number, nowMs: number) {
    this.#seconds = seconds;
    this.#second = Math.floor(nowMs / 1000);
  }

  add(count: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#counts[this.#counts.length - 1]! += count;
  }

  /** Mean of the last few whole seconds. */
  perSecond(nowMs: number): number {
    const recent = this.history(nowMs).slice(-AVERAGED_SECONDS);
    if (recent.length === 0) return 0;
    return recent.reduce((sum, count) => sum + count, 0) / recent.length;
  }

  /** Counts of the whole seconds so far, oldest first. */
  history(nowMs: number): number[] {
    this.#advance(nowMs);
    return this.#counts.slice(0, -1);
  }

  #advance(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const passed = Math.min(second - this.#second, this.#seconds + 1);
    if (passed <= 0) return;
    for (let i = 0; i < passed; i++) this.#counts.push(0);
    this.#counts = this.#counts.slice(-(this.#seconds + 1));
    this.#second = second;
  }
}
