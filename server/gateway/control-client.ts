/**
 * What the Socket.IO adapter gets instead of a Redis connection. The adapter neither awaits nor catches its subscriptions, so a refused
 * one would end the process, and none would ever be made again: here they are caught, logged and tried again. A publication that
 * fails is lost, which the control plane allows.
 */
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { createRateLimitedLog, type Log } from "../base/log.ts";
import type { RedisStore } from "../redis/store.ts";

type MessageListener = (channel: Buffer, message: Buffer) => void;

const RETRY = { firstMs: 200, capMs: 5_000 };

export class ControlClient {
  readonly #redis: RedisStore;
  readonly #log: Log;
  readonly #limited = createRateLimitedLog(5_000);
  readonly #wanted = new Set<string>();
  readonly #closed = new AbortController();

  /** @param redis a connection for pub/sub, or one for commands, of its own */
  constructor(redis: RedisStore, log: Log) {
    this.#redis = redis;
    this.#log = log;
    // A connection that comes back has none; ioredis takes them up again without looking at the answers.
    redis.on("ready", () => {
      for (const channel of this.#wanted) void this.ssubscribe(channel);
    });
  }

  on(event: "smessageBuffer", listener: MessageListener): void {
    this.#redis.on(event, listener);
  }

  /** Never rejects. @returns how many received it, 0 when it was lost */
  async spublish(channel: string, payload: string | Buffer): Promise<number> {
    try {
      return Number(await this.#redis.spublish(channel, payload));
    } catch (error) {
      this.#complain("a message of the control plane was lost", error);
      return 0;
    }
  }

  /** Never rejects: tried until it succeeds or is not wanted any more. */
  async ssubscribe(channel: string): Promise<void> {
    this.#wanted.add(channel);
    const { signal } = this.#closed;
    for (let attempt = 0; this.#wanted.has(channel) && !signal.aborted; attempt++) {
      try {
        await this.#redis.ssubscribe(channel);
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#complain("the control plane could not subscribe", error);
        await sleep(50 + backoffMs(attempt, RETRY), signal);
      }
    }
  }

  /** Never rejects. */
  async sunsubscribe(channels: string | string[]): Promise<void> {
    const names = [channels].flat();
    for (const name of names) this.#wanted.delete(name);
    try {
      for (const name of names) await this.#redis.sunsubscribe(name);
    } catch (error) {
      this.#complain("the control plane could not unsubscribe", error);
    }
  }

  /** No more tries. The connection is its owner's to close. */
  close(): void {
    this.#closed.abort();
  }

  #complain(what: string, error: unknown): void {
    const { message } = error as Error;
    this.#limited(what, (skipped) => this.#log.warn({ err: message, skipped }, what));
  }
}
