/** Submits straight to the shards, one batch per shard, as one producer: for tests below ingest. */
import type { Redis } from "ioredis";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createHasher, type Hasher } from "../../server/leaderboard/hashing.ts";
import { type BatchReply, type ShardEvent, submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { DEDUP } from "./builders.ts";

const BATCH_MAX = 200;

export class Submitter {
  readonly #redis: Redis;
  readonly #open: OpenBoard;
  readonly #hasher: Hasher;
  readonly #seqs = new Map<number, number>();

  private constructor(redis: Redis, open: OpenBoard, hasher: Hasher) {
    this.#redis = redis;
    this.#open = open;
    this.#hasher = hasher;
  }

  static async create(redis: Redis, open: OpenBoard): Promise<Submitter> {
    return new Submitter(redis, open, await createHasher());
  }

  shardOf(member: string): number {
    return this.#hasher.shardOf(member, this.#open.board.shards);
  }

  /** One score (the only column) for one member. */
  submit(member: string, score: number, id = ""): Promise<BatchReply> {
    return this.submitValues(member, { score }, id);
  }

  submitValues(member: string, values: EntryValues, id = ""): Promise<BatchReply> {
    return this.#send(this.shardOf(member), [this.#event(member, values, id)]);
  }

  /** Scores of many members, in batches. */
  async submitMany(scores: Iterable<[member: string, score: number]>): Promise<void> {
    const byShard = new Map<number, ShardEvent[]>();
    for (const [member, score] of scores) {
      const shard = this.shardOf(member);
      byShard.set(shard, [...(byShard.get(shard) ?? []), this.#event(member, { score }, "")]);
      if (byShard.get(shard)!.length < BATCH_MAX) continue;
      await this.#send(shard, byShard.get(shard)!);
      byShard.delete(shard);
    }
    for (const [shard, events] of byShard) await this.#send(shard, events);
  }

  #event(member: string, values: EntryValues, id: string): ShardEvent {
    const idHash = id === "" ? "" : this.#hasher.idHash("salt", member, id);
    return { member, idHash, metadata: "", payload: payloadOf(this.#open, values, Date.now()) };
  }

  #send(shard: number, events: ShardEvent[]): Promise<BatchReply> {
    const seq = (this.#seqs.get(shard) ?? 0) + 1;
    this.#seqs.set(shard, seq);
    return submitBatch(this.#redis, this.#open, shard, { producer: "submitter", seq, events }, DEDUP);
  }
}
