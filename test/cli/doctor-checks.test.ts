/** The doctor's judgement of facts that no test can plant in a real machine: clocks, memory, limits, names. */
import { describe, expect, test } from "vitest";
import { clockFinding } from "../../server/cli/doctor/clock-checks.ts";
import { databaseFindings } from "../../server/cli/doctor/database-checks.ts";
import { nodeFinding, openFilesFinding, spaceFinding } from "../../server/cli/doctor/machine-checks.ts";
import { distance, nearestName } from "../../server/cli/doctor/near-names.ts";
import { nodeFindings } from "../../server/cli/doctor/redis-checks.ts";
import { readinessFindings, versionFinding } from "../../server/cli/doctor/server-checks.ts";
import { checkSettings } from "../../server/cli/doctor/settings-checks.ts";
import { reportText } from "../../server/cli/doctor-command.ts";
import { settings } from "../../server/config.ts";
import type { DatabaseHealth } from "../../server/database/database-health.ts";
import type { NodeHealth } from "../../server/redis/node-health.ts";

const MIB = 1024 ** 2;

test("what is found is a line each, with what to change below where something is to be changed", () => {
  const findings = [nodeFinding("22.0.0"), nodeFinding("18.0.0")];
  const lines = reportText({ version: "1.2.3", problems: 1, warnings: 0, findings }).split("\n");
  expect(lines[0]).toBe("ok       machine   node: 22.0.0");
  expect(lines[1]).toBe("problem  machine   node: 18.0.0 is too old");
  expect(lines[2]).toMatch(/^ {21}→ Install Node \S+ or newer\.$/);
  expect(lines.at(-1)).toBe("Rankwire 1.2.3: 1 problem, 0 warnings.");
});

describe("clocks", () => {
  test("may be half a second apart, and what the round trip leaves open counts for nobody", () => {
    const level = (aheadMs: number, withinMs = 1) => clockFinding("redis", { aheadMs, withinMs }).level;
    expect([0, 500, -500, 900].map((ms) => level(ms))).toEqual(["ok", "ok", "ok", "warning"]);
    expect([6_000, -6_000].map((ms) => level(ms))).toEqual(["problem", "problem"]);
    expect(level(900, 400)).toBe("ok");
    expect(clockFinding("redis", { aheadMs: -7_200_000, withinMs: 1 }).found).toBe(
      "7200000 ms behind this machine's",
    );
  });
});

describe("a Redis", () => {
  const healthy: NodeHealth = {
    memory: {
      node: "redis",
      usedBytes: 10 * MIB,
      residentBytes: 12 * MIB,
      maxBytes: 100 * MIB,
      policy: "noeviction",
      full: false,
    },
    version: "7.0.15",
    roundTripsMs: [0.1, 0.2, 0.3],
    clock: { aheadMs: 0, withinMs: 1 },
    replicas: 1,
    clients: { connected: 10, max: 10_000 },
    persistenceTrouble: [],
  };
  const faults = (change: Partial<NodeHealth>, NODE_ENV: "production" | "development" = "production") =>
    nodeFindings({ ...healthy, ...change }, { NODE_ENV })
      .filter(({ level }) => level !== "ok")
      .map(({ check, level }) => `${check} ${level}`);
  const memory = (usedBytes: number, maxBytes: number) => ({
    memory: { ...healthy.memory, usedBytes, maxBytes },
  });

  test("is well, or full, slow, without room for clients or unable to write its file", () => {
    expect(faults({})).toEqual([]);
    expect(faults(memory(85 * MIB, 100 * MIB))).toEqual(["redis memory warning"]);
    expect(faults(memory(96 * MIB, 100 * MIB))).toEqual(["redis memory problem"]);
    expect(faults(memory(96 * MIB, 0))).toEqual(["redis memory warning"]);
    expect(faults(memory(96 * MIB, 0), "development")).toEqual([]);
    expect(faults({ roundTripsMs: [1, 10, 90] })).toEqual(["redis latency warning"]);
    expect(faults({ roundTripsMs: [1, 60, 90] })).toEqual(["redis latency problem"]);
    expect(faults({ clients: { connected: 90, max: 100 } })).toEqual(["redis clients warning"]);
    expect(faults({ persistenceTrouble: ["aof_last_write_status:err"] })).toEqual([
      "redis persistence problem",
    ]);
  });
});

