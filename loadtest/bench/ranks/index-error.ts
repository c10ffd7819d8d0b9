/** How far fast ranks are off, under every law of scores, standing still and drifting. */
import type { Redis } from "ioredis";
import type { Hasher } from "../../../server/leaderboard/hashing.ts";
import { readStates } from "../../../server/leaderboard/top-reader.ts";
import { IndexBuilder } from "../../../server/merger/index-builder.ts";
import type { RankIndex } from "../../../server/rank-index/rank-index.ts";
import { keyOf } from "../boards.ts";
import { LAWS, type LawName, SCORE_MAX } from "../score-laws.ts";
import { countBelow, percentile } from "../statistics.ts";
import type { DeepBoard } from "./deep-board.ts";

export type IndexError = { p50: number; p99: number; max: number; withinStated: number; cells: number };

/** Ranks that are judged: those below a top of a thousand. */
const FROM_RANK = 1_000;
const SAMPLES = 20_000;

/** A builder that has counted the board once. */
export async function countedIndex(redis: Redis, deep: DeepBoard): Promise<IndexBuilder> {
  const builder = new IndexBuilder({ redis, now: () => Date.now(), token: "1" });
  await recount(redis, deep, builder);
  return builder;
}

export async function recount(redis: Redis, { open }: DeepBoard, builder: IndexBuilder): Promise<RankIndex> {
  const [state] = await readStates(redis, [open]);
  return builder.refresh(open, state!);
}

/** Relative errors at ranks spread evenly over their logarithm. */
export function errorsOf(index: RankIndex, keys: Float64Array): IndexError {
  const errors: number[] = [];
  let within = 0;
  for (let i = 0; i < SAMPLES; i++) {
    const place = Math.floor(FROM_RANK * (keys.length / FROM_RANK) ** ((i + 0.5) / SAMPLES));
    const key = keys[place]!;
    const truth = countBelow(keys, key);
    const { before, low, high } = index.estimate(key);
    errors.push(Math.abs(before - truth) / (truth + 1));
    if (truth >= low && truth <= high) within++;
  }
  return {
    p50: percentile(errors, 0.5),
    p99: percentile(errors, 0.99),
    max: percentile(errors, 1),
    withinStated: within / SAMPLES,
    cells: index.cells,
  };
}

/** A share of all members gets more points, as in a season that goes on. The board's `keys` follow. */
export async function drift(
  redis: Redis,
  deep: DeepBoard,
  { law, share, hasher }: { law: LawName; share: number; hasher: Hasher },
): Promise<void> {
  const { open, keys, size, memberAt } = deep;
  const byShard: string[][] = open.shards.map(() => []);
  const max = 2 * SCORE_MAX;
  for (let place = 0; place < size; place++) {
    if (Math.random() >= share) continue;
    const score = Math.min(max, max - keys[place]! + Math.floor(LAWS[law](Math.random()) / 10));
    keys[place] = keyOf(open, score);
    const member = memberAt(place);
    byShard[hasher.shardOf(member, open.shards.length)]!.push(String(keys[place]), member);
  }
  for (const [shard, values] of byShard.entries()) {
    const { entries, meta } = open.shards[shard]!;
    for (let at = 0; at < values.length; at += 2_000)
      await redis.zadd(entries, ...values.slice(at, at + 2_000));
    await redis.hincrby(meta, "n", 1);
  }
}
