/** Time as a value that is passed in, so that tests can hold it. */
export type Clock = {
  /** Milliseconds since the Unix epoch. */
  now(): number;
};

export const systemClock: Clock = { now: () => Date.now() };

/** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** What `promise` gives, or what `onLate` throws when it takes longer than `ms`. The promise itself goes on. */
export async function within<T>(ms: number, promise: Promise<T>, onLate: () => Error): Promise<T> {
  const settled = new AbortController();
  const late = sleep(ms, settled.signal).then(() => {
    if (!settled.signal.aborted) throw onLate();
    return promise;
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    settled.abort();
    late.catch(() => undefined);
  }
}
