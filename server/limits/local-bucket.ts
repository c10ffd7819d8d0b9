/** A token bucket in memory, for what lives in one process, such as a socket. */

export type BucketSize = {
  /** Tokens that come back in a second; 0 turns the limit off. */
  perSecond: number;
  /** Tokens of a full bucket: what may come at once after a rest. */
  burst: number;
};

/** Whole microseconds, so that the same arithmetic is exact here and in Lua. */
export function intervalUs({ perSecond }: BucketSize): number {
  return Math.max(1, Math.round(1e6 / perSecond));
}

/** As in `lua/limits/token_bucket.lua`, a bucket is the time at which it will be full again. */
export class LocalBucket {
  readonly #intervalUs: number;
  readonly #capacityUs: number;
  readonly #nowUs: () => number;
  #fullAtUs = 0;

  /** @param nowUs monotonic, in µs */
  constructor(size: BucketSize, nowUs: () => number = () => performance.now() * 1000) {
    this.#intervalUs = intervalUs(size);
    this.#capacityUs = this.#intervalUs * size.burst;
    this.#nowUs = nowUs;
  }

  /** Take one token. @returns ms until there is one, 0 when it was taken */
  take(): number {
    const now = this.#nowUs();
    const full = Math.max(this.#fullAtUs, now) + this.#intervalUs;
    const overUs = full - (now + this.#capacityUs);
    if (overUs > 0) return Math.ceil(overUs / 1000);
    this.#fullAtUs = full;
    return 0;
  }
}
