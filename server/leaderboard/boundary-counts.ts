/**
 * The rank index's questions to shards: exact counts at sort keys, and the keys at places.
 *
 * Each call is short, and the next one is sent when its answer is there: Redis works off what one connection has sent in one go, so a
 * pipeline of short calls would hold it up as long as one long call.
 */
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { ask } from "./fan-out.ts";

/** Keys or places in one script call: about a millisecond of Redis. */
export const BOUNDARIES_PER_CALL = 256;

export type ShardCounts = {
  members: number;
  /** The shard's count of batches when counting began: what the counts include at least. */
  n: number;
  /** Entries of the shard strictly better than each key. */
  counts: Float64Array;
};

/** Count on some shards, all at the same keys (ascending). @throws AppError store_lost, unavailable */
export async function countAt(
  redis: RedisStore,
  open: OpenBoard,
  shards: readonly number[],
  keys: Float64Array,
): Promise<ShardCounts[]> {
  const chunks = chunksOf(keys);
  const counted: ShardCounts[] = [];
  for (const shard of shards) {
    const one: ShardCounts = {
      members: 0,
      n: Number.POSITIVE_INFINITY,
      counts: new Float64Array(keys.length),
    };
    let at = 0;
    for (const args of chunks) {
      const [reply] = await ask(redis, open, "counted", [{ shard, script: "leaderboard/count_at", args }]);
      const [members, n, text] = reply as [number, string, string];
      one.members = members;
      one.n = Math.min(one.n, Number(n));
      for (const count of numbersIn(text)) one.counts[at++] = count;
    }
    counted.push(one);
  }
  return counted;
}

/** The sort keys at places of shards, counted from 0; Infinity past a shard's end. */
export async function keysAt(
  redis: RedisStore,
  open: OpenBoard,
  wanted: readonly { shard: number; places: readonly number[] }[],
): Promise<number[][]> {
  const found: number[][] = [];
  for (const { shard, places } of wanted) {
    const args = places.slice(0, BOUNDARIES_PER_CALL).map(String);
    const [reply] = await ask(redis, open, "keys", [{ shard, script: "leaderboard/keys_at", args }]);
    found.push(numbersIn(reply![0] as string));
  }
  return found;
}

/** At least one chunk: a shard is asked for its size also where there are no boundaries yet. */
function chunksOf(keys: Float64Array): string[][] {
  const chunks: string[][] = [];
  for (let at = 0; at === 0 || at < keys.length; at += BOUNDARIES_PER_CALL) {
    chunks.push(Array.from(keys.subarray(at, at + BOUNDARIES_PER_CALL), String));
  }
  return chunks;
}

function numbersIn(text: string): number[] {
  return text === ""
    ? []
    : text.split(" ").map((word) => (word === "inf" ? Number.POSITIVE_INFINITY : Number(word)));
}
