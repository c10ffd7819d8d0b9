/** The limits as anybody would write them down, for one process and one clock: what the scripts are compared with. */

export class NaiveFixedWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  #endsMs = 0;
  #taken = 0;

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** @returns how many are left after it, or "refused"; and when the window ends */
  take(nowMs: number): { left: number | "refused"; resetMs: number } {
    if (nowMs >= this.#endsMs) [this.#endsMs, this.#taken] = [nowMs + this.#windowMs, 0];
    // The clock went back.
    this.#endsMs = Math.min(this.#endsMs, nowMs + this.#windowMs);
    const resetMs = this.#endsMs - nowMs;
    if (this.#taken >= this.#limit) return { left: "refused", resetMs };
    this.#taken++;
    return { left: this.#limit - this.#taken, resetMs };
  }
}

export class NaiveSlidingWindow {
  readonly #limit: number;
  readonly #windowMs: number;
  taken: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** @returns ms to wait, 0 when it was taken */
  take(nowMs: number): number {
    this.taken = this.taken.filter((at) => at > nowMs - this.#windowMs);
    if (this.taken.length < this.#limit) {
      this.taken.push(nowMs);
      return 0;
    }
    // The clock went back: nothing lies in the future.
    this.taken = this.taken.map((at) => Math.min(at, nowMs));
    return Math.min(...this.taken) + this.#windowMs - nowMs;
  }
}

/** Credit in µs of refill, so that it is whole: a token costs one interval. */
export class NaiveBuckets {
  readonly #intervalUs: number;
  readonly #capacityUs: number;
  readonly #buckets = new Map<string, { creditUs: number; atUs: number }>();

  constructor(intervalUs: number, burst: number) {
    this.#intervalUs = intervalUs;
    this.#capacityUs = intervalUs * burst;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** @returns ms to wait, 0 when it was taken */
  take(name: string, nowMs: number): number {
    const nowUs = nowMs * 1000;
    const { creditUs, atUs } = this.#buckets.get(name) ?? { creditUs: this.#capacityUs, atUs: nowUs };
    const refilled = Math.min(this.#capacityUs, Math.max(0, creditUs + nowUs - atUs));
    const taken = refilled >= this.#intervalUs;
    const left = taken ? refilled - this.#intervalUs : refilled;
    this.#buckets.set(name, { creditUs: left, atUs: nowUs });
    this.#forgetFull(nowUs);
    return taken ? 0 : Math.ceil((this.#intervalUs - left) / 1000);
  }

  /** A full bucket is as good as none. */
  #forgetFull(nowUs: number): void {
    for (const [name, { creditUs, atUs }] of this.#buckets) {
      if (creditUs + nowUs - atUs >= this.#capacityUs) this.#buckets.delete(name);
    }
  }
}
