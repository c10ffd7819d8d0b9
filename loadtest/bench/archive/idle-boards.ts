/** Open boards to which nothing happens: Redis commands and CPU per second of a server that does nothing but archive. */
import type { Redis } from "ioredis";
import { sleep } from "../../../server/base/clock.ts";
import type { BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { reportIdleCost } from "../idle-cost.ts";
import { inLanes } from "../lanes.ts";

const CREATING = 8;
const WITHIN_MS = 90_000;

export async function measureIdleBoards(context: BenchContext): Promise<void> {
  const { quick, say } = context;
  const count = quick ? 50 : 1_000;
  const redis = await context.startRedis();
  const commands = await redis.connect();
  const names = Array.from({ length: count }, (_, i) => `idle${i}`);
  await inLanes(CREATING, names, async (name) => {
    await openBoard(commands, name, { operator: "best", shards: 1 });
  });
  await commands.config("RESETSTAT");
  const server = await context.startServer(redis, { ROLES: "archiver" });
  say(`${count} boards, waiting until the archiver has looked at each of them`);
  await untilLookedAt(commands, count);
  await reportIdleCost(context, commands, server);
}

/** One HMGET a shard is the sweep's look at it; the first looks ask the database too. */
async function untilLookedAt(redis: Redis, shards: number): Promise<void> {
  for (const endsAt = performance.now() + WITHIN_MS; performance.now() < endsAt; await sleep(200)) {
    const calls = /^cmdstat_hmget:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1];
    if (Number(calls ?? 0) >= shards) return;
  }
  throw new Error("The archiver has not looked at every board.");
}