describe("a PostgreSQL", () => {
  const healthy: DatabaseHealth = {
    major: 17,
    migrations: { missing: [], unknown: [] },
    bytes: MIB,
    connections: { used: 5, max: 97 },
    clock: { aheadMs: 0, withinMs: 1 },
    readOnly: false,
    mayCreate: true,
    encoding: "UTF8",
  };
  const faults = (change: Partial<DatabaseHealth>) =>
    databaseFindings({ ...healthy, ...change }, { DATABASE_CONNECTIONS_MAX: 10 })
      .filter(({ level }) => level !== "ok")
      .map(({ check, level }) => `${check} ${level}`);

  test("is well, or too old, a standby, without room, of another version, or not ours to change", () => {
    expect(faults({})).toEqual([]);
    expect(faults({ major: 13 })).toEqual(["version problem"]);
    expect(faults({ readOnly: true })).toEqual(["writes problem"]);
    expect(faults({ encoding: "SQL_ASCII" })).toEqual(["encoding problem"]);
    expect(faults({ connections: { used: 90, max: 97 } })).toEqual(["connections warning"]);
    expect(faults({ connections: { used: 97, max: 97 } })).toEqual(["connections problem"]);
    expect(faults({ migrations: { missing: ["0002"], unknown: [] } })).toEqual(["migrations warning"]);
    expect(faults({ migrations: { missing: ["0002"], unknown: [] }, mayCreate: false })).toEqual([
      "migrations problem",
    ]);
    expect(faults({ migrations: { missing: ["0002"], unknown: ["0003"] } })).toEqual(["migrations problem"]);
  });
});

describe("a machine and a server", () => {
  test("are told apart by what mends itself: a store that lost boards, or has older copies, is a problem", () => {
    const degraded = ["store_full", "archive", "store_lost", "store_outdated"];
    const [, ...findings] = readinessFindings({ status: "ready", unready: [], degraded }, "http://here");
    expect(findings.map(({ level }) => level)).toEqual(["warning", "warning", "problem", "problem"]);
    expect(findings[3]!.change).toContain("rankwire rebuild --board <id> --force");
  });

  test("have a Node that is new enough, open files for their sockets, room on the disk, the same version", () => {
    expect([nodeFinding("20.9.0").level, nodeFinding("20.19.0").level, nodeFinding("22.1.0").level]).toEqual([
      "problem",
      "ok",
      "ok",
    ]);
    const limits = { SOCKETS_MAX: 1_000, SSE_MAX: 100, ROLES: ["gateway" as const] };
    expect(openFilesFinding(1_024, limits)).toMatchObject({
      level: "problem",
      change: expect.stringContaining("ulimit -n 1300"),
    });
    expect(openFilesFinding(1_300, limits)?.level).toBe("ok");
    expect(openFilesFinding(1_024, { ...limits, ROLES: ["merger"] })).toBeUndefined();
    expect(
      [spaceFinding(50 * MIB), spaceFinding(500 * MIB), spaceFinding(5_000 * MIB)].map(({ level }) => level),
    ).toEqual(["problem", "warning", "ok"]);
    expect(versionFinding("0.0.1").level).toBe("warning");
  });
});

