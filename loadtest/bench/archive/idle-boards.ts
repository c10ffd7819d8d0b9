/** Open boards to which nothing happens: Redis commands and CPU per second of a server that does nothing but archive. */
import type { Redis } from "ioredis";
import { sleep } from "../../../server/base/clock.ts";
import { infoNumber } from "../../processes/redis-server.ts";
import type { BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { inLanes } from "../lanes.ts";

const CREATING = 8;
const WITHIN_MS = 90_000;

export async function measureIdleBoards(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
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

  const processed = (): Promise<number> => infoNumber(commands, "stats", "total_commands_processed");
  const before = { commands: await processed(), usage: await server.usage() };
  const startedAt = performance.now();
  await sleep(quick ? 500 : 15_000);
  const took = (performance.now() - startedAt) / 1_000;
  const after = { commands: await processed(), usage: await server.usage() };
  await server.stop();
  const perSecond = (after.commands - before.commands) / took;
  const cpu = (after.usage.cpuUs - before.usage.cpuUs) / took / 1e4;
  report("idle-boards.commands", { value: perSecond, unit: "Redis commands/s" }, { atMost: 200 });
  report("idle-boards.cpu", { value: cpu, unit: "% of a core" }, { atMost: 2 });
}

/** One HMGET a shard is the sweep's look at it; the first looks ask the database too. */
async function untilLookedAt(redis: Redis, shards: number): Promise<void> {
  for (const endsAt = performance.now() + WITHIN_MS; performance.now() < endsAt; await sleep(200)) {
    const calls = /^cmdstat_hmget:calls=(\d+)/m.exec(await redis.info("commandstats"))?.[1];
    if (Number(calls ?? 0) >= shards) return;
  }
  throw new Error("The archiver has not looked at every board.");
}
