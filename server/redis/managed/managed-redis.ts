/**
 * Rankwire's own Redis, for when no REDIS_URL is given: a child process on a unix socket in DATA_DIR that keeps its data
 * in an append-only file, comes back after a crash, and ends with us.
 */
import { backoffMs } from "../../base/backoff.ts";
import { sleep } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { type InstanceLock, takeInstanceLock } from "../../base/machine/instance-lock.ts";
import { clearLeftovers, type DataFolder, findOrphan, prepareDataFolder } from "./data-folder.ts";
import { ensureServer } from "./install-server.ts";
import { RedisProcess } from "./redis-process.ts";

export type ManagedRedisOptions = {
  dataDir: string;
  /** `never` forbids installing redis-server when there is none. */
  install: "auto" | "never";
  log: Log;
  /** For people: what is about to be installed. */
  say: (line: string) => void;
  /** Crashes within a minute that are answered by a restart; the next one is fatal. */
  maxRestarts?: number;
  /** A Redis that does not stop within this is killed. */
  stopMs?: number;
  /** More of redis-server's own settings, such as `["--maxmemory", "1gb"]`. */
  args?: readonly string[];
  /** The one that `args` set. */
  password?: string;
};

export type ManagedRedis = {
  /** The unix socket. */
  readonly path: string;
  /** Another one after each restart. */
  readonly pid: number;
  readonly version: string;
  /** Resolves when the data is on disk and nothing is left running. May be called again. */
  stop(): Promise<void>;
  /** Called once, when Redis crashes too often to be restarted. The caller still has to `stop`. */
  onFatal(listener: (error: Error) => void): void;
};

const CRASH_WINDOW_MS = 60_000;
const RESTART = { firstMs: 200, capMs: 5_000 };
const RESTARTS_MAX = 5;
const STOP_MS = 10_000;

/** @throws Error for people: no server and how to get one, a second instance, or why Redis did not start */
export async function startManagedRedis(options: ManagedRedisOptions): Promise<ManagedRedis> {
  const { dataDir, install, log, say, stopMs = STOP_MS, password } = options;
  const { command, version } = await ensureServer({ install, say });
  const folder = await prepareDataFolder(dataDir);
  // Looked at before the lock too: who is refused must not have taken the lock of whom they were refused for.
  await findOrphan(folder, password);
  const lock = await takeInstanceLock(folder.lockFile, folder.dataDir);
  try {
    await clearLeftovers(folder, stopMs, log, password);
    const redis = new Supervisor({ ...options, stopMs, folder, lock, command, version });
    await redis.start();
    log.info({ redisPid: redis.pid, version, path: redis.path }, "redis is running");
    return redis;
  } catch (error) {
    await lock.release();
    throw error;
  }
}

type SupervisorOptions = ManagedRedisOptions & {
  stopMs: number;
  folder: DataFolder;
  lock: InstanceLock;
  command: string;
  version: string;
};

class Supervisor implements ManagedRedis {
  readonly path: string;
  readonly version: string;
  readonly #options: SupervisorOptions;
  readonly #stopping = new AbortController();
  #process: RedisProcess;
  #watching: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | undefined;
  #fatal: Error | undefined;
  #listeners: ((error: Error) => void)[] = [];

  constructor(options: SupervisorOptions) {
    this.path = options.folder.socket;
    this.version = options.version;
    this.#options = options;
    this.#process = this.#spawn();
  }

  get pid(): number {
    return this.#process.pid;
  }

  async start(): Promise<void> {
    try {
      await this.#process.untilReady(this.#stopping.signal);
    } catch (error) {
      await this.#process.end(this.#options.stopMs);
      throw error;
    }
    this.#watching = this.#watch();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  onFatal(listener: (error: Error) => void): void {
    this.#listeners.push(listener);
    const error = this.#fatal;
    if (error) queueMicrotask(() => listener(error));
  }

  #spawn(): RedisProcess {
    const { command, folder, password, log, args = [] } = this.#options;
    const { socket } = folder;
    return new RedisProcess({ command, args: [...settingsOf(folder), ...args], socket, password, log });
  }

  async #stop(): Promise<void> {
    const { stopMs, lock, log } = this.#options;
    this.#stopping.abort();
    await this.#process.end(stopMs);
    await this.#watching;
    await lock.release();
    log.info("redis has stopped");
  }

  /** Waits for exits that nobody asked for, and answers each with a restart on the same data. Never rejects. */
  async #watch(): Promise<void> {
    const { log, maxRestarts = RESTARTS_MAX } = this.#options;
    const { signal } = this.#stopping;
    let crashes: number[] = [];
    while (true) {
      const how = await this.#process.exited;
      if (signal.aborted) return;
      const now = performance.now();
      crashes = [...crashes.filter((at) => now - at < CRASH_WINDOW_MS), now];
      const { lastLines } = this.#process;
      log.error({ how, lastLines, crashes: crashes.length }, "redis has crashed");
      if (crashes.length > maxRestarts) {
        this.#giveUp(`Redis crashed ${crashes.length} times within a minute (${how}):\n${lastLines}`);
        return;
      }
      await sleep(50 + backoffMs(crashes.length - 1, RESTART), signal);
      if (signal.aborted) return;
      await this.#restart();
    }
  }

  /** A restart that fails leaves a process that has exited: the next turn counts it as one more crash. */
  async #restart(): Promise<void> {
    const { log, stopMs } = this.#options;
    this.#process = this.#spawn();
    try {
      await this.#process.untilReady(this.#stopping.signal);
      log.info({ redisPid: this.pid }, "redis is running again, on the same data");
    } catch (err) {
      if (!this.#stopping.signal.aborted) log.error({ err }, "redis could not be restarted");
      await this.#process.end(stopMs);
    }
  }

  #giveUp(message: string): void {
    const error = new Error(message);
    this.#fatal = error;
    // Each on its own: what one throws is its own matter, neither ours nor the next one's.
    for (const listener of this.#listeners) queueMicrotask(() => listener(error));
  }
}

/** Everything that differs from Redis's defaults; no configuration file is read. */
function settingsOf({ dir, socket, pidFile }: DataFolder): string[] {
  return [
    ...["--port", "0", "--unixsocket", socket, "--unixsocketperm", "700"],
    // By the socket in its command line a Redis is known for ours, also when it listens elsewhere too.
    ...["--proc-title-template", `{title} {listen-addr} {server-mode} ${socket}`],
    ...["--dir", dir, "--pidfile", pidFile, "--daemonize", "no"],
    // The append-only file is the only copy: snapshots beside it would cost a fork and save nothing.
    ...["--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
    ...["--maxmemory-policy", "noeviction"],
  ];
}
