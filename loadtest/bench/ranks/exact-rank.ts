/** What an exact rank costs: Redis's own time for one, and how long its asker waits. */
import type { Hasher } from "../../../server/leaderboard/hashing.ts";
import { Reader } from "../../../server/leaderboard/reader.ts";
import type { RedisStore } from "../../../server/redis/store.ts";
import { inLanes } from "../lanes.ts";
import { percentile } from "../statistics.ts";
import type { DeepBoard } from "./deep-board.ts";

export type ExactCost = { cpuUs: number; p50Ms: number; p99Ms: number };

/** @param asked how many ranks, of members at random depths. @param cpu what Redis has used so far, all masters together, in µs */
export async function exactCost(
  redis: RedisStore,
  deep: DeepBoard,
  { hasher, asked, cpu }: { hasher: Hasher; asked: number; cpu: () => Promise<number> },
): Promise<ExactCost> {
  const reader = new Reader(redis, hasher);
  const members = Array.from({ length: asked }, () => deep.memberAt(Math.floor(Math.random() * deep.size)));
  await inLanes(
    8,
    members.slice(0, asked / 10),
    async (member) => void (await reader.rank(deep.open, member)),
  );
  const before = await cpu();
  await inLanes(8, members, async (member) => void (await reader.rank(deep.open, member)));
  const cpuUs = ((await cpu()) - before) / asked;
  // One at a time: what a single asker waits.
  const waits: number[] = [];
  for (const member of members.slice(0, asked / 4)) {
    const startedAt = performance.now();
    await reader.rank(deep.open, member);
    waits.push(performance.now() - startedAt);
  }
  return { cpuUs, p50Ms: percentile(waits, 0.5), p99Ms: percentile(waits, 0.99) };
}
