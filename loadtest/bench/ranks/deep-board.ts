/** A board of up to ten million members, filled in bounded time: rank by rank under a law of scores, with a progress bar. */
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import type { Hasher } from "../../../server/leaderboard/hashing.ts";
import { type Call, callAll } from "../../../server/redis/batch.ts";
import type { RedisStore } from "../../../server/redis/store.ts";
import { keyOf, openBoard } from "../boards.ts";
import { LAWS, type LawName, SCORE_MAX } from "../score-laws.ts";

export type DeepBoard = {
  open: OpenBoard;
  size: number;
  /** The member of the i-th best score at the filling, from 0. */
  memberAt: (place: number) => string;
  /** Sort keys at the filling, ascending. */
  keys: Float64Array;
};

export type Filling = { hasher: Hasher; say: (line: string) => void };

const VALUES_PER_CALL = 1_000;
const CALLS_PER_TRIP = 16;
/** A prime that divides no size used here: names are not in the order of scores. */
const STEP = 7_919_999;

/** 12 bytes each, the longest id in its size class of Redis's allocator. */
export function memberName(i: number): string {
  return `m${i.toString(36).padStart(11, "0")}`;
}

export async function deepBoard(
  redis: RedisStore,
  id: string,
  {
    size,
    shards,
    law,
    writers = "server",
  }: {
    size: number;
    shards: number;
    law: LawName;
    writers?: "server" | "player";
  },
  { hasher, say }: Filling,
): Promise<DeepBoard> {
  const columns = [{ name: "score", max: 2 * SCORE_MAX }];
  const open = await openBoard(redis, id, { operator: "set", shards, columns, writers });
  const memberAt = (place: number): string => memberName((place * STEP) % size);
  const keys = new Float64Array(size);
  const shares = randomShares(size);
  const waiting: string[][] = open.shards.map(() => []);
  const bar = progress(`${id}: ${size} members`, size, say);
  let calls: Call[] = [];
  let trip: Promise<unknown> = Promise.resolve();
  const send = async (shard: number): Promise<void> => {
    calls.push({ command: "zadd", key: open.shards[shard]!.entries, args: waiting[shard]!.splice(0) });
    if (calls.length < CALLS_PER_TRIP) return;
    // One trip under way while the next one is made.
    await trip;
    trip = callAll(redis, calls);
    calls = [];
  };
  for (let place = 0; place < size; place++) {
    const member = memberAt(place);
    const key = keyOf(open, LAWS[law](1 - shares[place]!));
    keys[place] = key;
    const shard = hasher.shardOf(member, shards);
    waiting[shard]!.push(String(key), member);
    if (waiting[shard]!.length >= 2 * VALUES_PER_CALL) await send(shard);
    if (place % 100_000 === 0) bar(place);
  }
  for (let shard = 0; shard < shards; shard++) if (waiting[shard]!.length > 0) await send(shard);
  await trip;
  await callAll(redis, calls);
  bar(size);
  return { open, size, memberAt, keys };
}

/** As many random numbers below 1, in ascending order, without sorting them: sums of exponential gaps. */
function randomShares(count: number): Float64Array {
  const shares = new Float64Array(count);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    sum -= Math.log(1 - Math.random());
    shares[i] = sum;
  }
  const all = sum - Math.log(1 - Math.random());
  return shares.map((share) => share / all);
}

const BAR_WIDTH = 30;

/** A line whenever another tenth is done. */
function progress(what: string, all: number, say: (line: string) => void): (done: number) => void {
  const startedAt = performance.now();
  let tenths = -1;
  return (done) => {
    const now = Math.floor((10 * done) / all);
    if (now === tenths) return;
    tenths = now;
    const full = Math.round((BAR_WIDTH * done) / all);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
    say(`  ${what} [${"#".repeat(full)}${".".repeat(BAR_WIDTH - full)}] ${10 * now} % ${seconds} s`);
  };
}
