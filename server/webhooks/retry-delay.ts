/** How long a webhook that failed waits before it is tried again. Pure. */

export type BackOff = { firstMs: number; capMs: number };

/**
 * The wait before the next attempt: doubling up to the cap, the upper half of it at random, so that what failed together does not come back
 * together. @param attempts made so far, 1 or more
 */
export function retryDelayMs(attempts: number, { firstMs, capMs }: BackOff, random: () => number): number {
  const most = Math.min(capMs, firstMs * 2 ** Math.min(attempts - 1, 40));
  return Math.round(most * (0.5 + random() / 2));
}
