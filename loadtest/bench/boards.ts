/** Boards for benches that work below the HTTP surface, and their quick fill. */
import type { Redis } from "ioredis";
import { systemClock } from "../../server/base/clock.ts";
import { parseConfig } from "../../server/config.ts";
import { openFeed } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { placeFrom } from "../../server/leaderboard/codec.ts";
import type { Hasher } from "../../server/leaderboard/hashing.ts";
import { layoutOf } from "../../server/leaderboard/layout.ts";
import { Registry } from "../../server/leaderboard/registry.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { feedOf, ingestOptions } from "../../server/options.ts";
import type { RedisStore } from "../../server/redis/store.ts";
import type { Population } from "./population.ts";

/** The settings as they are when nobody sets anything. */
export const defaultIngest = ingestOptions(parseConfig({}));

export async function openBoard(
  redis: RedisStore,
  id: string,
  definition: BoardDefinition,
): Promise<OpenBoard> {
  const registry = new Registry({
    redis,
    repository: createRedisBoardRepository(redis),
    openFeed: (open) => openFeed(redis, feedOf(open)),
    clock: systemClock,
  });
  return (await registry.put(boardFrom(id, boardDefinition.parse(definition)))).open;
}

/** The same shards under another operator: what differs between operators is the script's work, not the data. */
export function withOperator(open: OpenBoard, operator: OpenBoard["board"]["operator"]): OpenBoard {
  const board = { ...open.board, operator };
  return { ...open, board, layout: layoutOf(board, open.season) };
}

/** The score in the ZSET of a score on a board whose operator takes whole keys. */
export function keyOf(open: OpenBoard, score: number): number {
  return placeFrom(open.layout, payloadOf(open, { score }, 0)[0]!, "").key;
}

const FILL_BATCH = 500;
const FILL_PIPELINE = 20;

/** Put everybody on the board by variadic ZADDs, and the cutoff where a merger of a top 1,000 would hold it. */
export async function fillBoard(
  redis: Redis,
  open: OpenBoard,
  people: Population,
  { hasher, say }: { hasher: Hasher; say: (line: string) => void },
): Promise<void> {
  const byShard: (string | number)[][] = open.shards.map(() => []);
  let pipeline = redis.pipeline();
  const flush = async (shard: number): Promise<void> => {
    pipeline.zadd(open.shards[shard]!.entries, ...(byShard[shard]!.splice(0) as string[]));
    if (pipeline.length < FILL_PIPELINE) return;
    await pipeline.exec();
    pipeline = redis.pipeline();
  };
  for (let i = 0; i < people.size; i++) {
    const shard = hasher.shardOf(people.members[i]!, open.board.shards);
    byShard[shard]!.push(keyOf(open, people.scores[i]!), people.members[i]!);
    if (byShard[shard]!.length >= 2 * FILL_BATCH) await flush(shard);
    if (i > 0 && i % 250_000 === 0) say(`  ${i} members`);
  }
  for (let shard = 0; shard < byShard.length; shard++) if (byShard[shard]!.length > 0) await flush(shard);
  await pipeline.exec();
  await placeCutoff(redis, open, people);
}

/** Put the cutoff where a merger of the board's top would hold it. */
export async function placeCutoff(redis: Redis, open: OpenBoard, people: Population): Promise<void> {
  const reserve = Math.min(people.size - 1, Math.ceil(open.board.topSize * 1.25));
  const cutoff = keyOf(
    open,
    Float64Array.from(people.scores)
      .sort()
      .at(-1 - reserve)!,
  );
  for (const { meta } of open.shards) await redis.hset(meta, "cutoff", String(cutoff));
}
