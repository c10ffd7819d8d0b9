/** The processes that a bench started: each is ended by its pid, whatever way the bench itself ends. */
import type { ChildProcess } from "node:child_process";
import { sleep } from "../../server/base/clock.ts";

const STOP_MS = 5_000;

export class OwnedProcesses {
  readonly #running = new Map<ChildProcess, Promise<void>>();

  constructor() {
    // The last resort: an exit on the way, or an error that nobody caught.
    process.on("exit", () => this.#signalAll("SIGKILL"));
  }

  add(child: ChildProcess): void {
    const exited = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    this.#running.set(child, exited);
    void exited.then(() => this.#running.delete(child));
  }

  /** SIGTERM, and SIGKILL for one that does not listen. Resolves when it is gone. */
  async stop(child: ChildProcess): Promise<void> {
    const exited = this.#running.get(child);
    if (!exited) return;
    child.kill("SIGTERM");
    const gone = new AbortController();
    const late = sleep(STOP_MS, gone.signal).then(() => {
      if (!gone.signal.aborted) child.kill("SIGKILL");
    });
    await exited;
    gone.abort();
    await late;
  }

  async stopAll(): Promise<void> {
    // Latest first: servers before the Redis that they talk to.
    for (const child of [...this.#running.keys()].reverse()) await this.stop(child);
  }

  #signalAll(signal: NodeJS.Signals): void {
    for (const child of this.#running.keys()) child.kill(signal);
  }
}
