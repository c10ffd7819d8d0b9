/** What each shard of a board holds and takes, and where it lies: one script a shard, for an operator's look. */
import type { ShardKeys } from "../redis/keys.ts";
import { placeOfKey } from "../redis/slot-owners.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { ask } from "./fan-out.ts";

export type ShardFacts = {
  shard: number;
  /** Visible members. */
  members: number;
  hidden: number;
  /** Submissions held for review. */
  held: number;
  /** Entries of the score log that Redis has, its placeholder among them. */
  log: number;
  /** Batches that were applied, over the season's life. */
  n: number;
  /** By key, by Redis's own estimate from a few elements of each. */
  bytes: Record<keyof ShardKeys, number>;
  slot: number;
  /** `host:port` on a cluster, `redis` for the one; null while nobody is known to serve the slot. */
  node: string | null;
  incarnation: string;
};

const COUNTS = 5;

/** Of every shard, by number. @throws AppError store_lost, unavailable */
export async function shardFacts(redis: RedisStore, open: OpenBoard): Promise<ShardFacts[]> {
  const questions = open.shards.map((keys, shard) => ({
    shard,
    script: "leaderboard/shard_facts" as const,
    keys: keyList(keys),
    args: [],
  }));
  const replies = await ask(redis, open, "facts", questions);
  return replies.map((reply, shard) => {
    const keys = open.shards[shard]!;
    const numbers = reply.map(Number);
    const [n, members, hidden, held, log] = numbers as [number, number, number, number, number];
    const names = Object.keys(named(keys)) as (keyof ShardKeys)[];
    const bytes = Object.fromEntries(names.map((name, i) => [name, numbers[COUNTS + i]!]));
    return {
      shard,
      members,
      hidden,
      held,
      log,
      n,
      bytes: bytes as ShardFacts["bytes"],
      ...placeOfKey(redis, keys.entries),
      incarnation: open.season.incarnation,
    };
  });
}

function keyList(keys: ShardKeys): string[] {
  return Object.values(named(keys));
}

/** In the script's order. */
function named(keys: ShardKeys): ShardKeys {
  const { entries, hidden, meta, log, idsNow, idsBefore, metadata, places, rules, held } = keys;
  return { entries, hidden, meta, log, idsNow, idsBefore, metadata, places, rules, held };
}
