/** Wait for something that another process brings about, bounded, and say what it was when it did not come. */
export async function eventually<T>(
  check: () => Promise<T> | T,
  { withinMs = 8_000, everyMs = 10 } = {},
): Promise<T> {
  const endsAt = performance.now() + withinMs;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > endsAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
