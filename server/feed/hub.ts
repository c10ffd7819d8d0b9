/**
 * All feeds that somebody in this gateway follows: opened on demand, kept a little after the last one left, checked while idle.
 *
 * Three layers find a lost message: the feed's own contiguity, the position checks here (every few seconds, and whenever the pub/sub
 * was away), and the client's contiguity, which should never fire while Redis is healthy.
 */
import { backoffMs } from "../base/backoff.ts";
import { sleep, within } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import type { Channels } from "../redis/channels.ts";
import type { FeedKeys } from "../redis/keys.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { BoardFeed, type FeedSource } from "./board-feed.ts";
import type { FeedMetrics } from "./feed-metrics.ts";
import { readPositions } from "./feed-store.ts";
import type { RingLimits } from "./view.ts";

export type HubOptions = {
  redis: RedisStore;
  channels: Channels;
  metrics: FeedMetrics;
  ring: RingLimits;
  /** How often the positions of followed feeds are compared with Redis. */
  checkEveryMs: number;
  /** How long a feed that nobody follows any more is kept. */
  lingerMs: number;
  /** How long a new subscription may take before its asker is told `unavailable`. */
  openTimeoutMs: number;
  onError: (error: unknown) => void;
};

type Followed = {
  feed: BoardFeed;
  keys: FeedKeys;
  ready: Promise<BoardFeed>;
  followers: number;
  freeSince: number;
};

const CHECK_BACKOFF = { firstMs: 100, capMs: 2_000 };

export class FeedHub {
  readonly #options: HubOptions;
  readonly #feeds = new Map<string, Followed>();
  readonly #checks: Loop;

  constructor(options: HubOptions) {
    const { onError } = options;
    this.#options = options;
    this.#checks = new Loop({
      everyMs: options.checkEveryMs,
      step: (signal) => this.#checkUntilDone(signal),
      onError,
    });
    options.channels.onReconnected(() => this.#checks.nudge());
  }

  get size(): number {
    return this.#feeds.size;
  }

  start(): void {
    this.#checks.start();
  }

  async stop(): Promise<void> {
    await this.#checks.stop();
    for (const { feed } of this.#feeds.values()) feed.stop();
  }

  /**
   * The feed of a board, in step with Redis. Whoever follows it for longer than a turn calls `follow` as well.
   * @throws AppError store_lost, unavailable
   */
  open(keys: FeedKeys, source: FeedSource): Promise<BoardFeed> {
    let followed = this.#feeds.get(keys.channel);
    if (!followed) {
      const { redis, ring, metrics, onError } = this.#options;
      const feed = new BoardFeed({ redis, source, ring, metrics, onError });
      followed = {
        feed,
        keys,
        ready: this.#startFeed(feed, keys),
        followers: 0,
        freeSince: performance.now(),
      };
      this.#feeds.set(keys.channel, followed);
    }
    if (followed.followers === 0) followed.freeSince = performance.now();
    return followed.ready;
  }

  /** Keep a feed open. Call in the turn in which `open` resolved. @returns what gives it back */
  follow(keys: FeedKeys): () => void {
    const followed = this.#feeds.get(keys.channel);
    if (!followed) return () => undefined;
    followed.followers++;
    let done = false;
    return () => {
      if (done) return;
      done = true;
      if (--followed.followers === 0) followed.freeSince = performance.now();
    };
  }

  /** A board has changed: where another life of its season began, its feed is read anew now instead of at the next check. */
  onBoard(open: { feed: FeedKeys; season: { incarnation: string } }): void {
    const feed = this.#feeds.get(open.feed.channel)?.feed;
    if (feed?.isStarted && !feed.isOf(open)) feed.readAnew();
  }

  async #startFeed(feed: BoardFeed, keys: FeedKeys): Promise<BoardFeed> {
    try {
      const { channels } = this.#options;
      const subscribed = channels.subscribe(keys.channel, (message) => feed.onMessage(message));
      await within(
        this.#options.openTimeoutMs,
        subscribed,
        () => new AppError("unavailable", { retryAfterMs: 1_000 }),
      );
      await feed.start();
      return feed;
    } catch (error) {
      this.#close(keys, feed);
      throw fromRedisError(error);
    }
  }

  #close(keys: FeedKeys, feed: BoardFeed): void {
    feed.stop();
    this.#feeds.delete(keys.channel);
    this.#options.channels.unsubscribe(keys.channel);
  }

  /** A check that fails is not left for the next time: it may be the one after pub/sub was away, while commands are still. */
  async #checkUntilDone(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await this.#check();
      } catch (error) {
        this.#options.onError(error);
        await sleep(backoffMs(attempt, CHECK_BACKOFF) + 10, signal);
      }
    }
  }

  /** Compare every followed feed's position with Redis, in one pipeline; let go of those nobody follows. */
  async #check(): Promise<void> {
    const before = performance.now() - this.#options.lingerMs;
    for (const { feed, keys, followers, freeSince } of [...this.#feeds.values()]) {
      if (followers === 0 && freeSince < before) this.#close(keys, feed);
    }
    const followed = [...this.#feeds.values()];
    if (followed.length === 0) return;
    const positions = await readPositions(
      this.#options.redis,
      followed.map(({ keys }) => keys),
    );
    for (const [i, position] of positions.entries()) followed[i]!.feed.check(position);
  }
}