describe("settings", () => {
  const faults = (env: Record<string, string>) =>
    checkSettings(env)
      .findings.filter(({ level }) => level !== "ok")
      .map(({ check, level }) => `${check} ${level}`);
  const key = (letter: string) => `${letter}5f0c2b7d9e81a346`;

  test("that are misspelt are told from names of others", () => {
    const known = Object.keys(settings);
    const meant = Object.fromEntries(
      [
        "REDIS_URI",
        "ALLOWED_ORIGIN",
        "DEDUP_WINDOWMS",
        "redis_url",
        "LOG_LEVLE",
        "HOSTNAME",
        "HOME",
        "POST",
        "PATH",
        "SHELL",
        "LOGNAME",
        "PORT",
      ].map((name) => [name, nearestName(name, known)]),
    );
    expect(meant).toMatchObject({
      REDIS_URI: "REDIS_URL",
      ALLOWED_ORIGIN: "ALLOWED_ORIGINS",
      DEDUP_WINDOWMS: "DEDUP_WINDOW_MS",
      redis_url: "REDIS_URL",
      LOG_LEVLE: "LOG_LEVEL",
    });
    for (const name of ["HOSTNAME", "HOME", "POST", "PATH", "SHELL", "LOGNAME", "PORT"])
      expect(meant[name], name).toBeUndefined();
    for (const name of known) expect(nearestName(name, known)).toBeUndefined();
    expect(
      ["kitten/sitting", "ab/ba", "/abc", "same/same"].map((pair) =>
        distance(...(pair.split("/") as [string, string])),
      ),
    ).toEqual([3, 1, 3, 0]);
    expect(faults({ RANKWIRE_SPEED: "9", SPEED: "9" })).toEqual(["RANKWIRE_SPEED warning"]);
  });

  test("that are dangerous in production are told there", () => {
    const sound = {
      NODE_ENV: "production",
      ADMIN_KEY: key("a"),
      SERVER_KEY: key("b"),
      ALLOWED_ORIGINS: "https://game.example",
    };
    expect(faults(sound)).toEqual([]);
    expect(faults({ ...sound, ALLOWED_ORIGINS: "*" })).toEqual(["ALLOWED_ORIGINS warning"]);
    expect(faults({ ...sound, WEBHOOK_PRIVATE_TARGETS: "true" })).toEqual([
      "WEBHOOK_PRIVATE_TARGETS warning",
    ]);
    expect(faults({ ...sound, SERVER_KEY: key("a") })).toEqual(["SERVER_KEY problem"]);
    expect(faults({ ...sound, ADMIN_KEY: "aaaaaaaaaaaaaaaa" })).toEqual(["ADMIN_KEY problem"]);
    expect(faults({ ...sound, LOG_LEVEL: "trace", DATA_DIR: "/tmp/data" })).toEqual([
      "LOG_LEVEL warning",
      "DATA_DIR warning",
    ]);
    expect(faults({ ...sound, ADMIN_KEY: "" })).toEqual([
      "ADMIN_KEY must be set under NODE_ENV=production problem",
    ]);
    expect(faults({ ALLOWED_ORIGINS: "*" })).toEqual([]);
  });

  test("that contradict each other are told everywhere", () => {
    expect(faults({ REDIS_URL: "redis://a", MANAGED_NODES: "3" })).toEqual(["MANAGED_NODES warning"]);
    expect(faults({ REDIS_URL: "redis://a", CACHE_REDIS_URL: "redis://a" })).toEqual([
      "CACHE_REDIS_URL warning",
    ]);
    expect(faults({ LOG_FULL: "refuse", ROLES: "gateway" })).toEqual(["LOG_FULL warning"]);
    expect(faults({ RANKWIRE_URL: "http://far.example", RANKWIRE_KEY: "k" })).toEqual([
      "RANKWIRE_URL warning",
    ]);
    expect(faults({ RANKWIRE_URL: "http://127.0.0.1:1", RANKWIRE_KEY: "k" })).toEqual([]);
    expect(faults({ LEASE_TTL_MS: "10", TICK_MS: "5" })).toEqual([
      "LEASE_TTL_MS must be at least 5 × TICK_MS problem",
    ]);
  });
});
