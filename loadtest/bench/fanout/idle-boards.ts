/** Open boards to which nothing happens: Redis commands and server CPU per second. */
import { sleep } from "../../../server/base/clock.ts";
import type { BenchContext } from "../bench.ts";
import { reportIdleCost } from "../idle-cost.ts";
import { inLanes } from "../lanes.ts";

const CREATING = 8;
/** The sweep meets every board once and, not knowing it, ticks it until it has been quiet for this long. */
const QUIET_MS = 2_000;
const SWEEP_SHARDS_PER_SECOND = 64;

export async function measureIdleBoards(context: BenchContext): Promise<void> {
  const { quick, say } = context;
  const count = quick ? 50 : 1_000;
  const redis = await context.startRedis();
  const server = await context.startServer(redis, { MERGER_QUIET_MS: `${QUIET_MS}` });
  const names = Array.from({ length: count }, (_, i) => `idle${i}`);
  await inLanes(CREATING, names, (name) => server.createBoard(name, { operator: "best", shards: 1 }));
  say(`${count} boards, waiting until all are known to be idle`);
  await sleep(quick ? 500 : (count / SWEEP_SHARDS_PER_SECOND) * 1_000 + 3 * QUIET_MS + 4_000);

  const commands = await redis.connect();
  await reportIdleCost(context, commands, server);
}
