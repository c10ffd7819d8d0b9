/** What Rankwire says at its start of a cluster that is not as it must be, and of addresses that lead nowhere. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRedis, enforceFindings } from "../../server/redis/boot-checks.ts";
import { isServing } from "../../server/redis/cluster-health.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import type { RedisStore } from "../../server/redis/store.ts";
import { silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { startServer } from "../support/servers.ts";

let cluster: TestCluster;
let redis: RedisStore;
beforeAll(async () => {
  cluster = await startTestCluster({ masters: 3, replicas: 1 });
  redis = await connect(cluster.url);
});
afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

function connect(url: string): Promise<RedisStore> {
  return connectCommand({ target: { url }, log: silentLog, commandTimeoutMs: 2_000 });
}

describe("a cluster", () => {
  test("as it should be has nothing said of it", async () => {
    expect(await checkRedis(redis)).toEqual([]);
    expect(await isServing(redis)).toBe(true);
  });

  test("is found by any node, past start nodes that are away", async () => {
    const replica = cluster.nodes.at(-1)!;
    for (const url of [`redis://127.0.0.1:1,${replica.url}`, `${replica.url}?cluster=true`]) {
      const found = await connect(url);
      expect(await checkRedis(found)).toEqual([]);
      found.disconnect();
    }
  });

  test("has the setting of each master checked, and the node named", async () => {
    const master = cluster.nodes[1]!;
    await master.admin.config("SET", "maxmemory-policy", "allkeys-lru");
    const findings = await checkRedis(redis);
    await master.admin.config("SET", "maxmemory-policy", "noeviction");
    expect(findings).toMatchObject([
      { check: "maxmemory-policy", found: `allkeys-lru on 127.0.0.1:${master.port}`, severity: "problem" },
    ]);
    const refuse = () => enforceFindings(findings, { production: true, log: silentLog });
    expect(refuse).toThrow(`127.0.0.1:${master.port}`);
  });

  test("with slots that nobody serves is not served, and says how many", async () => {
    const [first] = cluster.nodes;
    for (const { admin } of cluster.nodes)
      await admin.call("CLUSTER", "DELSLOTS", 0, 1, 2).catch(() => undefined);
    await eventually(async () => expect(await isServing(redis)).toBe(false));
    const findings = await checkRedis(redis);
    expect(findings).toContainEqual(expect.objectContaining({ check: "cluster_state", found: "fail" }));
    await first!.admin.call("CLUSTER", "ADDSLOTS", 0, 1, 2);
    await cluster.whole();
    expect(await isServing(redis)).toBe(true);
  });
});

describe("REDIS_URL", () => {
  test("of a wrong form stops the start with the forms that are right", async () => {
    await expect(startServer("http://127.0.0.1:6379")).rejects.toThrow("redis+sentinel://");
  });

  test("of a socket reaches a Redis there", async () => {
    const { startTestRedis } = await import("../support/redis.ts");
    const { testRunFolder } = await import("../support/shared-redis.ts");
    const path = `${testRunFolder()}/socket-${process.pid}`;
    const alone = await startTestRedis({ args: ["--unixsocket", path] });
    const server = await startServer(`unix://${path}`);
    expect((await server.call("GET", "/readyz")).status).toBe(200);
    await server.stop();
    await alone.stop();
  });
});
