/**
 * The pub/sub connection of one process: sharded channels, handed to one listener each, with a liveness probe.
 *
 * A connection can be healthy for TCP and yet hear nothing (it hangs on a node that no longer serves the channel), so a probe is
 * published on the ordinary path and must come back here; when it does not, the connection is rebuilt.
 */
import { newId } from "../base/ids.ts";
import { probeChannel } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";

export type FeedSubscriberOptions = {
  /** Opens a fresh pub/sub connection. */
  connect: () => Promise<RedisStore>;
  /** The connection was lost and is back: messages may be missing. */
  onReconnected: () => void;
  onError: (error: unknown) => void;
};

export class FeedSubscriber {
  readonly #options: FeedSubscriberOptions;
  readonly #listeners = new Map<string, (message: string) => void>();
  readonly #probe = probeChannel(newId());
  #redis: RedisStore | undefined;
  #heard = 0;
  #sent = 0;

  constructor(options: FeedSubscriberOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const redis = await this.#options.connect();
    this.#redis = redis;
    redis.on("smessage", (channel: string, message: string) => {
      if (channel === this.#probe) this.#heard = Number(message);
      else this.#listeners.get(channel)?.(message);
    });
    // ioredis takes the subscriptions up again by itself; "ready" comes before that, so the wake-up waits for one round trip.
    redis.on("ready", () => {
      redis.ssubscribe(this.#probe).then(this.#options.onReconnected, this.#options.onError);
    });
    await redis.ssubscribe(this.#probe);
    for (const channel of this.#listeners.keys()) await redis.ssubscribe(channel);
  }

  stop(): void {
    this.#redis?.disconnect();
    this.#redis = undefined;
  }

  /** Resolves when Redis has confirmed it: nothing published from then on is missed silently. */
  async subscribe(channel: string, listener: (message: string) => void): Promise<void> {
    this.#listeners.set(channel, listener);
    await this.#redis?.ssubscribe(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#listeners.delete(channel);
    await this.#redis?.sunsubscribe(channel);
  }

  /** False when the probe sent by the last call has not come back. Sends the next one. */
  async probe(command: RedisStore): Promise<boolean> {
    const alive = this.#redis !== undefined && this.#heard === this.#sent;
    this.#sent++;
    await command.call("SPUBLISH", this.#probe, String(this.#sent));
    return alive;
  }

  /** Drop the connection and open a fresh one with the same subscriptions. */
  async rebuild(): Promise<void> {
    this.stop();
    this.#heard = this.#sent;
    await this.start();
    this.#options.onReconnected();
  }
}
