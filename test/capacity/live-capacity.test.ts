/** What the running deployment is measured to take: over HTTP, by the command, on a cluster, and by a bounded walk over the keys. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { LiveCapacity } from "../../server/cli/capacity-live.ts";
import { sampleKeys } from "../../server/redis/key-samples.ts";
import { kindOfKey, shardKeys } from "../../server/redis/keys.ts";
import { Sessions } from "../../server/sessions/sessions.ts";
import { commandConnection } from "../support/builders.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { startTestCluster } from "../support/redis-cluster.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { memberOf } from "./board-measures.ts";

const MEMBERS = 20_000;
const SESSIONS = 2_000;

let store: TestRedis;
let redis: Redis;
let server: TestServer;
beforeAll(async () => {
  store = await startTestRedis();
  redis = await commandConnection(store.url);
  server = await startServer(store.url);
  await fillServer(server, MEMBERS);
  const sessions = new Sessions(redis, { idleMs: 600_000, maxMs: 600_000, keptMax: 5 });
  await Promise.all(Array.from({ length: SESSIONS }, (_, i) => sessions.open(memberOf(i))));
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
  await store.stop();
});

async function fillServer(to: TestServer, members: number): Promise<void> {
  await to.createBoard("live", { operator: "best", shards: 4 });
  for (let at = 0; at < members; at += 10_000) {
    const length = Math.min(10_000, members - at);
    const submissions = Array.from({ length }, (_, i) => ({ member: memberOf(at + i), score: at + i }));
    await to.call("POST", "/v1/boards/live/scores", { key: SERVER_KEY, body: { submissions } });
  }
}

const measured = async (of: TestServer, key = ADMIN_KEY) =>
  (await of.call<LiveCapacity>("GET", "/v1/admin/capacity", { key })).body;
const part = ({ parts }: LiveCapacity, name: string) => parts.find((one) => one.part === name);

/** Asynchronous, because the store is served by this process's children meanwhile. */
async function command(env: Record<string, string>, ...args: string[]) {
  const child = spawn(
    process.execPath,
    ["--import", "tsx", "server/cli/main.ts", "capacity", "--live", ...args],
    {
      env: { ...process.env, ...env },
    },
  );
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk) => {
    out += chunk;
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const [code] = await once(child, "close");
  return { out, err, code };
}

describe("GET /v1/admin/capacity", () => {
  test("says what each part takes, close to what the plan says of as many", async () => {
    const live = await measured(server);
    expect(part(live, "entries")).toMatchObject({ keys: 8 + 4, elements: expect.any(Number) });
    // MEMORY USAGE leaves out the table of expiries and the slots: 48 of a session's 266 bytes.
    const shares = { entries: 0.2, sessions: 0.3, "published top": 0.2 };
    for (const [name, share] of Object.entries(shares)) {
      const { bytes, plannedBytes } = part(live, name)!;
      expect(Math.abs(bytes / plannedBytes! - 1), `${name}: ${bytes}, planned ${plannedBytes}`).toBeLessThan(
        share,
      );
    }
    expect(part(live, "sessions")).toMatchObject({ keys: SESSIONS, elements: SESSIONS });
    const [used] = live.nodes;
    expect(used).toMatchObject({ node: "redis", maxBytes: 0, policy: "noeviction", full: false });
    expect(live.parts.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(used!.usedBytes);
    // A few keys come and go with heartbeats, limits and merger's leases between the two looks: one in a hundred is allowed.
    expect(Math.abs(live.sampled.keys - (await redis.dbsize()))).toBeLessThan(0.01 * live.sampled.keys);
    expect(live.sampled.seen).toBeGreaterThanOrEqual(live.sampled.keys);
  });

  test("is for admins", async () => {
    expect((await server.call("GET", "/v1/admin/capacity", { key: SERVER_KEY })).status).toBe(403);
    expect((await server.call("GET", "/v1/admin/capacity")).status).toBe(401);
  });

  test("covers every master of a cluster", { timeout: 60_000 }, async () => {
    const cluster = await startTestCluster({ masters: 3, replicas: 0 });
    onTestFinished(() => cluster.stop());
    const on = await startServer(cluster.url);
    onTestFinished(() => on.stop());
    await fillServer(on, 2_000);
    const live = await measured(on);
    expect(live.nodes.map(({ node }) => node).sort()).toEqual(
      cluster.nodes.map(({ port }) => `127.0.0.1:${port}`).sort(),
    );
    const sizes = await Promise.all(cluster.nodes.map(({ admin }) => admin.dbsize()));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    // A few keys come and go with heartbeats and limits between the two looks; one master's share is many more.
    const all = sizes.reduce((a, b) => a + b);
    expect(Math.abs(live.sampled.keys - all)).toBeLessThan(Math.min(6, ...sizes));
    expect(part(live, "entries")!.elements).toBeGreaterThanOrEqual(2_000);
  });
});

describe("rankwire capacity --live", () => {
  test("measures the Redis of the settings, as a table or as JSON", async () => {
    const env = { REDIS_URL: store.url, DATA_DIR: store.dir };
    const json = await command(env, "--json");
    expect([json.err, json.code]).toEqual(["", 0]);
    const live = JSON.parse(json.out) as LiveCapacity;
    expect(part(live, "sessions")).toMatchObject({ keys: SESSIONS });
    const { out } = await command(env);
    expect(out).toContain("| entries ");
    expect(out).toMatch(/Of [\d,]+ keys [\d,]+ were looked at by SCAN/);
  });

  test("says where it looked when nothing runs there", async () => {
    const { err, code } = await command({ REDIS_URL: "", DATA_DIR: store.dir });
    expect(code).toBe(1);
    expect(err).toContain(`No Redis runs in ${store.dir}`);
  });
});

describe("a walk over the keys", () => {
  test("ends at its limits, and what was seen stands for the rest", async () => {
    const whole = await sampleKeys(redis, { keysMax: 1e6, measuredMax: 1e6 });
    const some = await sampleKeys(redis, { keysMax: 500, measuredMax: 50 });
    expect(some.keys).toBe(whole.keys);
    expect(some.seen).toBeLessThan(1_000);
    const of = (usage: typeof whole) => usage.kinds.find(({ kind }) => kind === "sessions")!;
    expect(of(some).measured).toBe(50);
    expect(of(some).bytes / of(whole).bytes).toBeGreaterThan(0.8);
    expect(of(some).bytes / of(whole).bytes).toBeLessThan(1.2);
  });

  test("knows every key by its name", () => {
    const [keys] = shardKeys("f1", 3, 8);
    expect([keys!.entries, keys!.idsNow, keys!.log].map(kindOfKey)).toEqual(["entries", "ids-now", "log"]);
    const named = [
      "rw:{f1}:3:frames",
      "rw:{s.abc}:sessions",
      "rw:{l.xyz}:http-key",
      "rw:{c.f1.0.12}:counts:20417",
    ];
    expect(named.map(kindOfKey)).toEqual(["frames", "sessions", "limits", "counters"]);
    expect(["rw:profile:7", "rw:active", "other:key"].map(kindOfKey)).toEqual([
      "profile",
      "active",
      "foreign",
    ]);
  });
});
