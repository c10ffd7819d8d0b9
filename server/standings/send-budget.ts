/** How many changes may be sent a second by this process, over all boards; what is saved up is a quarter of a second's worth at most. */
export class SendBudget {
  readonly #perSecond: number;
  #tokens: number;
  #at = performance.now();

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
    this.#tokens = this.#most();
  }

  #most(): number {
    return Math.max(1, this.#perSecond / 4);
  }

  /** Take up to `wanted`. @returns how many were given */
  take(wanted: number): number {
    const now = performance.now();
    this.#tokens = Math.min(this.#most(), this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    const given = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= given;
    return given;
  }
}
