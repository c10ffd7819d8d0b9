/** Full jitter: a uniform wait up to a cap that doubles with each attempt. */
export type BackoffOptions = { firstMs: number; capMs: number };

/** @param attempt 0 for the first wait. @returns milliseconds */
export function backoffMs(attempt: number, { firstMs, capMs }: BackoffOptions, random = Math.random): number {
  return Math.round(random() * Math.min(capMs, firstMs * 2 ** Math.min(attempt, 30)));
}
