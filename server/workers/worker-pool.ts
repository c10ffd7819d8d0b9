/** The workers of one primary: forked, forked again after a crash, stopped together. */
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ToPrimary } from "./messages.ts";
import { MetricsRounds } from "./metrics-rounds.ts";
import { WorkerProcess } from "./worker-process.ts";

export type WorkerPoolOptions = {
  count: number;
  /** Environment variables of every worker. */
  settings: Record<string, string>;
  /** More of them for the very first one, which does what is done once. */
  once: Record<string, string>;
  log: Log;
  /** Called once, when workers crash too often. The caller still has to `stop`. */
  onFatal: (error: Error) => void;
};

const CRASH_WINDOW_MS = 60_000;
const CRASHES_MAX = 5;
const RESTART = { firstMs: 200, capMs: 5_000 };

export class WorkerPool {
  readonly #options: WorkerPoolOptions;
  readonly #stopping = new AbortController();
  readonly #workers = new Set<WorkerProcess>();
  readonly #rounds = new MetricsRounds(() => [...this.#workers].filter(({ serves }) => serves));
  readonly #keeping: Promise<void>[] = [];
  #crashes: number[] = [];

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** The first one alone, then the others. @returns the port. @throws Error when one of them does not start */
  async start(): Promise<number> {
    const { count, once } = this.#options;
    const first = this.#fork(once);
    const port = await first.ready;
    this.#keeping.push(this.#keep(first));
    const others = Array.from({ length: count - 1 }, () => this.#fork());
    for (const worker of others) this.#keeping.push(this.#keep(worker));
    await Promise.all(others.map(({ ready }) => ready));
    return port;
  }

  /** Each says goodbye to its clients. @returns how many had to be killed */
  async stop(deadlineMs: number): Promise<number> {
    this.#stopping.abort();
    const leaving = [...this.#workers];
    for (const worker of leaving) worker.kill("SIGTERM");
    const gone = new AbortController();
    const all = Promise.all(leaving.map(({ exited }) => exited)).then(() => gone.abort());
    await sleep(deadlineMs, gone.signal);
    const late = [...this.#workers];
    for (const worker of late) worker.kill("SIGKILL");
    await all;
    await Promise.all(this.#keeping);
    return late.length;
  }

  #fork(more: Record<string, string> = {}): WorkerProcess {
    const worker = new WorkerProcess({ ...this.#options.settings, ...more }, (from, message) =>
      this.#hear(from, message),
    );
    this.#workers.add(worker);
    const { id, pid } = worker;
    this.#options.log.info({ worker: id, workerPid: pid }, "a worker was forked");
    void worker.exited.then(() => this.#workers.delete(worker));
    return worker;
  }

  /** Answers every exit that nobody asked for with another worker. Never rejects. */
  async #keep(first: WorkerProcess): Promise<void> {
    const { signal } = this.#stopping;
    let worker = first;
    for (let failures = 0; ; ) {
      const how = await worker.exited;
      if (signal.aborted) return;
      failures = worker.served ? 0 : failures + 1;
      if (!this.#mayGoOn(worker, how)) return;
      await sleep(50 + backoffMs(failures + this.#crashes.length - 1, RESTART), signal);
      if (signal.aborted) return;
      worker = this.#fork();
    }
  }

  /**
   * False when the workers crash too often. One that does not start while others serve is no more than waited for: a Redis that is away
   * keeps it from starting, and must not end those that wait for the same Redis.
   */
  #mayGoOn({ id, served }: WorkerProcess, how: string): boolean {
    const { log, onFatal } = this.#options;
    const now = performance.now();
    const counts = served || ![...this.#workers].some(({ serves }) => serves);
    this.#crashes = this.#crashes.filter((at) => now - at < CRASH_WINDOW_MS);
    if (counts) this.#crashes.push(now);
    const crashes = this.#crashes.length;
    log.error({ worker: id, how, crashes }, served ? "a worker has crashed" : "a worker could not start");
    if (crashes <= CRASHES_MAX) return true;
    if (counts)
      onFatal(new Error(`Workers crashed ${crashes} times within a minute, the last one by ${how}.`));
    return false;
  }

  #hear(worker: WorkerProcess, message: ToPrimary): void {
    if (message.type === "measured") this.#rounds.hear(worker.id, message.round, message.metrics);
    if (message.type !== "gather") return;
    void this.#rounds.gather().then((all) => worker.send({ type: "gathered", id: message.id, all }));
  }
}
