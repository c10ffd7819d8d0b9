/**
 * Token buckets over all gateways, for what is frequent: a rate with a burst. The takes of one turn of the event loop travel
 * together, one script call for each slot, since at tens of thousands a second a call each would cost as much as the scores.
 */
import { AppError } from "../base/errors.ts";
import type { Call } from "../redis/batch.ts";
import { settleAll } from "../redis/batch.ts";
import { bucketsKey } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { isCluster, type RedisStore } from "../redis/store.ts";
import { type BucketSize, intervalUs } from "./local-bucket.ts";
import { type ManualClock, manualTime } from "./subject.ts";

/** On one Redis more slots would only mean smaller batches; on a cluster they spread the buckets over its masters. */
const SLOTS_OF_ONE = 1;
const SLOTS_OF_CLUSTER = 16;
const NAMES_MAX = 500;
/** Takes of one gateway that wait for Redis. */
const WAITING_MAX = 20_000;

type Wait = { resolve: (waitMs: number) => void; reject: (error: Error) => void };
/** Names of one slot, each with those who wait for a token. */
type Takes = Map<string, Wait[]>;

export class TokenBuckets {
  readonly #redis: RedisStore;
  readonly #name: string;
  readonly #size: BucketSize;
  readonly #clock: ManualClock | undefined;
  readonly #slots: number;
  #open = new Map<number, Takes>();
  #waiting = 0;

  /** @param name of the limit, in its keys */
  constructor(redis: RedisStore, name: string, size: BucketSize, clock?: ManualClock) {
    this.#redis = redis;
    this.#name = name;
    this.#size = size;
    this.#clock = clock;
    this.#slots = isCluster(redis) ? SLOTS_OF_CLUSTER : SLOTS_OF_ONE;
  }

  /**
   * Take one token. @returns ms until there is one, 0 when it was taken. @throws AppError overloaded, and what Redis or its connection
   * throws
   */
  take(name: string): Promise<number> {
    if (this.#waiting >= WAITING_MAX) {
      return Promise.reject(new AppError("overloaded", { retryAfterMs: 250 }));
    }
    this.#waiting++;
    return new Promise((resolve, reject) => {
      if (this.#open.size === 0) setImmediate(() => void this.#send());
      const slot = this.#slots === 1 ? 0 : slotOf(name, this.#slots);
      const takes = this.#open.get(slot) ?? new Map<string, Wait[]>();
      this.#open.set(slot, takes);
      const waits = takes.get(name);
      if (waits) waits.push({ resolve, reject });
      else takes.set(name, [{ resolve, reject }]);
    });
  }

  async #send(): Promise<void> {
    const open = this.#open;
    this.#open = new Map();
    const calls: Call[] = [];
    const parts: [string, Wait[]][][] = [];
    for (const [slot, takes] of open) {
      const all = [...takes];
      for (let from = 0; from < all.length; from += NAMES_MAX) {
        const part = all.slice(from, from + NAMES_MAX);
        parts.push(part);
        calls.push(this.#call(slot, part));
      }
    }
    const outcomes = await settleAll(this.#redis, calls);
    outcomes.forEach((outcome, i) => {
      for (const [, waits] of parts[i]!) this.#waiting -= waits.length;
      if ("reply" in outcome) settlePart(parts[i]!, outcome.reply);
      else for (const [, waits] of parts[i]!) for (const { reject } of waits) reject(outcome.error);
    });
  }

  #call(slot: number, part: [string, Wait[]][]): Call {
    const sizes = [this.#size.burst, intervalUs(this.#size), manualTime(this.#clock)];
    const takes = part.flatMap(([name, waits]) => [name, waits.length]);
    return {
      script: "limits/token_bucket",
      keys: [bucketsKey(this.#name, slot)],
      args: [...sizes, ...takes],
    };
  }
}

/** Those who asked first get what there is. */
function settlePart(part: [string, Wait[]][], reply: unknown): void {
  const { rest } = tagged(reply, ["taken"]);
  part.forEach(([, waits], i) => {
    const granted = Number(rest[2 * i]);
    const waitMs = Math.max(1, Number(rest[2 * i + 1]));
    for (const [at, { resolve }] of waits.entries()) resolve(at < granted ? 0 : waitMs);
  });
}

/** FNV-1a: all gateways must agree, and nobody gains by choosing a slot. */
function slotOf(name: string, slots: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % slots;
}
