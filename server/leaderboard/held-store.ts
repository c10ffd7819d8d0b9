/** What shards hold for review, as text: `ingest/held-record.ts` knows what is in it. */
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";

/** The ids in one shard, at most HELD_MAX, sorted. @throws AppError unavailable */
export async function heldIds(redis: RedisStore, { shards }: OpenBoard, shard: number): Promise<string[]> {
  const ids = await redis.hkeys(shards[shard]!.held).catch(fail);
  // Without the placeholder.
  return ids.filter((id) => id !== "").sort();
}

/** Null where it is not held any more. @throws AppError unavailable */
export async function heldTexts(
  redis: RedisStore,
  { shards }: OpenBoard,
  shard: number,
  ids: readonly string[],
): Promise<(string | null)[]> {
  return ids.length === 0 ? [] : redis.hmget(shards[shard]!.held, ...ids).catch(fail);
}

/** Take one out of review: whoever comes later gets `gone`. @throws AppError unavailable */
export async function takeHeld(
  redis: RedisStore,
  { shards, season }: OpenBoard,
  shard: number,
  id: string,
): Promise<{ tag: "taken"; text: string } | { tag: "gone" | "store_lost" }> {
  const { held, meta } = shards[shard]!;
  const args = [season.incarnation, id];
  const reply = await runScript(redis, "leaderboard/take_held", [held, meta], args).catch(fail);
  const { tag, rest } = tagged(reply, ["taken", "gone", "store_lost"]);
  return tag === "taken" ? { tag, text: String(rest[0]) } : { tag };
}

function fail(error: unknown): never {
  throw fromRedisError(error);
}
