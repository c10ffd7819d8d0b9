/** The processes and folders that a bench or a load test made: each process is ended by its pid, whatever way the run itself ends. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sleep } from "../../server/base/clock.ts";

const STOP_MS = 5_000;

export class OwnedProcesses {
  readonly #running = new Map<ChildProcess, Promise<void>>();
  readonly #stopping = new Map<ChildProcess, Promise<void>>();
  readonly #folders: string[] = [];
  #closing = false;

  constructor() {
    // The last resort: an exit on the way, or an error that nobody caught.
    process.on("exit", () => {
      for (const child of this.#running.keys()) child.kill("SIGTERM");
      for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
    });
  }

  /** An empty folder that goes when the run ends. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "rankwire-load-"));
    this.#folders.push(folder);
    return folder;
  }

  /** @throws when everything is being stopped: the child is ended at once */
  add(child: ChildProcess): void {
    const exited = new Promise<void>((resolve) => {
      child.once("exit", () => resolve());
      child.once("error", () => resolve());
    });
    this.#running.set(child, exited);
    void exited.then(() => this.#running.delete(child));
    if (!this.#closing) return;
    child.kill("SIGTERM");
    throw new Error("The run is being stopped.");
  }

  /** SIGTERM, and SIGKILL for one that does not listen. Resolves when it is gone. */
  async stop(child: ChildProcess): Promise<void> {
    const exited = this.#running.get(child);
    if (!exited) return;
    // Once: a second signal would end the keeper of Redis before Redis is gone.
    const stopping = this.#stopping.get(child) ?? this.#stop(child, exited);
    this.#stopping.set(child, stopping);
    await stopping;
  }

  async #stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
    child.kill("SIGTERM");
    const gone = new AbortController();
    const late = sleep(STOP_MS, gone.signal).then(() => {
      if (!gone.signal.aborted) child.kill("SIGKILL");
    });
    await exited;
    gone.abort();
    await late;
  }

  get isClosing(): boolean {
    return this.#closing;
  }

  /** Nothing is started any more from here on. */
  close(): void {
    this.#closing = true;
  }

  async stopAll(): Promise<void> {
    // Latest first: servers before the Redis that they talk to.
    for (const child of [...this.#running.keys()].reverse()) await this.stop(child);
  }
}
