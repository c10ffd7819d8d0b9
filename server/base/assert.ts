/** Stop on a programmer's error: what `condition` says must always hold. Bad input is an AppError, never an assertion. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
