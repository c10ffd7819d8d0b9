/** Metadata of members: what the last accepted submission that carried some brought, on boards that take it. */
import type { Redis } from "ioredis";
import { execAll, fromRedisError } from "../redis/reply.ts";
import type { OpenBoard } from "./board.ts";

/** @returns member → metadata, only for those who have some; nothing is asked of a board without metadata */
export async function readMetadata(
  redis: Redis,
  open: OpenBoard,
  byShard: Map<number, string[]>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (!open.board.metadata) return found;
  const pipeline = redis.pipeline();
  const asked = [...byShard].filter(([, members]) => members.length > 0);
  for (const [shard, members] of asked) pipeline.hmget(open.shards[shard]!.metadata, ...members);
  const replies = await execAll(pipeline).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  replies.forEach((values, i) => {
    (values as (string | null)[]).forEach((value, j) => {
      if (value !== null) found.set(asked[i]![1][j]!, value);
    });
  });
  return found;
}
