/** `npm run bench -- memory`: bytes of a member from ten thousand to ten million, of an idle board, and of a rank index. */
import type { Redis } from "ioredis";
import { createHasher, type Hasher } from "../../../server/leaderboard/hashing.ts";
import { encodeIndex } from "../../../server/rank-index/index-frame.ts";
import { infoNumber } from "../../processes/redis-server.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { deepBoard } from "../ranks/deep-board.ts";
import { countedIndex } from "../ranks/index-error.ts";

const BOARDS = 1_000;

export const memoryBench: Bench = {
  name: "memory",
  summary: "Redis memory of members, idle boards and rank indexes (about 3 minutes)",
  run: async (context) => {
    const hasher = await createHasher();
    const sizes = context.quick ? [1_000, 5_000] : [10_000, 100_000, 1_000_000, 10_000_000];
    for (const size of sizes) await measureSize(context, hasher, { size, largest: size === sizes.at(-1) });
    await measureBoards(context);
  },
};

async function measureSize(
  { startRedis, report, say }: BenchContext,
  hasher: Hasher,
  { size, largest }: { size: number; largest: boolean },
): Promise<void> {
  const store = await startRedis();
  const redis = await store.connect();
  const before = await used(redis);
  const deep = await deepBoard(redis, "deep", { size, shards: 8, law: "uniform" }, { hasher, say });
  const perMember = ((await used(redis)) - before) / size;
  const name = `members-${size.toLocaleString("en").replaceAll(",", "_")}`;
  report(name, { value: perMember, unit: "B/member" }, largest ? { atMost: 114 } : undefined);
  const { index } = await countedIndex(redis, deep);
  report(`${name}.index-frame`, { value: encodeIndex(index!).length / 1024, unit: "KiB" });
  await store.stop();
}

async function measureBoards({ startRedis, report, quick }: BenchContext): Promise<void> {
  const store = await startRedis();
  const redis = await store.connect();
  const count = quick ? 20 : BOARDS;
  const before = await used(redis);
  for (let i = 0; i < count; i++) await openBoard(redis, `idle${i}`, { operator: "set", shards: 8 });
  report("idle-board", { value: ((await used(redis)) - before) / count / 1024, unit: "KiB, 8 shards" });
  await store.stop();
}

function used(redis: Redis): Promise<number> {
  return infoNumber(redis, "memory", "used_memory");
}
