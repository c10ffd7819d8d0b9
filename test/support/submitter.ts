/** Submits straight to the shards, one batch per shard, as one producer: for tests below ingest. */
import type { Redis } from "ioredis";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createHasher, type Hasher } from "../../server/leaderboard/hashing.ts";
import { type BatchReply, submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { DEDUP } from "./builders.ts";

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

  async submitValues(member: string, values: EntryValues, id = ""): Promise<BatchReply> {
    const shard = this.shardOf(member);
    const seq = (this.#seqs.get(shard) ?? 0) + 1;
    this.#seqs.set(shard, seq);
    const idHash = id === "" ? "" : this.#hasher.idHash("salt", member, id);
    const events = [{ member, idHash, metadata: "", payload: payloadOf(this.#open, values, Date.now()) }];
    return submitBatch(this.#redis, this.#open, shard, { producer: "submitter", seq, events }, DEDUP);
  }
}
