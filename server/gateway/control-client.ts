/**
 * What the Socket.IO adapter gets instead of a Redis connection. The adapter neither awaits nor catches its subscriptions, and ioredis
 * does not take them up again on a cluster whose master was lost; so they go through the process's own pub/sub, which follows slots and
 * proves that it hears. A publication that fails is lost, which the control plane allows.
 */
import { createRateLimitedLog, type Log } from "../base/log.ts";
import type { Channels } from "../redis/channels.ts";
import type { RedisStore } from "../redis/store.ts";

type MessageListener = (channel: Buffer, message: Buffer) => void;

export type ControlBus = { commands: RedisStore; channels: Channels };

export class ControlClient {
  readonly #bus: ControlBus;
  readonly #log: Log;
  readonly #limited = createRateLimitedLog(5_000);
  readonly #subscribed = new Set<string>();
  #listener: MessageListener | undefined;

  constructor(bus: ControlBus, log: Log) {
    this.#bus = bus;
    this.#log = log;
  }

  on(_event: "smessageBuffer", listener: MessageListener): void {
    this.#listener = listener;
  }

  /** Never rejects. @returns how many received it, 0 when it was lost */
  async spublish(channel: string, payload: string): Promise<number> {
    try {
      return Number(await this.#bus.commands.spublish(channel, payload));
    } catch (error) {
      this.#complain("a message of the control plane was lost", error);
      return 0;
    }
  }

  /** Never rejects. Resolves when Redis has confirmed it. */
  ssubscribe(channel: string): Promise<void> {
    this.#subscribed.add(channel);
    const name = Buffer.from(channel);
    return this.#bus.channels.subscribe(channel, (message) => {
      try {
        this.#listener?.(name, message);
      } catch (error) {
        this.#complain("a message of the control plane makes no sense", error);
      }
    });
  }

  async sunsubscribe(channels: string | string[]): Promise<void> {
    for (const channel of [channels].flat()) {
      this.#subscribed.delete(channel);
      this.#bus.channels.unsubscribe(channel);
    }
  }

  close(): Promise<void> {
    return this.sunsubscribe([...this.#subscribed]);
  }

  #complain(what: string, error: unknown): void {
    const { message } = error as Error;
    this.#limited(what, (skipped) => this.#log.warn({ err: message, skipped }, what));
  }
}
