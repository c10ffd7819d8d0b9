/** Whether applied batches have reached a replica: one round trip to the node that serves their shards. */
import type { Redis } from "ioredis";
import { tagged } from "../redis/reply.ts";
import { queueScript } from "../redis/scripts.ts";
import { nodeOf } from "../redis/slot-owners.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";

/** A batch that a shard has applied. */
export type AppliedBatch = { shard: number; producer: string; seq: number };

/** The node that serves a shard: WAIT speaks of one connection to one node. @throws AppError unavailable while none is known */
export function nodeOfShard(redis: RedisStore, { shards }: OpenBoard, shard: number): Redis {
  return nodeOf(redis, shards[shard]!.meta);
}

/**
 * Wait at most `waitMs` until a replica has everything that the node has applied so far.
 * @param node a connection that serves nothing else: WAIT holds up whatever comes behind it
 * @returns for each batch whether the node still knows it and a replica has it
 * @throws what the connection says
 */
export async function confirmBatches(
  node: Redis,
  batches: readonly { open: OpenBoard; batch: AppliedBatch }[],
  waitMs: number,
): Promise<boolean[]> {
  const pipeline = node.pipeline();
  for (const { open, batch } of batches) {
    const args = [open.season.incarnation, batch.producer, batch.seq];
    queueScript(pipeline, "leaderboard/confirm", [open.shards[batch.shard]!.meta], args);
  }
  const results = (await pipeline.wait(1, waitMs).exec()) ?? [];
  const replies = results.map(([error, reply]) => {
    if (error) throw error;
    return reply;
  });
  const replicas = Number(replies.pop());
  return replies.map((reply) => tagged(reply, ["present", "absent"]).tag === "present" && replicas > 0);
}
