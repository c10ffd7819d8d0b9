/** The primary's part in gathering metrics: one round asks every worker and hands what came to everybody who wants it. */
import { sleep } from "../base/clock.ts";
import type { Measured, ToWorker } from "./messages.ts";

/** A worker as this needs it. */
export type Measurable = { id: number; send(message: ToWorker): void };

const ROUND_MS = 2_000;

export class MetricsRounds {
  readonly #workers: () => readonly Measurable[];
  #current:
    | { round: number; heard: Map<number, Measured>; whole: AbortController; missing: number }
    | undefined;
  #running: Promise<Measured[]> | undefined;
  #round = 0;

  /** @param workers those that serve */
  constructor(workers: () => readonly Measurable[]) {
    this.#workers = workers;
  }

  /** What each worker counts; a worker that does not answer in time is left out. */
  gather(): Promise<Measured[]> {
    this.#running ??= this.#ask().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  hear(worker: number, round: number, metrics: Measured): void {
    const current = this.#current;
    if (current?.round !== round) return;
    current.heard.set(worker, metrics);
    if (current.heard.size === current.missing) current.whole.abort();
  }

  async #ask(): Promise<Measured[]> {
    const workers = this.#workers();
    const round = ++this.#round;
    const current = {
      round,
      heard: new Map<number, Measured>(),
      whole: new AbortController(),
      missing: workers.length,
    };
    this.#current = current;
    for (const worker of workers) worker.send({ type: "measure", round });
    await sleep(ROUND_MS, current.whole.signal);
    this.#current = undefined;
    // In the order of the workers, so that two scrapes read alike.
    return workers.flatMap(({ id }) => (current.heard.has(id) ? [current.heard.get(id)!] : []));
  }
}
