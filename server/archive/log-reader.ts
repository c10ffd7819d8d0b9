/** The archive's side of Redis: reads score logs by their consumer group, acknowledges, and scans a shard's members. */
import { AppError } from "../base/errors.ts";
import { callAll, settleAll } from "../redis/batch.ts";
import type { ShardKeys } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { type EntryKey, keyIn, type RawEntry } from "./log-entry.ts";

export type LogRead = {
  /** `claimed`: there may be more that somebody has read and not acknowledged. */
  tag: "claimed" | "new";
  entries: RawEntry[];
  /** How many batches the shard has had when it was read. */
  n: number;
};

export type LogQuestion = { keys: ShardKeys; incarnation: string; mode: "claim" | "new" };

/** A member as the shard has it; who sees it: 0 everybody, 1 nobody, 2 the member. */
export type ScannedMember = EntryKey & { member: string; sight: number; metadata: string | undefined };

export type ScannedPage = { cursor: string; n: number; members: ScannedMember[] };

export class LogReader {
  readonly #redis: RedisStore;
  readonly #consumer: string;

  /** @param consumer this process, under a name that no other has */
  constructor(redis: RedisStore, consumer: string) {
    this.#redis = redis;
    this.#consumer = consumer;
  }

  /** All questions in one round trip. @returns by question the entries or what went wrong: AppError store_lost, unavailable */
  async read(questions: readonly LogQuestion[], count: number): Promise<(LogRead | AppError)[]> {
    const calls = questions.map(({ keys, incarnation, mode }) => ({
      script: "archive/read_log" as const,
      keys: [keys.log, keys.meta],
      args: [incarnation, this.#consumer, count, mode],
    }));
    const outcomes = await settleAll(this.#redis, calls);
    return outcomes.map((outcome) => {
      if ("error" in outcome) return new AppError("unavailable", { cause: fromRedisError(outcome.error) });
      const { tag, rest } = tagged(outcome.reply, ["claimed", "new", "store_lost"]);
      if (tag === "store_lost") return new AppError("store_lost");
      return { tag, entries: rest[0] as RawEntry[], n: Number(rest[1]) };
    });
  }

  /** They are in the tables. @throws AppError unavailable; whoever reads the log next gets them again */
  async acknowledge(keys: ShardKeys, incarnation: string, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const call = {
      script: "archive/ack_log" as const,
      keys: [keys.log, keys.meta],
      args: [incarnation, ...ids],
    };
    await callAll(this.#redis, [call]).catch((error: unknown) => {
      throw fromRedisError(error);
    });
  }

  /** The batches of many shards so far, with their incarnation; one command a shard. @throws AppError unavailable */
  async heads(shards: readonly ShardKeys[]): Promise<{ incarnation: string | null; n: number }[]> {
    const calls = shards.map(({ meta }) => ({ command: "hmget", key: meta, args: ["incarnation", "n"] }));
    const replies = (await callAll(this.#redis, calls).catch((error: unknown) => {
      throw fromRedisError(error);
    })) as [string | null, string | null][];
    return replies.map(([incarnation, n]) => ({ incarnation, n: Number(n ?? 0) }));
  }

  /**
   * A page of a shard's members: `from` is what holds them, the next cursor is "0" at the end.
   * @throws AppError store_lost, unavailable
   */
  async scan(
    keys: ShardKeys,
    incarnation: string,
    { from, cursor, count }: { from: "entries" | "hidden" | "places"; cursor: string; count: number },
  ): Promise<ScannedPage> {
    const call = {
      script: "archive/scan_shard" as const,
      keys: [keys[from], keys.meta, keys.metadata, keys.places],
      args: [incarnation, from, cursor, count],
    };
    const [reply] = await callAll(this.#redis, [call]).catch((error: unknown) => {
      throw fromRedisError(error);
    });
    const { tag, rest } = tagged(reply, ["page", "store_lost"]);
    if (tag === "store_lost") throw new AppError("store_lost");
    const [next, n, found, scores, sights, texts] = rest as [
      string,
      string,
      string[],
      string[],
      number[],
      (string | null)[],
    ];
    const members = found.map((member, i) => ({
      member,
      sight: Number(sights[i]),
      metadata: texts[i]?.replaceAll("\0", "\ufffd") ?? undefined,
      ...keyIn(scores[i]!)!,
    }));
    return { cursor: next, n: Number(n), members };
  }
}
