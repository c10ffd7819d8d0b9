/** Archivers that are killed as processes, with batches in hand, while players submit: what the next one finds, and what the tables say then. */
import type { Redis } from "ioredis";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { entriesInRedis, type LogRow, TestArchive } from "../support/archive.ts";
import { commandConnection } from "../support/builders.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { startServer, type TestServer } from "../support/servers.ts";

const BOARD = "killed";
const PLAYERS = Array.from({ length: 12 }, (_, i) => `p${i}`);
const PATIENCE = { withinMs: 20_000 };
/** Longer than the test needs it; it is taken back. */
const PAUSE_MS = 20_000;

let own: TestRedis;
let redis: Redis;
let postgres: TestPostgres;
let url: string;
/** The test's own connections: to ask what is there and what the others are doing; and to hold a row with. */
let sql: pg.Client;
let holder: pg.Client;
let gateway: TestServer;
const archivers: ChildServer[] = [];

beforeAll(async () => {
  own = await startTestRedis();
  redis = await commandConnection(own.url);
  postgres = await startTestPostgres();
  url = await postgres.newDatabase();
  sql = new pg.Client({ connectionString: url });
  holder = new pg.Client({ connectionString: url });
  await Promise.all([sql.connect(), holder.connect()]);
  gateway = await startServer(own.url, { DATABASE_URL: url });
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  for (const archiver of archivers) await archiver.kill();
  await gateway?.stop();
  await sql?.end();
  await holder?.end();
  redis?.disconnect();
  await own?.stop();
  await postgres?.stop();
});

async function startArchiver(): Promise<ChildServer> {
  const settings = { ROLES: "archiver", DATABASE_URL: url, ARCHIVE_MS: "20", LEASE_TTL_MS: "500" };
  const archiver = await startChildServer(own.url, settings);
  archivers.push(archiver);
  return archiver;
}

/** Batches in the tables, of all shards. */
async function archived(): Promise<number> {
  const { rows } = await sql.query<{ n: string }>("select coalesce(sum(n), 0) as n from shard_positions");
  return Number(rows[0]!.n);
}

async function goesOn(): Promise<void> {
  const before = await archived();
  await eventually(async () => expect(await archived()).toBeGreaterThan(before), PATIENCE);
}

/** The archiver is within a transaction that has written to the score log, and waits for the row of this player. */
async function holdUp(player: string): Promise<void> {
  await holder.query("begin");
  await holder.query("select 1 from current_entries where member = $1 for update", [player]);
  await eventually(async () => {
    const { rows } = await sql.query<{ query: string }>(
      "select query from pg_stat_activity where wait_event_type = 'Lock' and query like '%current_entries%'",
    );
    expect(rows).not.toEqual([]);
  }, PATIENCE);
}

const letGo = (): Promise<unknown> => holder.query("rollback");

async function unacknowledged(open: OpenBoard): Promise<number> {
  const counts = await Promise.all(open.shards.map(({ log }) => redis.xpending(log, "archive")));
  return counts.reduce((sum, [count]) => sum + Number(count), 0);
}

/** Fails where a batch is missing or double, or where a change does not begin with what the one before it left. */
function expectWhole(log: readonly LogRow[]): void {
  const [last, keys] = [new Map<number, number>(), new Map<string, string>()];
  for (const { shard, n, item, member, old, key } of log) {
    const before = last.get(shard) ?? 0;
    expect(n).toBe(item === 0 ? before + 1 : before);
    last.set(shard, n);
    expect(old).toBe(keys.get(member) ?? "");
    keys.set(member, key);
  }
}

function countBy<T>(rows: readonly T[], of: (row: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const row of rows) counts.set(of(row), (counts.get(of(row)) ?? 0) + 1);
  return counts;
}

it("has every accepted change once, and the entries as Redis has them, after one archiver was killed within a transaction and the next one between its commit and its acknowledgement, while players submit", async () => {
  await gateway.createBoard(BOARD, {
    operator: "incr",
    shards: 2,
    columns: [{ name: "score", max: 1_000_000 }],
  });
  const open = await gateway.running.registry.get(BOARD);
  const database: Database = gateway.running.database;
  const load = new ScoreLoad(gateway, { board: BOARD, players: PLAYERS });
  await load.during(async () => {
    const first = await startArchiver();
    await goesOn();
    const second = await startArchiver();
    await holdUp("p0");
    expect(await unacknowledged(open)).toBeGreaterThan(0);
    await first.kill();
    await letGo();
    await goesOn();

    await startArchiver();
    await holdUp("p0");
    const before = await archived();
    // What it commits now it cannot acknowledge any more.
    await redis.call("CLIENT", "PAUSE", PAUSE_MS, "WRITE");
    await letGo();
    await eventually(async () => expect(await archived()).toBeGreaterThan(before), PATIENCE);
    expect(await unacknowledged(open)).toBeGreaterThan(0);
    await second.kill();
    await redis.call("CLIENT", "UNPAUSE");
    await goesOn();
  });

  const archive = await TestArchive.of(database, open);
  const inRedis = await entriesInRedis(redis, open);
  await eventually(async () => expect(await archive.entries()).toEqual(inRedis), PATIENCE);
  const log = await archive.log();
  expectWhole(log);
  expect(log).toHaveLength(load.total);
  expect(countBy(log, ({ member }) => member)).toEqual(load.acknowledged);
  expect(new Set(log.map(({ id }) => id)).size).toBe(load.total);
  expect(await archive.count("log_gaps")).toBe(0);
  expect(await archive.count("dead_letters")).toBe(0);
}, 90_000);
