/** One forked worker, as the primary sees it. */
import cluster, { type Worker } from "node:cluster";
import type { ToPrimary, ToWorker } from "./messages.ts";

export class WorkerProcess {
  readonly #worker: Worker;
  /** How it ended, for people. Never rejects. */
  readonly exited: Promise<string>;
  /** Its port, once it serves; rejects when it ends before that. */
  readonly ready: Promise<number>;
  #state: "starting" | "serving" | "gone" = "starting";
  #served = false;

  /** @param settings environment variables that differ from the primary's */
  constructor(settings: Record<string, string>, hear: (worker: WorkerProcess, message: ToPrimary) => void) {
    const worker = cluster.fork(settings);
    this.#worker = worker;
    this.exited = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#state = "gone";
        resolve(how);
      };
      worker.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
      // Also when it could not be forked at all, which has no exit.
      worker.on("error", (error) => {
        if (worker.process.pid === undefined) end(error.message);
      });
    });
    this.ready = new Promise((resolve, reject) => {
      worker.on("message", (message: ToPrimary) => {
        if (message.type === "ready") {
          this.#state = "serving";
          this.#served = true;
          resolve(message.port);
        } else hear(this, message);
      });
      void this.exited.then((how) => reject(new Error(`A worker could not start (${how}); see above.`)));
    });
    this.ready.catch(() => undefined);
  }

  get id(): number {
    return this.#worker.id;
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  get serves(): boolean {
    return this.#state === "serving";
  }

  /** Whether it ever served. */
  get served(): boolean {
    return this.#served;
  }

  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined);
  }

  kill(signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#state !== "gone") this.#worker.process.kill(signal);
  }
}
