import type { Redis } from "ioredis";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { checkCache, checkRedis, enforceFindings, type Finding } from "../../server/redis/boot-checks.ts";
import { startTestRedis, type TestRedis, type TestRedisOptions } from "../support/redis.ts";

const log = createLog({ level: "silent", pretty: false });
const started: TestRedis[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((redis) => redis.stop()));
});

async function clientOf(options: TestRedisOptions): Promise<Redis> {
  const redis = await startTestRedis(options);
  started.push(redis);
  return redis.client();
}

const save = (points: string): string[] => ["--save", points];
const eviction: Finding = {
  check: "maxmemory-policy",
  found: "allkeys-lru",
  wanted: "noeviction",
  remedy: "Run CONFIG SET maxmemory-policy noeviction, and put it into redis.conf.",
  severity: "problem",
};

describe("checkCache", () => {
  it("wants a Redis that makes room, and does not mind one that forgets", async () => {
    const client = await clientOf({ args: ["--maxmemory-policy", "allkeys-lfu"] });
    expect(await checkCache(client)).toEqual([]);
    await client.config("SET", "maxmemory-policy", "noeviction");
    expect(await checkCache(client)).toMatchObject([
      { check: "maxmemory-policy", found: "noeviction", wanted: "allkeys-lfu" },
    ]);
  });
});

describe("checkRedis", () => {
  it("finds nothing wrong with an append-only Redis that does not evict", async () => {
    expect(await checkRedis(await clientOf({ appendonly: true }))).toEqual([]);
  });

  it("accepts save points in place of the append-only file", async () => {
    expect(await checkRedis(await clientOf({ args: save("3600 1") }))).toEqual([]);
  });

  it("finds a policy that evicts", async () => {
    const client = await clientOf({ appendonly: true, args: ["--maxmemory-policy", "allkeys-lru"] });
    expect(await checkRedis(client)).toEqual([eviction]);
  });

  it("finds a Redis that keeps nothing over a restart", async () => {
    expect(await checkRedis(await clientOf({}))).toMatchObject([
      { check: "appendonly", found: "no", severity: "problem" },
    ]);
  });

  it("finds a replica", async () => {
    const client = await clientOf({ appendonly: true, args: ["--replicaof", "127.0.0.1", "1"] });
    expect(await checkRedis(client)).toMatchObject([{ check: "role", found: "slave", wanted: "master" }]);
  });

  it("asks INFO where CONFIG is denied, and calls unknown what is not told", async () => {
    const client = await clientOf({ args: ["--rename-command", "CONFIG", ""] });
    expect(await checkRedis(client)).toMatchObject([{ check: "appendonly", severity: "unknown" }]);
  });

  it("calls everything unknown where INFO and CONFIG are both denied by an ACL", async () => {
    const client = await clientOf({});
    await client.call("ACL", "SETUSER", "default", "-config", "-info");
    const findings = await checkRedis(client);
    expect(findings.map(({ check }) => check)).toEqual(["version", "role", "maxmemory-policy", "appendonly"]);
    expect(new Set(findings.map(({ severity }) => severity))).toEqual(new Set(["unknown"]));
  });

  it("throws when Redis is not there, instead of calling it unknown", async () => {
    const redis = await startTestRedis();
    const client = redis.client();
    await client.ping();
    client.disconnect();
    await redis.stop();
    await expect(checkRedis(client)).rejects.toThrow("Connection is closed");
  });
});

describe("enforceFindings", () => {
  const unknown: Finding = { ...eviction, check: "appendonly", found: "not told", severity: "unknown" };

  it("refuses under production, and names every setting with its remedy", () => {
    const findings = [eviction, { ...eviction, check: "role", remedy: "Use the primary." }, unknown];
    const enforce = (): void => enforceFindings(findings, { production: true, log });
    expect(enforce).toThrow(/maxmemory-policy is allkeys-lru.*CONFIG SET[\s\S]*role is .* Use the primary\./);
    expect(enforce).not.toThrow(/appendonly/);
  });

  it("does not refuse outside production, nor for what is unknown", () => {
    expect(() => enforceFindings([eviction, unknown], { production: false, log })).not.toThrow();
    expect(() => enforceFindings([unknown], { production: true, log })).not.toThrow();
    expect(() => enforceFindings([], { production: true, log })).not.toThrow();
  });

  it("warns of each", () => {
    const lines: string[] = [];
    const collecting = pino({ level: "warn" }, { write: (line: string) => void lines.push(line) });
    enforceFindings([eviction, unknown], { production: false, log: collecting });
    expect(lines.map((line) => (JSON.parse(line) as Finding).check)).toEqual([
      "maxmemory-policy",
      "appendonly",
    ]);
  });
});
