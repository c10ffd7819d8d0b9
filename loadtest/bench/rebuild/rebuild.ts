/** `npm run bench -- rebuild`: entries a second from the tables into an empty Redis, packed and wide, next to bare ZADDs of as many. */
import { rmSync } from "node:fs";
import type { Redis } from "ioredis";
import { BoardMirror } from "../../../server/archive/board-mirror.ts";
import { createLog } from "../../../server/base/log.ts";
import { parseConfig } from "../../../server/config.ts";
import { Database } from "../../../server/database/database.ts";
import { createRedisBoardRepository } from "../../../server/leaderboard/board-repository.ts";
import type { BoardDefinition } from "../../../server/leaderboard/board-schema.ts";
import { databaseOptions } from "../../../server/options.ts";
import { rebuild } from "../../../server/recovery/rebuild.ts";
import { newDataFolder } from "../../processes/data-folder.ts";
import { redisCpuUs } from "../../processes/redis-server.ts";
import type { Bench, BenchContext } from "../bench.ts";
import { openBoard } from "../boards.ts";
import { seconds } from "../lanes.ts";
import { Turns } from "../statistics.ts";
import { fillTables } from "./stored-board.ts";

const ENTRIES = 1_000_000;
const SHARDS = 8;
const TURNS = 3;
/** What ZADD is given at once, here and in a rebuild. */
const AT_ONCE = 1_000;

const BOARDS: Readonly<Record<"packed" | "wide", BoardDefinition>> = {
  packed: { operator: "set", shards: SHARDS },
  wide: {
    operator: "set",
    shards: SHARDS,
    columns: [
      { name: "score", type: "float" },
      { name: "since", type: "int64" },
    ],
  },
};

export const rebuildBench: Bench = {
  name: "rebuild",
  summary: "rebuilding a million entries; PostgreSQL too with BENCH_DATABASE_URL (about 4 minutes)",
  run: async (context) => {
    await onDatabase(context, "pglite", undefined);
    const url = process.env.BENCH_DATABASE_URL;
    if (url === undefined) context.say("PostgreSQL is left out: BENCH_DATABASE_URL names none");
    else await onDatabase(context, "postgresql", url);
  },
};

async function onDatabase(context: BenchContext, kind: string, url: string | undefined): Promise<void> {
  const dataDir = newDataFolder();
  const config = parseConfig({ DATA_DIR: dataDir, ...(url === undefined ? {} : { DATABASE_URL: url }) });
  const log = createLog({ level: "error", pretty: false });
  const database = new Database({ ...databaseOptions(config), timeoutMs: 300_000, log });
  const server = await context.startRedis();
  try {
    const redis = await server.connect();
    for (const layout of ["packed", "wide"] as const)
      await measure(context, { redis, database, kind, layout });
  } finally {
    await server.stop();
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

type Measured = { redis: Redis; database: Database; kind: string; layout: "packed" | "wide" };

async function measure(context: BenchContext, { redis, database, kind, layout }: Measured): Promise<void> {
  const entries = context.quick ? 5_000 : ENTRIES;
  const board = `rebuild-${layout}-${Date.now()}`;
  const open = await openBoard(redis, board, BOARDS[layout]);
  const repository = createRedisBoardRepository(redis);
  await new BoardMirror(database).mirror((await repository.get(board))!.record);
  context.say(`  ${kind}: ${entries} ${layout} entries into the tables`);
  await fillTables(database, open, entries);
  const [rates, bare, cpu] = [new Turns<string>(), new Turns<string>(), new Turns<string>()];
  for (let turn = 0; turn < (context.quick ? 1 : TURNS); turn++) {
    await redis.flushall();
    bare.add("zadd", entries / (await seconds(() => bareZadds(redis, entries))));
    await redis.flushall();
    const dedup = { windowMs: 600_000, idsMax: 1_000_000 };
    const [ownBefore, redisBefore] = [process.cpuUsage(), await redisCpuUs(redis)];
    const report = await rebuild({ redis, database, repository, dedup, boards: [board], force: false });
    if (report.entries !== entries) throw new Error(`${report.entries} entries instead of ${entries}`);
    rates.add("rebuild", report.entries / report.seconds);
    const own = process.cpuUsage(ownBefore);
    cpu.add("own", (own.user + own.system) / entries);
    cpu.add("redis", ((await redisCpuUs(redis)) - redisBefore) / entries);
  }
  const value = rates.median("rebuild");
  const target = { atLeast: 200_000 };
  context.report(`${layout}.${kind}`, { value, unit: "entries/s" }, context.quick ? undefined : target);
  context.report(`${layout}.${kind}.bare-zadd`, { value: bare.median("zadd"), unit: "entries/s" });
  // On two cores that nobody else uses they run side by side: 200,000 a second are 5 µs of each.
  const eachAtMost = context.quick ? undefined : { atMost: 5 };
  context.report(`${layout}.${kind}.cpu`, { value: cpu.median("own"), unit: "µs/entry" }, eachAtMost);
  context.report(`${layout}.${kind}.redis-cpu`, { value: cpu.median("redis"), unit: "µs/entry" }, eachAtMost);
}

/** As many entries by nothing but pipelined variadic ZADDs: what no rebuild can be quicker than. */
async function bareZadds(redis: Redis, entries: number): Promise<void> {
  for (let at = 0; at < entries; ) {
    const pipeline = redis.pipeline();
    for (let shard = 0; shard < SHARDS && at < entries; shard++) {
      const values: string[] = [];
      for (let i = 0; i < AT_ONCE && at < entries; i++, at++)
        values.push(String((at * 7_919) % 1e9), `m${at}`);
      pipeline.call("zadd", `bare:${shard}`, ...values);
    }
    await pipeline.exec();
  }
}
