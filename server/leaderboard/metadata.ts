/** Metadata of members: what the last accepted submission that carried some brought, on boards that take it. */
import { callAll } from "../redis/batch.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";

/** @returns member → metadata, only for those who have some; nothing is asked of a board without metadata */
export async function readMetadata(
  redis: RedisStore,
  open: OpenBoard,
  byShard: Map<number, string[]>,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (!open.board.metadata) return found;
  const asked = [...byShard].filter(([, members]) => members.length > 0);
  const calls = asked.map(([shard, members]) => ({
    command: "hmget",
    key: open.shards[shard]!.metadata,
    args: members,
  }));
  const replies = await callAll(redis, calls).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  replies.forEach((values, i) => {
    (values as (string | null)[]).forEach((value, j) => {
      if (value !== null) found.set(asked[i]![1][j]!, value);
    });
  });
  return found;
}
