/** What `rankwire doctor` says of a sound deployment, and of one with planted faults. */
import { mkdirSync, mkdtempSync, readdirSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { takeInstanceLock } from "../../server/base/machine/instance-lock.ts";
import { VERSION } from "../../server/base/version.ts";
import type { Finding } from "../../server/cli/doctor/finding.ts";
import { Database } from "../../server/database/database.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";
import { asProcess } from "./rankwire.ts";

type Report = { version: string; problems: number; warnings: number; findings: Finding[] };

let redis: TestRedis;
let postgres: TestPostgres;
let url: string;
let server: TestServer;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startTestRedis({ appendonly: true }), startTestPostgres()]);
  url = await postgres.newDatabase();
  const log = createLog({ level: "silent", pretty: false });
  const database = new Database({ url, dataDir: "", connectionsMax: 1, timeoutMs: 20_000, log });
  await database.ready();
  await database.close();
  server = await startServer(redis.url, { DATABASE_URL: url });
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  await server.stop();
  await Promise.all([redis.stop(), postgres.stop()]);
});

async function doctor(env: Record<string, string>): Promise<Report & { code: number }> {
  const DATA_DIR = mkdtempSync(join(testRunFolder(), "doctor-"));
  const { out, err, code } = await asProcess({ DATA_DIR, ...env }, "doctor", "--json");
  expect(err).toBe("");
  return { ...(JSON.parse(out) as Report), code };
}

/** Round trips are slow at times on a machine that others work on: their judgement has a test without one. */
const faultsOf = ({ findings }: Report) =>
  Object.fromEntries(
    findings
      .filter(({ level, check }) => level !== "ok" && !check.endsWith("latency"))
      .map((one) => [`${one.area} ${one.check}`, one.level]),
  );

async function sqlOf<Row extends pg.QueryResultRow>(database: string, question: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  try {
    return (await client.query<Row>(question)).rows;
  } finally {
    await client.end();
  }
}

describe("rankwire doctor", () => {
  test("finds nothing wrong with a sound deployment, and has looked at all of it", async () => {
    const report = await doctor({ REDIS_URL: redis.url, DATABASE_URL: url, RANKWIRE_URL: server.url });
    expect([faultsOf(report), report.code]).toEqual([{}, 0]);
    expect(report).toMatchObject({ version: VERSION, problems: 0 });
    const found = (area: string) =>
      report.findings.filter((one) => one.area === area).map(({ check, found: what }) => `${check}: ${what}`);
    expect(found("database")).toEqual(expect.arrayContaining(["migrations: as this version has them"]));
    expect(found("clock").map((line) => line.split(":")[0])).toEqual(["redis", "postgresql"]);
    expect(found("server")).toEqual(
      expect.arrayContaining([`ready: yes, at ${server.url}`, `version: ${VERSION}`]),
    );
    expect(found("redis").join("\n")).toMatch(/latency: [\d.]+ ms, [\d.]+ at most, of 20 round trips/);
  });

  test("names planted faults, each with what to change, ends with 1, and changes nothing", {
    timeout: 60_000,
  }, async () => {
    const evicting = await startTestRedis({
      args: ["--maxmemory-policy", "allkeys-lru", "--maxmemory", "100mb"],
    });
    const newer = await postgres.newDatabase();
    await sqlOf(newer, "create table kysely_migration (name text primary key, timestamp text)");
    await sqlOf(newer, "insert into kysely_migration values ('9999_of_later', 'now')");
    const report = await doctor({
      NODE_ENV: "production",
      DATA_DIR: "",
      REDIS_URL: evicting.url,
      DATABASE_URL: newer,
      ADMIN_KEY: "admin-key-of-my-game",
      SERVER_KEY: "admin-key-of-my-game",
      RANKWIRE_URL: "http://127.0.0.1:9",
      DEDUP_WINDWO_MS: "1000",
      TICK_MS: "fast",
    });
    expect(faultsOf(report)).toEqual({
      "settings TICK_MS": "problem",
      "settings DEDUP_WINDWO_MS": "warning",
      "settings ADMIN_KEY": "problem",
      "settings SERVER_KEY": "problem",
      "settings ALLOWED_ORIGINS": "warning",
      "redis maxmemory-policy": "problem",
      "redis appendonly": "problem",
      "database migrations": "problem",
      "server reachable": "warning",
    });
    expect(report.code).toBe(1);
    const changes = report.findings.filter(({ level }) => level !== "ok").map(({ change }) => change);
    for (const change of changes) expect(change).toMatch(/^[A-Z].+\.$/);
    expect(changes.join("\n")).toContain("DEDUP_WINDOW_MS");
    const tables = "select table_name from information_schema.tables where table_schema = 'public'";
    expect(await sqlOf(newer, tables)).toEqual([{ table_name: "kysely_migration" }]);
    const client = evicting.client();
    expect([await client.dbsize(), await client.config("GET", "maxmemory-policy")]).toEqual([
      0,
      ["maxmemory-policy", "allkeys-lru"],
    ]);
    await evicting.stop();
  });

  test("says where it looked for a Redis and a database that are not there", async () => {
    const report = await doctor({
      REDIS_URL: "redis://127.0.0.1:9",
      DATABASE_URL: "postgres://nobody@127.0.0.1:9/none",
    });
    expect(faultsOf(report)).toEqual({ "redis redis reachable": "problem", "database reachable": "problem" });
    expect(report.code).toBe(1);
  });

  test("works without anything there, and leaves an embedded database to the process that has it", {
    timeout: 60_000,
  }, async () => {
    const dataDir = mkdtempSync(join(testRunFolder(), "embedded-"));
    mkdirSync(join(dataDir, "database"));
    const lock = await takeInstanceLock(join(dataDir, "database.lock"), dataDir);
    const files = () => readdirSync(dataDir, { recursive: true });
    const before = files();
    const report = await doctor({ DATA_DIR: dataDir, REDIS_URL: "", RANKWIRE_URL: "", DATABASE_URL: "" });
    expect([faultsOf(report), report.code]).toEqual([{}, 0]);
    const embedded = report.findings.find(({ check }) => check === "embedded");
    expect(embedded?.found).toContain(`process ${process.pid} has it open`);
    expect(files()).toEqual(before);
    await lock.release();
  });
});
