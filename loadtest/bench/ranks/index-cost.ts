/** What a rank index costs: Redis's own time to count it anew, a look into it, and the re-ranking of everybody who is connected. */
import type { Redis } from "ioredis";
import { readStates } from "../../../server/leaderboard/top-reader.ts";
import { IndexBuilder } from "../../../server/merger/index-builder.ts";
import { RankIndex } from "../../../server/rank-index/rank-index.ts";
import { RankedMembers } from "../../../server/standings/ranked-members.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import { median } from "../statistics.ts";
import { type DeepBoard, memberName } from "./deep-board.ts";

export type IndexCost = { index: RankIndex; firstMs: number; refreshMs: number; refreshCpuMs: number };

/** @param rounds refreshes with every shard dirty */
export async function indexCost(redis: Redis, { open }: DeepBoard, rounds: number): Promise<IndexCost> {
  const builder = new IndexBuilder({ redis, now: () => Date.now(), token: "1" });
  const startedAt = performance.now();
  let index = await builder.refresh(open, (await readStates(redis, [open]))[0]!);
  const firstMs = performance.now() - startedAt;
  const walls: number[] = [];
  const cpu = await redisCpuUs(redis);
  for (let round = 0; round < rounds; round++) {
    for (const { meta } of open.shards) await redis.hincrby(meta, "n", 1);
    const [state] = await readStates(redis, [open]);
    const from = performance.now();
    index = await builder.refresh(open, state!);
    walls.push(performance.now() - from);
  }
  const refreshCpuMs = ((await redisCpuUs(redis)) - cpu) / 1000 / rounds;
  return { index, firstMs, refreshMs: median(walls), refreshCpuMs };
}

/** @returns µs of one look into the index */
export function lookCost(index: RankIndex, { keys }: DeepBoard): number {
  const asked = Float64Array.from({ length: 100_000 }, () => keys[Math.floor(Math.random() * keys.length)]!);
  const rounds: number[] = [];
  let sum = 0;
  for (let round = 0; round < 12; round++) {
    const startedAt = performance.now();
    for (const key of asked) sum += index.estimate(key).before;
    rounds.push(((performance.now() - startedAt) * 1000) / asked.length);
  }
  if (sum < 0) throw new Error("ranks are not negative");
  return median(rounds);
}

/**
 * One tick over connected players: go over to the next index, rank everybody, find who moved.
 * @returns ms with the same boundaries, and with some of them re-chosen
 */
export function rerankCost(
  { index, next }: { index: RankIndex; next: RankIndex },
  { keys }: DeepBoard,
  connected: number,
): { same: number; rechosen: number } {
  const members = new RankedMembers({ shared: true });
  for (let i = 0; i < connected; i++) {
    const slot = members.add(memberName(i));
    members.learn(slot, keys[Math.floor(Math.random() * keys.length)]!, 1);
  }
  members.adopt(index);
  for (let i = 0; i < connected; i++) {
    members.announced[i] = members.estimate(i)!.rank;
    members.announcedError[i] = members.announced[i]! * 0.01;
  }
  const tick = (to: RankIndex): number => {
    const startedAt = performance.now();
    members.adopt(to);
    members.moved(startedAt);
    return performance.now() - startedAt;
  };
  const same: number[] = [];
  const rechosen: number[] = [];
  for (let round = 0; round < 30; round++) {
    // Everybody's rank moves a little, which nobody needs to hear of.
    same.push(tick(movedOn(index, 1 + round / 100_000)));
    rechosen.push(tick(next), tick(index));
  }
  return { same: median(same.slice(5)), rechosen: median(rechosen.slice(10)) };
}

/** A later index with the same boundaries and somewhat other counts. */
function movedOn({ facts, boundaries, below }: RankIndex, by: number): RankIndex {
  const counts = below.map((count) => Math.round(count * by));
  return new RankIndex({ ...facts, total: Math.round(facts.total * by) }, boundaries, counts);
}
