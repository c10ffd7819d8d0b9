/**
 * The pub/sub of one process: sharded channels, one listener each, over a connection that proves its life.
 *
 * A connection can be healthy for TCP and yet hear nothing (it hangs on a node that no longer serves the channel), so a probe is
 * published on the ordinary path and must come back here; when it does not, the connection is rebuilt.
 */
import { newId } from "../base/ids.ts";
import { Loop } from "../base/loop.ts";
import { probeChannel } from "./keys.ts";
import type { RedisStore } from "./store.ts";

export type ChannelsOptions = {
  /** Opens a fresh pub/sub connection. */
  connect: () => Promise<RedisStore>;
  /** What the probes are published on: an ordinary connection for commands. */
  commands: RedisStore;
  probeEveryMs: number;
  /** A probe did not come back; the connection is rebuilt. */
  onProbeLost: () => void;
  onError: (error: unknown) => void;
};

/** Takes one message as it came; it must not throw. */
export type ChannelListener = (message: Buffer) => void;

export class Channels {
  readonly #options: ChannelsOptions;
  readonly #listeners = new Map<string, ChannelListener>();
  readonly #reconnected = new Set<() => void>();
  readonly #probe = probeChannel(newId());
  readonly #probes: Loop;
  #redis: RedisStore | undefined;
  #alive = true;
  #heard = 0;
  #sent = 0;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    const { probeEveryMs, onError } = options;
    this.#probes = new Loop({ everyMs: probeEveryMs, step: () => this.#check(), onError });
  }

  /** Whether messages reach this process; part of readiness. */
  get alive(): boolean {
    return this.#alive;
  }

  async start(): Promise<void> {
    await this.#connect();
    this.#probes.start();
  }

  async stop(): Promise<void> {
    await this.#probes.stop();
    this.#disconnect();
  }

  /** Resolves when Redis has confirmed it: nothing published from then on is missed silently. A channel has one listener. */
  async subscribe(channel: string, listener: ChannelListener): Promise<void> {
    this.#listeners.set(channel, listener);
    await this.#redis?.ssubscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    await this.#redis?.sunsubscribe(channel);
  }

  /** `listener` is called after each time that messages may have been missed, once they arrive again. */
  onReconnected(listener: () => void): void {
    this.#reconnected.add(listener);
  }

  async #connect(): Promise<void> {
    const redis = await this.#options.connect();
    this.#redis = redis;
    redis.on("smessageBuffer", (name: Buffer, message: Buffer) => {
      const channel = name.toString();
      if (channel === this.#probe) this.#heard = Number(message);
      else this.#listeners.get(channel)?.(message);
    });
    // ioredis takes the subscriptions up again by itself; "ready" comes before that, so the wake-up waits for one round trip.
    redis.on("ready", () => {
      redis.ssubscribe(this.#probe).then(() => this.#wake(), this.#options.onError);
    });
    await redis.ssubscribe(this.#probe);
    for (const channel of this.#listeners.keys()) await redis.ssubscribe(channel);
  }

  #disconnect(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  #wake(): void {
    for (const listener of this.#reconnected) listener();
  }

  /** See whether the last probe has come back, and send the next one. */
  async #check(): Promise<void> {
    const alive = this.#redis !== undefined && this.#heard === this.#sent;
    this.#sent++;
    await this.#options.commands.spublish(this.#probe, String(this.#sent));
    if (!alive) {
      this.#options.onProbeLost();
      this.#alive = false;
      await this.#rebuild();
    }
    this.#alive = alive;
  }

  /** Drop the connection and open a fresh one with the same subscriptions. */
  async #rebuild(): Promise<void> {
    this.#disconnect();
    this.#heard = this.#sent;
    await this.#connect();
    this.#wake();
  }
}
