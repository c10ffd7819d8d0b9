/** What a server and its Redis do while nothing happens. */
import type { Redis } from "ioredis";
import { sleep } from "../../server/base/clock.ts";
import { infoNumber } from "../processes/redis-server.ts";
import type { ServerProcess } from "../processes/server-process.ts";
import type { BenchContext } from "./bench.ts";

/** Reports Redis commands and server CPU a second, of open boards that nobody plays on. Stops the server. */
export async function reportIdleCost(
  { quick, report }: BenchContext,
  redis: Redis,
  server: ServerProcess,
): Promise<void> {
  const processed = (): Promise<number> => infoNumber(redis, "stats", "total_commands_processed");
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
