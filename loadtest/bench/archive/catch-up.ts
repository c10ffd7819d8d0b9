/** Score logs into the tables, as after the database was away: PGlite and PostgreSQL in turns. */
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import { type BenchDatabase, openPglite, openPostgres } from "../../processes/bench-databases.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import type { BenchContext } from "../bench.ts";
import { seconds } from "../lanes.ts";
import { Population } from "../population.ts";
import { Turns } from "../statistics.ts";
import { ArchivedBoard, type Tools } from "./archived-board.ts";

const SHARDS = 8;
const TURNS = 3;
/** A shard's in one turn. */
const BATCHES = 60;
const MEMBERS = 50_000;

export async function measureCatchUp(context: BenchContext): Promise<void> {
  const { quick, say } = context;
  const redis = await (await context.startRedis()).connect();
  const databases: BenchDatabase[] = [];
  try {
    for (const start of [openPglite, openPostgres]) {
      const database = await start();
      if (database) databases.push(database);
      else say("  no PostgreSQL on this machine: its figures are left out");
    }
    const people = new Population(quick ? 4_000 : MEMBERS);
    const tools = { redis, hasher: await createHasher(), people };
    await measureTurns(context, databases, tools);
    for (const one of databases) await measureFullLog(context, one, tools);
  } finally {
    for (const one of databases) await one.close();
  }
}

type Name = "rate" | "cpu" | "server-cpu" | "redis-cpu";

async function measureTurns(
  { quick, say, report }: BenchContext,
  databases: readonly BenchDatabase[],
  tools: Tools,
): Promise<void> {
  const boards: { of: BenchDatabase; board: ArchivedBoard; turns: Turns<Name> }[] = [];
  for (const of of databases) {
    const board = await ArchivedBoard.on(of.database, tools, { id: `archive-${of.kind}`, shards: SHARDS });
    boards.push({ of, board, turns: new Turns() });
  }
  // The first turn finds empty tables: after it most changes are of members who have a row.
  for (let turn = 0; turn <= (quick ? 1 : TURNS); turn++) {
    for (const { of, board, turns } of boards) {
      const events = await board.fillLogs(quick ? 2 : BATCHES);
      const measured = await measureOne(events, of, { board, tools });
      say(`  ${of.kind}: ${events} events, ${measured.rate.toFixed(0)} a second`);
      if (turn === 0) report(`${of.kind}.empty-tables`, { value: measured.rate, unit: "events/s" });
      else for (const [name, value] of Object.entries(measured)) turns.add(name as Name, value);
    }
  }
  for (const { of, turns } of boards) {
    report(of.kind, { value: turns.median("rate"), unit: "events/s" });
    for (const name of ["cpu", "server-cpu", "redis-cpu"] as const) {
      if (name === "server-cpu" && of.kind === "pglite") continue;
      report(`${of.kind}.${name}`, { value: turns.median(name), unit: "µs/event" });
    }
  }
}

async function measureOne(
  events: number,
  of: BenchDatabase,
  { board, tools }: { board: ArchivedBoard; tools: Tools },
): Promise<Record<Name, number>> {
  const redisBefore = await redisCpuUs(tools.redis);
  const [ownBefore, servedBefore] = [process.cpuUsage(), of.cpuUs()];
  const took = await seconds(() => board.catchUp());
  const own = process.cpuUsage(ownBefore);
  const served = of.cpuUs() - servedBefore;
  const redis = (await redisCpuUs(tools.redis)) - redisBefore;
  return {
    rate: events / took,
    cpu: (own.user + own.system) / events,
    "server-cpu": served / events,
    "redis-cpu": redis / events,
  };
}

/** One shard's log, filled until it takes no more. */
async function measureFullLog(
  { quick, report }: BenchContext,
  { kind, database }: BenchDatabase,
  tools: Tools,
): Promise<void> {
  const board = await ArchivedBoard.on(database, tools, { id: `full-${kind}`, shards: 1 });
  const events = await board.fillLogs(quick ? 5 : undefined);
  const took = await seconds(() => board.catchUp());
  report(`${kind}.full-log`, { value: took, unit: `s for ${events} events` });
  report(`${kind}.full-log.rate`, { value: events / took, unit: "events/s" });
}
