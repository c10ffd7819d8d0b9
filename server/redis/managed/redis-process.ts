/** One run of the redis-server child: from its start to its exit. */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { probeRedis } from "./redis-probe.ts";

export type RedisProcessOptions = {
  command: string;
  args: readonly string[];
  socket: string;
  /** The one that the arguments set. */
  password?: string | undefined;
  log: Log;
};

const LINES_KEPT = 20;
const PROBE_MS = 1_000;
/** Without any answer for this long a start has failed; while Redis answers that it is loading there is no limit. */
const SILENCE_MAX_MS = 30_000;

export class RedisProcess {
  /** Resolves, never rejects, with words such as `exit code 1`. */
  readonly exited: Promise<string>;
  readonly #child: ReturnType<typeof spawn>;
  readonly #socket: string;
  readonly #password: string | undefined;
  readonly #log: Log;
  #lines: string[] = [];
  #hasExited = false;

  constructor({ command, args, socket, password, log }: RedisProcessOptions) {
    this.#socket = socket;
    this.#password = password;
    this.#log = log;
    // Detached: Ctrl-C in a terminal goes to every process of the group, and Redis must outlive our own last writes.
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    const end = (how: string): string => {
      this.#hasExited = true;
      process.off("exit", this.#endWithUs);
      return how;
    };
    this.exited = new Promise((resolve) => {
      this.#child.once("exit", (code, signal) => resolve(end(signal ?? `exit code ${code}`)));
      this.#child.once("error", (error) => resolve(end(error.message)));
    });
    process.on("exit", this.#endWithUs);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on("line", this.#keep);
    }
  }

  /** 0 when the process could not be started at all. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The end of what Redis itself logged. */
  get lastLines(): string {
    return this.#lines.join("\n");
  }

  /** Waits until this very process serves. @throws Error with Redis's last lines when it exits or stays silent */
  async untilReady(stopped: AbortSignal): Promise<void> {
    let heardAt = performance.now();
    let saidAt = heardAt;
    while (!stopped.aborted) {
      const probe = await probeRedis({ path: this.#socket }, PROBE_MS, this.#password);
      if (this.#hasExited) throw await this.#failure(`Redis did not start (${await this.exited})`);
      if (probe.state === "ready" && probe.pid === this.pid) return;
      const now = performance.now();
      if (probe.state === "loading") {
        heardAt = now;
        if (now - saidAt > 5_000) {
          saidAt = now;
          this.#log.info({ secondsLeft: probe.secondsLeft }, "redis is loading its data");
        }
      }
      if (now - heardAt > SILENCE_MAX_MS) {
        throw await this.#failure(`Redis does not answer on ${this.#socket} (${probe.state})`);
      }
      await sleep(25, stopped);
    }
    throw new Error("Stopped while Redis was starting.");
  }

  /** SIGTERM, on which Redis writes and syncs what it holds; SIGKILL after `deadlineMs`. */
  async end(deadlineMs: number): Promise<void> {
    const ended = new AbortController();
    const late = sleep(deadlineMs, ended.signal).then(() => {
      if (ended.signal.aborted) return;
      this.#log.warn({ redisPid: this.pid }, "redis did not stop in time and is killed");
      this.#child.kill("SIGKILL");
    });
    if (!this.#hasExited) this.#child.kill("SIGTERM");
    await this.exited;
    ended.abort();
    await late;
  }

  /** The last thing that a process which ends without stopping us can still do. */
  readonly #endWithUs = (): void => {
    this.#child.kill("SIGTERM");
  };

  readonly #keep = (line: string): void => {
    if (line.trim() === "") return;
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    this.#log.debug({ redis: line }, "redis");
  };

  async #failure(what: string): Promise<Error> {
    // The lines may come after the exit.
    await sleep(50);
    return new Error(`${what}. Its last lines:\n${this.lastLines || "(none)"}`);
  }
}
