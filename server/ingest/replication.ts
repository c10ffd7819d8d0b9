/**
 * `ack: "replica"`: submissions whose answer waits until a replica has them.
 *
 * Group commit: while one round of a node is under way, everything else that waits for that node gathers for the next one, whatever
 * its board and shard. A round that fails confirms nothing and takes nothing back: the submissions are applied, in memory.
 */
import type { Redis } from "ioredis";
import type { AckLevel, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { Log } from "../base/log.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type AppliedBatch, confirmBatches, nodeOfShard } from "../leaderboard/confirm-batches.ts";
import type { RedisStore } from "../redis/store.ts";
import type { Arrival, Ingest, OnApplied } from "./ingest.ts";
import type { MemberSubmission } from "./shard-event.ts";

type Waiting = { open: OpenBoard; batch: AppliedBatch; settle: (confirmed: boolean) => void };

export class Replication {
  readonly #redis: RedisStore;
  readonly #ingest: Ingest;
  readonly #waitMs: number;
  readonly #log: Log;
  /** What waits for the next round of each node that has one under way. */
  readonly #gathering = new Map<Redis, Waiting[]>();

  /** @param redis a connection of its own, which the rounds hold up; its commands may take `waitMs` more than usual */
  constructor(options: { redis: RedisStore; ingest: Ingest; waitMs: number; log: Log }) {
    this.#redis = options.redis;
    this.#ingest = options.ingest;
    this.#waitMs = options.waitMs;
    this.#log = options.log;
  }

  /**
   * As `Ingest.submit`, then wait for a replica, at most for the round under way and one more.
   * @returns with `reached: "replica"` when everything that was applied is on one; what was refused has nothing to wait for
   */
  async submit(
    open: OpenBoard,
    submissions: readonly MemberSubmission[],
    arrival: Arrival = this.#ingest.arrival(open),
    onApplied?: OnApplied,
  ): Promise<{ results: SubmissionResult[]; reached: AckLevel }> {
    const applied = new Map<string, AppliedBatch>();
    const note: OnApplied = (batch, submission, n) => {
      const { shard, producer, seq } = batch;
      onApplied?.(batch, submission, n);
      // A producer's batches apply in sequence: the last one stands for all.
      if ((applied.get(producer)?.seq ?? 0) < seq) applied.set(producer, { shard, producer, seq });
    };
    const results = await this.#ingest.submit(open, submissions, note, arrival);
    const confirming = [...applied.values()].map((batch) => this.#confirm(arrival.open, batch));
    const confirmed = await Promise.all(confirming);
    return { results, reached: confirmed.every(Boolean) ? "replica" : "memory" };
  }

  /** Whether a replica has it. Never rejects: while no node is known there is nobody to confirm. */
  #confirm(open: OpenBoard, batch: AppliedBatch): Promise<boolean> {
    return new Promise<boolean>((settle) => {
      const node = nodeOfShard(this.#redis, open, batch.shard);
      const gathering = this.#gathering.get(node);
      if (gathering) {
        gathering.push({ open, batch, settle });
        return;
      }
      this.#gathering.set(node, [{ open, batch, settle }]);
      setImmediate(() => void this.#rounds(node));
    }).catch(() => false);
  }

  /** Round after round for as long as somebody waits. Never rejects. */
  async #rounds(node: Redis): Promise<void> {
    for (;;) {
      const waiting = this.#gathering.get(node) ?? [];
      if (waiting.length === 0) break;
      this.#gathering.set(node, []);
      await this.#round(node, waiting);
    }
    this.#gathering.delete(node);
  }

  async #round(node: Redis, waiting: readonly Waiting[]): Promise<void> {
    const last = new Map<string, Waiting>();
    for (const one of waiting) {
      const known = last.get(one.batch.producer);
      if (!known || known.batch.seq < one.batch.seq) last.set(one.batch.producer, one);
    }
    const producers = [...last.keys()];
    const confirmed = new Set<string>();
    try {
      const answers = await confirmBatches(node, [...last.values()], this.#waitMs);
      for (const [i, producer] of producers.entries()) if (answers[i]) confirmed.add(producer);
    } catch (error) {
      this.#log.debug({ err: error }, "a round of confirmations failed");
    }
    for (const { batch, settle } of waiting) settle(confirmed.has(batch.producer));
  }
}
