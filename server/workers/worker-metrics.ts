/**
 * The metrics of all workers, whichever of them is asked: a scrape reaches any one, and one alone would show counters that jump from
 * process to process. Each worker's series carry its number as the label `worker`; a worker that was forked again has a new one.
 */
import { AggregatorRegistry, Registry } from "prom-client";
import { sleep } from "../base/clock.ts";
import { type Measured, type ToWorker, tellPrimary } from "./messages.ts";

const GATHER_MS = 3_000;

export class WorkerMetrics extends Registry {
  readonly #asked = new Map<number, (all: Measured[]) => void>();
  #lastId = 0;

  constructor(worker: number) {
    super();
    this.setDefaultLabels({ worker: String(worker) });
    process.on("message", (message: ToWorker) => this.#hear(message));
  }

  /** Of all workers; of this one when the primary does not answer in time. */
  override async metrics(): Promise<string> {
    const all = await this.#gather();
    return all ? AggregatorRegistry.aggregate(all).metrics() : super.metrics();
  }

  async #gather(): Promise<Measured[] | undefined> {
    const id = ++this.#lastId;
    const answered = new AbortController();
    let all: Measured[] | undefined;
    this.#asked.set(id, (gathered) => {
      all = gathered;
      answered.abort();
    });
    tellPrimary({ type: "gather", id });
    await sleep(GATHER_MS, answered.signal);
    this.#asked.delete(id);
    return all;
  }

  #hear(message: ToWorker): void {
    if (message.type === "gathered") this.#asked.get(message.id)?.(message.all);
    else if (message.type === "measure") void this.#measure(message.round);
  }

  async #measure(round: number): Promise<void> {
    const metrics = (await this.getMetricsAsJSON()) as Measured;
    tellPrimary({ type: "measured", round, metrics });
  }
}
