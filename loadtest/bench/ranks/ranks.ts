/** `npm run bench -- ranks`: exact and fast ranks, from ten thousand members to ten million. */
import type { Redis } from "ioredis";
import { createHasher, type Hasher } from "../../../server/leaderboard/hashing.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { LAW_NAMES } from "../score-laws.ts";
import { type DeepBoard, deepBoard } from "./deep-board.ts";
import { exactCost } from "./exact-rank.ts";
import { indexCost, lookCost, rerankCost } from "./index-cost.ts";
import { countedIndex, drift, errorsOf, recount } from "./index-error.ts";

export const ranksBench: Bench = {
  name: "ranks",
  summary: "exact and fast ranks, up to ten million members (about 10 minutes)",
  run: async (context) => {
    const hasher = await createHasher();
    await measureSizes(context, hasher);
    await measureShards(context, hasher);
    await measureErrors(context, hasher);
  },
};

/** Cost curves over the size of a board of 8 shards. */
async function measureSizes(context: BenchContext, hasher: Hasher): Promise<void> {
  const { quick, report, say } = context;
  const sizes = quick ? [1_000, 10_000] : [10_000, 100_000, 1_000_000, 10_000_000];
  let first = 0;
  for (const size of sizes) {
    const store = await context.startRedis();
    const redis = await store.connect();
    const cpu = (): Promise<number> => redisCpuUs(redis);
    const deep = await deepBoard(redis, "deep", { size, shards: 8, law: "uniform" }, { hasher, say });
    const name = `members-${size.toLocaleString("en").replaceAll(",", "_")}`;
    const exact = await exactCost(redis, deep, { hasher, asked: quick ? 400 : 8_000, cpu });
    first ||= exact.cpuUs;
    const last = size === sizes.at(-1);
    const ratio = last ? { baseline: first, ratio: exact.cpuUs / first } : {};
    report(
      `${name}.exact.redis-cpu`,
      { value: exact.cpuUs, unit: "µs Redis CPU/rank", ...ratio },
      last ? { atMost: 8 } : undefined,
    );
    report(`${name}.exact.p50`, { value: exact.p50Ms, unit: "ms" });
    report(`${name}.exact.p99`, { value: exact.p99Ms, unit: "ms" });
    await reportIndex(context, redis, deep, { name, judged: last });
    await store.stop();
  }
}

async function reportIndex(
  { quick, report }: BenchContext,
  redis: Redis,
  deep: DeepBoard,
  { name, judged }: { name: string; judged: boolean },
): Promise<void> {
  const cost = await indexCost(redis, deep, quick ? 2 : 10);
  report(`${name}.index.first`, { value: cost.firstMs, unit: "ms" });
  report(`${name}.index.refresh`, { value: cost.refreshMs, unit: "ms, all shards dirty" });
  report(`${name}.index.refresh.redis-cpu`, { value: cost.refreshCpuMs, unit: "ms Redis CPU" });
  report(
    `${name}.fast`,
    { value: lookCost(cost.index, deep), unit: "µs" },
    judged ? { atMost: 0.3 } : undefined,
  );
  if (!judged) return;
  const other = await countedIndex(redis, deep);
  const rerank = rerankCost({ index: cost.index, next: other.index! }, deep, 100_000);
  report("rerank-100_000.same-boundaries", { value: rerank.same, unit: "ms" }, { atMost: 1.5 });
  report("rerank-100_000.all-boundaries-rechosen", { value: rerank.rechosen, unit: "ms" });
}

/** The same number of members on more and more shards. */
async function measureShards(context: BenchContext, hasher: Hasher): Promise<void> {
  const { quick, report, say } = context;
  for (const shards of quick ? [1, 4] : [1, 8, 64]) {
    const store = await context.startRedis();
    const redis = await store.connect();
    const cpu = (): Promise<number> => redisCpuUs(redis);
    const size = quick ? 5_000 : 1_000_000;
    const deep = await deepBoard(redis, "spread", { size, shards, law: "uniform" }, { hasher, say });
    const exact = await exactCost(redis, deep, { hasher, asked: quick ? 200 : 4_000, cpu });
    const index = await indexCost(redis, deep, quick ? 2 : 10);
    report(`shards-${shards}.exact.redis-cpu`, { value: exact.cpuUs, unit: "µs Redis CPU/rank" });
    report(`shards-${shards}.exact.p50`, { value: exact.p50Ms, unit: "ms" });
    report(`shards-${shards}.index.refresh.redis-cpu`, { value: index.refreshCpuMs, unit: "ms Redis CPU" });
    await store.stop();
  }
}

async function measureErrors(context: BenchContext, hasher: Hasher): Promise<void> {
  const { quick, report, say } = context;
  const size = quick ? 20_000 : 1_000_000;
  for (const law of LAW_NAMES) {
    const store = await context.startRedis();
    const redis = await store.connect();
    const deep = await deepBoard(redis, law, { size, shards: 8, law }, { hasher, say });
    const builder = await countedIndex(redis, deep);
    const share = (value: number): number => 100 * value;
    for (const state of ["still", "drifting"] as const) {
      for (let round = 0; round < (state === "still" ? 1 : 5); round++) {
        if (state === "drifting") await drift(redis, deep, { law, share: 0.1, hasher });
        await recount(redis, deep, builder);
      }
      const sorted = deep.keys.toSorted();
      const error = errorsOf(builder.index!, sorted);
      report(`error.${law}.${state}.p50`, { value: share(error.p50), unit: "% of the rank" });
      report(
        `error.${law}.${state}.p99`,
        { value: share(error.p99), unit: "% of the rank" },
        { atMost: 0.5 },
      );
      report(`error.${law}.${state}.max`, { value: share(error.max), unit: "% of the rank" });
      report(
        `error.${law}.${state}.within-stated`,
        { value: share(error.withinStated), unit: "% of ranks" },
        { atLeast: 100 },
      );
      report(`error.${law}.${state}.cells`, { value: error.cells, unit: "cells" });
    }
    await store.stop();
  }
}
