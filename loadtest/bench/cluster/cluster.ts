/** `npm run bench -- cluster`: one board over one to three masters, and how long a failover takes. */
import { sleep, systemClock } from "../../../server/base/clock.ts";
import { createLog } from "../../../server/base/log.ts";
import { Ingest } from "../../../server/ingest/ingest.ts";
import type { MemberSubmission } from "../../../server/ingest/shard-event.ts";
import { createHasher, type Hasher } from "../../../server/leaderboard/hashing.ts";
import type { RedisStore } from "../../../server/redis/store.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { defaultIngest } from "../boards.ts";
import { inLanes, seconds } from "../lanes.ts";
import { type DeepBoard, deepBoard } from "../ranks/deep-board.ts";
import { exactCost } from "../ranks/exact-rank.ts";
import { SCORE_MAX } from "../score-laws.ts";
import { median } from "../statistics.ts";
import { type BenchCluster, startCluster } from "./bench-cluster.ts";

const CALL = 1_000;
const CALLERS = 8;
const SHARDS = 16;
const FAILOVER_S_MAX = 60;

export const clusterBench: Bench = {
  name: "cluster",
  summary: "one board over one to three masters, and a failover (about 3 minutes)",
  run: async (context) => {
    const hasher = await createHasher();
    for (const masters of [1, 2, 3]) await measureMasters(context, hasher, masters);
    await measureFailover(context, hasher);
  },
};

async function measureMasters(context: BenchContext, hasher: Hasher, masters: number): Promise<void> {
  const { quick, report, say } = context;
  const cluster = await startCluster(context, { masters, replicas: 0 });
  const redis = await cluster.connect();
  const size = quick ? 2_000 : 1_000_000;
  const deep = await deepBoard(redis, "spread", { size, shards: SHARDS, law: "uniform" }, { hasher, say });
  const name = `masters-${masters}`;
  const ingest = ingestOn(redis, hasher);
  const events = CALL * (quick ? 4 : 100);
  const rates: number[] = [];
  const cpu: number[] = [];
  for (let turn = 0; turn < (quick ? 1 : 5); turn++) {
    const calls = Array.from({ length: events / CALL }, () => randomCall(deep));
    const before = await cluster.cpuUs();
    rates.push(
      events / (await seconds(() => inLanes(CALLERS, calls, (call) => submitAll(ingest, deep, call)))),
    );
    cpu.push(((await cluster.cpuUs()) - before) / events);
  }
  await ingest.drain();
  report(`${name}.ingest`, { value: median(rates), unit: "events/s, all on two cores" });
  report(`${name}.ingest.redis-cpu`, { value: median(cpu), unit: "µs Redis CPU/event, all masters" });
  const exact = await exactCost(redis, deep, { hasher, asked: quick ? 100 : 4_000, cpu: cluster.cpuUs });
  report(`${name}.exact.redis-cpu`, { value: exact.cpuUs, unit: "µs Redis CPU/rank, all masters" });
  report(`${name}.exact.p50`, { value: exact.p50Ms, unit: "ms" });
  report(`${name}.exact.p99`, { value: exact.p99Ms, unit: "ms" });
  await cluster.stop();
}

/** A master is killed while submissions run: until a submission to each of its shards is acknowledged again. */
async function measureFailover(context: BenchContext, hasher: Hasher): Promise<void> {
  const { quick, report, say } = context;
  const away: number[] = [];
  for (let round = 0; round < (quick ? 1 : 3); round++) {
    const cluster = await startCluster(context, { masters: 3, replicas: 3 });
    const redis = await cluster.connect();
    const deep = await deepBoard(
      redis,
      "alive",
      { size: 1_000, shards: SHARDS, law: "uniform" },
      { hasher, say },
    );
    const ingest = ingestOn(redis, hasher);
    await submitAll(ingest, deep, randomCall(deep));
    // The replicas have it all.
    await sleep(1_000);
    killMaster(cluster);
    away.push(await secondsUntilTaken(ingest, deep));
    await ingest.drain();
    await cluster.stop();
  }
  report("failover.writes-again", { value: median(away), unit: "s, node timeout 2 s" });
}

/** Until a call with members of every shard is taken in full. */
async function secondsUntilTaken(ingest: Ingest, deep: DeepBoard): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const results = await ingest.submit(deep.open, randomCall(deep));
    const took = (performance.now() - startedAt) / 1000;
    if (results.every(({ outcome }) => outcome !== "rejected")) return took;
    if (took > FAILOVER_S_MAX) throw new Error("No replica took the killed master's place.");
  }
}

function killMaster({ masters }: BenchCluster): void {
  process.kill(masters[0]!.pid, "SIGKILL");
}

function ingestOn(redis: RedisStore, hasher: Hasher): Ingest {
  const log = createLog({ level: "silent", pretty: false });
  return new Ingest({ boards: new Map(), ...defaultIngest, redis, hasher, clock: systemClock, log });
}

function randomCall({ memberAt, size }: DeepBoard): MemberSubmission[] {
  return Array.from({ length: CALL }, () => ({
    member: memberAt(Math.floor(Math.random() * size)),
    score: Math.floor(Math.random() * SCORE_MAX),
  }));
}

async function submitAll(ingest: Ingest, { open }: DeepBoard, call: MemberSubmission[]): Promise<void> {
  const refused = (await ingest.submit(open, call)).find(({ outcome }) => outcome === "rejected");
  if (refused) throw new Error(`ingest refused: ${JSON.stringify(refused)}`);
}
