/** The one background loop: paced, never overlapping itself, pausing after an error, stopping on demand. */
import { backoffMs } from "./backoff.ts";
import { sleep } from "./clock.ts";

export type LoopOptions = {
  /** From the start of one turn to the start of the next; a turn that takes longer is followed at once. */
  everyMs: number;
  step: (signal: AbortSignal) => Promise<void>;
  onError: (error: unknown) => void;
};

export class Loop {
  readonly #options: LoopOptions;
  readonly #stopped = new AbortController();
  #running: Promise<void> | undefined;
  #wake: AbortController | undefined;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Take the next turn now instead of at its time. */
  nudge(): void {
    this.#wake?.abort();
  }

  /** Resolves when the turn under way has ended. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.nudge();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { everyMs, step, onError } = this.#options;
    const { signal } = this.#stopped;
    let failures = 0;
    while (!signal.aborted) {
      const startedAt = performance.now();
      try {
        await step(signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) break;
        onError(error);
        // A nudge does not shorten this pause: what fails must not become a hot loop.
        await sleep(backoffMs(failures++, { firstMs: 100, capMs: 2000 }), signal);
      }
      this.#wake = new AbortController();
      if (!signal.aborted) await sleep(everyMs - (performance.now() - startedAt), this.#wake.signal);
    }
  }
}
