/**
 * One pub/sub connection to one node: the channels wanted on it, which of them Redis has confirmed, and a probe that it still hears.
 *
 * ioredis does not take subscriptions up again here: it does so without looking at the answers, and on a cluster the answer may be
 * that the slot is elsewhere.
 */
import type { Redis } from "ioredis";

export type LineOptions = {
  /** A fresh connection that is not connected yet and comes back by itself. */
  create: () => Redis;
  onMessage: (channel: string, message: Buffer) => void;
  /** From now on nothing published on the channel is missed silently. */
  onConfirmed: (channel: string) => void;
  /** Nothing is heard from now on: the connection is gone, or Redis says that a slot has moved away. */
  onLost: () => void;
  onError: (error: unknown) => void;
};

export class ChannelLine {
  readonly #options: LineOptions;
  readonly #wanted = new Set<string>();
  #redis: Redis;
  #probe: string;
  #published = 0;
  #sent = 0;
  #heard = 0;
  #losses = 0;

  /** @param probe a channel of its own whose slot the node serves */
  constructor(probe: string, options: LineOptions) {
    this.#options = options;
    this.#probe = probe;
    this.#redis = this.#open();
  }

  get probe(): string {
    return this.#probe;
  }

  /** Listen to the probe on another channel, because the node does not serve the slot of the old one any more. */
  set probe(channel: string) {
    if (this.#redis.status === "ready") this.#redis.sunsubscribe(this.#probe).catch(() => undefined);
    this.#probe = channel;
    this.#heard = this.#sent;
    this.#ask(channel);
  }

  add(channel: string): void {
    this.#wanted.add(channel);
    this.#ask(channel);
  }

  remove(channel: string): void {
    if (!this.#wanted.delete(channel) || this.#redis.status !== "ready") return;
    this.#redis.sunsubscribe(channel).catch(() => undefined);
  }

  /** Drop the connection and open a fresh one for the same channels. */
  reopen(): void {
    this.stop();
    this.#heard = this.#sent;
    this.#losses++;
    this.#redis = this.#open();
    this.#options.onLost();
  }

  stop(): void {
    this.#redis.disconnect();
  }

  /**
   * Publish the next probe on the ordinary path.
   * @returns false when the one before has not come back. @throws what `publish` throws
   */
  async check(publish: (channel: string, message: string) => Promise<unknown>): Promise<boolean> {
    const alive = this.#heard >= this.#sent;
    const number = ++this.#published;
    await publish(this.#probe, String(number));
    this.#sent = number;
    return alive;
  }

  #open(): Redis {
    const redis = this.#options.create();
    const current = (): boolean => redis === this.#redis;
    redis.on("smessageBuffer", (name: Buffer, message: Buffer) => {
      const channel = name.toString();
      if (channel === this.#probe) this.#heard = Number(message);
      else if (current()) this.#options.onMessage(channel, message);
    });
    redis.on("ready", () => {
      if (!current()) return;
      this.#ask(this.#probe);
      for (const channel of this.#wanted) this.#ask(channel);
    });
    const lost = (): void => {
      if (!current()) return;
      this.#losses++;
      this.#options.onLost();
    };
    redis.on("close", lost);
    // A slot was taken from the node, or it never had it. Which channels those are is not told.
    redis.on("moved", lost);
    // What became of it is told by the events.
    redis.connect().catch(() => undefined);
    return redis;
  }

  /** Before the connection is ready there is nothing to do: then all are asked for. */
  #ask(channel: string): void {
    const redis = this.#redis;
    const losses = this.#losses;
    if (redis.status !== "ready") return;
    redis.ssubscribe(channel).then(
      () => {
        // Probes that were published before that cannot come back, and prove nothing.
        if (losses === this.#losses && channel === this.#probe)
          this.#heard = Math.max(this.#heard, this.#published);
        // What was confirmed and taken away in one breath is told in the wrong order: the event comes before the promise.
        if (losses === this.#losses && this.#wanted.has(channel)) this.#options.onConfirmed(channel);
      },
      (error: unknown) => {
        if (redis === this.#redis && redis.status === "ready") this.#options.onError(error);
      },
    );
  }
}
