/**
 * The role `seasons`: looks at every board twice a second and takes the steps that are due, each board's under a lease of its own.
 *
 * Rolling over and archiving are apart, so that a final table of millions holds up no rollover, of its own board neither.
 */
import { Loop } from "../base/loop.ts";
import { type Lease, seasonLease } from "../locks/lease.ts";
import { isDue, type RolloverOptions, rollOn, type Step } from "./rollover.ts";
import type { SeasonMetrics } from "./season-metrics.ts";
import { hasFrozen, type OnFrozen, type RemovalStep, removeFrozen } from "./season-removal.ts";

export type SeasonsOptions = Omit<RolloverOptions, "onStep"> & {
  /** Absent where there is no archive: seasons that are over stay in Redis. */
  onFrozen?: OnFrozen;
  leaseTtlMs: number;
  lookMs: number;
  metrics: SeasonMetrics;
  /** For tests: hears of every step, and may end the process at it. */
  onStep?: (step: Step | RemovalStep, board: string) => void | Promise<void>;
};

type Work = "rollover" | "archive";

/** Thrown when another process has a board's lease by now. */
class LeaseLost extends Error {}

/** Boards that are worked on at once. */
const WORKS_MAX = 8;
/** What failed is tried again after this. */
const PAUSE_MS = 2_000;

export class Seasons {
  readonly #options: SeasonsOptions;
  readonly #loop: Loop;
  readonly #running = new Map<string, Promise<void>>();
  readonly #pausedUntil = new Map<string, number>();

  constructor(options: SeasonsOptions) {
    this.#options = options;
    const onError = (error: unknown): void => options.log.warn({ err: error }, "looking at seasons failed");
    this.#loop = new Loop({ everyMs: options.lookMs, step: async () => this.#look(), onError });
  }

  start(): void {
    this.#loop.start();
  }

  /** Resolves when the steps under way have been taken. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all(this.#running.values());
  }

  #look(): void {
    const { registry, metrics, now, onFrozen } = this.#options;
    let closing = 0;
    for (const id of registry.boards.keys()) {
      const record = registry.record(id)!;
      closing += record.closing.length;
      if (isDue(record, now(), this.#rollover)) this.#begin(id, "rollover");
      if (onFrozen && hasFrozen(record)) this.#begin(id, "archive");
    }
    metrics.closing.set(closing);
  }

  get #rollover(): RolloverOptions {
    return { ...this.#options, onStep: (step, board) => this.#tookStep(step, board) };
  }

  #begin(id: string, work: Work): void {
    const name = `${work} ${id}`;
    if (this.#running.has(name) || this.#running.size >= WORKS_MAX) return;
    if ((this.#pausedUntil.get(name) ?? 0) > performance.now()) return;
    this.#pausedUntil.delete(name);
    const done = this.#work(id, work).catch((error: unknown) => {
      if (error instanceof LeaseLost) return;
      this.#options.metrics.failures.inc({ work });
      this.#options.log.warn({ board: id, err: error }, `${work} failed; it is tried again`);
      this.#pausedUntil.set(name, performance.now() + PAUSE_MS);
    });
    this.#running.set(
      name,
      done.finally(() => this.#running.delete(name)),
    );
  }

  async #work(id: string, work: Work): Promise<void> {
    const { redis, registry, leaseTtlMs, onFrozen } = this.#options;
    const lease = seasonLease(redis, id, work, leaseTtlMs);
    if (!(await lease.hold())) return;
    const stillOurs = keepLease(lease);
    // What took long must not outlast the lease: the table of a large season is made inside of one call.
    const renewing = setInterval(() => void stillOurs().catch(() => undefined), leaseTtlMs / 3);
    try {
      await registry.refresh();
      if (work === "rollover") await rollOn(this.#rollover, id, stillOurs);
      else if (onFrozen) {
        const onStep = (step: RemovalStep, board: string): Promise<void> => this.#tookStep(step, board);
        const removed = await removeFrozen({ redis, registry, onFrozen, onStep }, id, stillOurs);
        if (removed === "behind") this.#pausedUntil.set(`${work} ${id}`, performance.now() + PAUSE_MS);
      }
    } finally {
      clearInterval(renewing);
      await lease.release().catch(() => undefined);
    }
  }

  async #tookStep(step: Step | RemovalStep, board: string): Promise<void> {
    this.#options.metrics.steps.inc({ step });
    if (step === "moved") this.#options.log.info({ board }, "the next season has begun");
    await this.#options.onStep?.(step, board);
  }
}

function keepLease(lease: Lease): () => Promise<void> {
  return async () => {
    if (lease.token === undefined || !(await lease.hold())) throw new LeaseLost();
  };
}
