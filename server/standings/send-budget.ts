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

  /** Take all of `cost` if anything is left; what is missing is paid off before the next one. @returns whether it was given */
  spend(cost: number): boolean {
    if (this.take(1) === 0) return false;
    this.#tokens -= cost - 1;
    return true;
  }

  /** Take up to `wanted`. @returns how many were given */
  take(wanted: number): number {
    const now = performance.now();
    this.#tokens = Math.min(this.#most(), this.#tokens + ((now - this.#at) / 1000) * this.#perSecond);
    this.#at = now;
    const given = Math.max(0, Math.min(wanted, Math.floor(this.#tokens)));
    this.#tokens -= given;
    return given;
  }
}
