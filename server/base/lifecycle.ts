/** What was started, in order; stopped in reverse, all together within a deadline. */
import { sleep } from "./clock.ts";
import type { Log } from "./log.ts";

type Started = { name: string; stop: () => Promise<void> };

export class Lifecycle {
  readonly #log: Log;
  readonly #started: Started[] = [];
  #stopping: Promise<string[]> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Start one part and note how it is stopped. What fails to start is not noted; stop what came before it with `stop`. */
  async start<T>(
    name: string,
    start: () => Promise<T> | T,
    stop: (part: T) => Promise<unknown> | unknown,
  ): Promise<T> {
    const part = await start();
    this.#started.push({
      name,
      stop: async () => {
        await stop(part);
      },
    });
    return part;
  }

  /** @param deadlineMs for all together. @returns names of the parts that failed to stop or were late; the same for every call */
  stop(deadlineMs: number): Promise<string[]> {
    this.#stopping ??= this.#stopAll(performance.now() + deadlineMs);
    return this.#stopping;
  }

  async #stopAll(endsAt: number): Promise<string[]> {
    const left: string[] = [];
    for (const { name, stop } of this.#started.splice(0).reverse()) {
      const stopped = new AbortController();
      const late = sleep(Math.max(100, endsAt - performance.now()), stopped.signal).then(
        () => new Error("late"),
      );
      const error = await Promise.race([late, stop().then(() => undefined, asError)]);
      stopped.abort();
      if (!error) continue;
      left.push(name);
      this.#log.error({ part: name, err: error }, "did not stop cleanly");
    }
    return left;
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
