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
  /** All its keys, ascending, where they are few: then nobody need ask Redis again before it changes. */
  keys?: Float64Array;
};

/** What calls have cost Redis so far, in ms of its own time. */
export type Work = { ms: number };

/** Reading a call's arguments and writing its reply, which the script's own time leaves out. */
const CALL_MS = 0.05;

/** One key on a shard of a million members, as `loadtest/bench` measures it: where Redis's clock stands still within a script. */
const KEY_US = 2;

/** Count on some shards, all at the same keys (ascending). @param work is added to. @throws AppError store_lost, unavailable */
export async function countAt(
  redis: RedisStore,
  open: OpenBoard,
  shards: readonly number[],
  keys: Float64Array,
  work: Work,
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
      const [members, n, text, us] = reply as [number, string, string, number];
      work.ms += workOf(us, args.length);
      one.members = members;
      one.n = Math.min(one.n, Number(n));
      for (const count of numbersIn(text)) one.counts[at++] = count;
    }
    counted.push(one);
  }
  return counted;
}

/** The sort keys at places of shards, counted from 0; Infinity past a shard's end. @param work is added to */
export async function keysAt(
  redis: RedisStore,
  open: OpenBoard,
  wanted: readonly { shard: number; places: readonly number[] }[],
  work: Work,
): Promise<number[][]> {
  const found: number[][] = [];
  for (const { shard, places } of wanted) {
    const args = places.slice(0, BOUNDARIES_PER_CALL).map(String);
    const [reply] = await ask(redis, open, "keys", [{ shard, script: "leaderboard/keys_at", args }]);
    const [text, us] = reply as [string, number];
    work.ms += workOf(us, args.length);
    found.push(numbersIn(text));
  }
  return found;
}

/** @param us as a script has timed itself; 0 where its clock stands still @param keys counted or read */
function workOf(us: number, keys: number): number {
  return CALL_MS + (us > 0 ? us : keys * KEY_US) / 1_000;
}

/**
 * Count on a shard by reading all its keys, if there are at most `BOUNDARIES_PER_CALL`; undefined if there are more.
 * @param keys ascending. @param work is added to. @throws AppError store_lost, unavailable
 */
export async function countSmall(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  keys: Float64Array,
  work: Work,
): Promise<ShardCounts | undefined> {
  const args = [String(BOUNDARIES_PER_CALL)];
  const [reply] = await ask(redis, open, "all", [{ shard, script: "leaderboard/small_shard", args }]);
  const [members, n, text, us] = reply as [number, string, string, number];
  work.ms += workOf(us, Math.min(members, BOUNDARIES_PER_CALL));
  if (members > BOUNDARIES_PER_CALL) return undefined;
  const own = Float64Array.from(numbersIn(text));
  return { members, n: Number(n), counts: countsIn(own, keys), keys: own };
}

/** How many of a shard's keys are strictly better than each of some others; both ascending. */
export function countsIn(own: Float64Array, keys: Float64Array): Float64Array {
  let below = 0;
  return keys.map((key) => {
    while (below < own.length && own[below]! < key) below++;
    return below;
  });
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
