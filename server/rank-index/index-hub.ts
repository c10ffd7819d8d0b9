/**
 * The rank indexes that this process looks at: followed on their channels while they are used, and announced as wanted, so that some
 * merger keeps them.
 *
 * The stored index is read once the channel is followed, and the newer of two always wins, so no refresh is missed.
 */
import { Loop } from "../base/loop.ts";
import type { Channels } from "../redis/channels.ts";
import type { FeedKeys } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";
import { decodeIndex } from "./index-frame.ts";
import { readIndex, WANTED_MS, wantIndex } from "./index-store.ts";
import { type RankIndex, replaces } from "./rank-index.ts";

export type IndexHubOptions = {
  redis: RedisStore;
  channels: Channels;
  onError: (error: unknown) => void;
};

/** Whose index: the board, and its season's incarnation and keys. */
export type IndexOf = { board: string; incarnation: string; keys: FeedKeys };

export type IndexListener = (index: RankIndex) => void;

type Followed = {
  of: IndexOf;
  index: RankIndex | undefined;
  listeners: Set<IndexListener>;
  usedAt: number;
};

const MARK_EVERY_MS = WANTED_MS / 3;
/** How soon a mark is made that could not be made at once, since Redis was away or another was under way. */
const STEP_MS = 500;

export class IndexHub {
  readonly #options: IndexHubOptions;
  readonly #followed = new Map<string, Followed>();
  readonly #marks: Loop;
  #markAt = 0;

  constructor(options: IndexHubOptions) {
    this.#options = options;
    this.#marks = new Loop({ everyMs: STEP_MS, step: () => this.#mark(), onError: options.onError });
    options.channels.onReconnected(() => {
      for (const followed of this.#followed.values()) this.#load(followed);
      // What was said before may be lost with the data of that Redis.
      this.#markNow();
    });
  }

  start(): void {
    this.#marks.start();
  }

  stop(): Promise<void> {
    return this.#marks.stop();
  }

  /** The index as it is known here; undefined until the first one has come. Looking keeps it coming for a minute. */
  look(of: IndexOf): RankIndex | undefined {
    const followed = this.#open(of);
    followed.usedAt = performance.now();
    return followed.index?.facts.incarnation === of.incarnation ? followed.index : undefined;
  }

  /** Hear of every index from now on. @returns what ends it */
  follow(of: IndexOf, listener: IndexListener): () => void {
    const followed = this.#open(of);
    followed.listeners.add(listener);
    return () => {
      followed.listeners.delete(listener);
      followed.usedAt = performance.now();
    };
  }

  #open(of: IndexOf): Followed {
    const { indexChannel } = of.keys;
    let followed = this.#followed.get(indexChannel);
    if (followed) {
      const known = followed.of.incarnation;
      followed.of = of;
      // The board has been made anew, perhaps because Redis lost it and the marks too; its first index may have come before this.
      if (known !== of.incarnation) {
        this.#load(followed);
        this.#markNow();
      }
      return followed;
    }
    followed = { of, index: undefined, listeners: new Set(), usedAt: performance.now() };
    this.#followed.set(indexChannel, followed);
    const opened = followed;
    // Read at once, for those who wait, and again when the subscription is confirmed: nothing is missed after that.
    this.#load(opened);
    const take = (frame: Buffer): void => this.#take(opened, decodeIndex(frame));
    void this.#options.channels.subscribe(indexChannel, take).then(() => this.#load(opened));
    this.#markNow();
    return followed;
  }

  #load(followed: Followed): void {
    readIndex(this.#options.redis, followed.of.keys).then(
      (index) => this.#take(followed, index),
      this.#options.onError,
    );
  }

  #take(followed: Followed, index: RankIndex | undefined): void {
    if (!index || index.facts.incarnation !== followed.of.incarnation) return;
    if (followed.index && !replaces(index.facts, followed.index.facts)) return;
    followed.index = index;
    for (const listener of followed.listeners) listener(index);
  }

  #markNow(): void {
    this.#markAt = 0;
    this.#marks.nudge();
  }

  /** Announce what is used, let go of what is not. */
  async #mark(): Promise<void> {
    const now = performance.now();
    if (now < this.#markAt) return;
    // Set before: whoever wants a mark while this one is under way gets another.
    this.#markAt = now + MARK_EVERY_MS;
    const unusedSince = now - WANTED_MS;
    const wanted: string[] = [];
    for (const [channel, { of, listeners, usedAt }] of [...this.#followed]) {
      if (listeners.size > 0 || usedAt >= unusedSince) wanted.push(of.board);
      else {
        this.#followed.delete(channel);
        this.#options.channels.unsubscribe(channel);
      }
    }
    await wantIndex(this.#options.redis, wanted).catch((error: unknown) => {
      this.#markAt = 0;
      throw error;
    });
  }
}
