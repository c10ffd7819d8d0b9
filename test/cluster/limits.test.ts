/** Limits on a real cluster: buckets spread over its masters, and still counted exactly by two gateways together. */
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TokenBuckets } from "../../server/limits/token-buckets.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { bucketsKey } from "../../server/redis/keys.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import type { RedisStore } from "../../server/redis/store.ts";
import { silentLog } from "../support/builders.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const MEMBERS = 60;
const BURST = 3;

let cluster: TestCluster;
let gateways: RedisStore[];
beforeAll(async () => {
  cluster = await startTestCluster({ replicas: 0 });
  const target = { url: cluster.url };
  gateways = await Promise.all(
    [1, 2].map(() => connectCommand({ target, log: silentLog, commandTimeoutMs: 5_000 })),
  );
  for (const gateway of gateways) registerScripts(gateway);
});
afterAll(async () => {
  for (const gateway of gateways) gateway.disconnect();
  await cluster.stop();
});

const takesOf = (buckets: readonly TokenBuckets[]) =>
  Array.from({ length: MEMBERS * 8 }, (_, i) => {
    const member = i % MEMBERS;
    return buckets[i % 2]!.take(`member ${member}`).then((waitMs) => ({ member, waitMs }));
  });

test("token buckets lie on every master, and give out no more than they hold", async () => {
  const buckets = gateways.map((redis) => new TokenBuckets(redis, "test", { perSecond: 0.01, burst: BURST }));
  const taken = (await Promise.all(takesOf(buckets))).filter(({ waitMs }) => waitMs === 0);
  for (let member = 0; member < MEMBERS; member++) {
    expect(taken.filter((one) => one.member === member)).toHaveLength(BURST);
  }
  const masters = new Set<string>();
  let entries = 0;
  for (let slot = 0; slot < 16; slot++) {
    const key = bucketsKey("test", slot);
    const master = await cluster.masterOf(key);
    const held = await master.admin.zcard(key);
    if (held > 0) masters.add(master.id);
    entries += held;
  }
  expect([masters.size, entries]).toEqual([3, MEMBERS]);
});

test("a slot that moves meanwhile loses no count", { timeout: 30_000 }, async () => {
  const buckets = gateways.map(
    (redis) => new TokenBuckets(redis, "moved", { perSecond: 0.01, burst: BURST }),
  );
  const takes = takesOf(buckets);
  const key = bucketsKey("moved", 0);
  const from = await cluster.masterOf(key);
  const to = (await cluster.masters()).find(({ id }) => id !== from.id)!;
  await cluster.migrateSlot(calculateSlot(key), to);
  const first = await Promise.all(takes);
  const second = await Promise.all(takesOf(buckets));
  const taken = [...first, ...second].filter(({ waitMs }) => waitMs === 0);
  expect(taken).toHaveLength(MEMBERS * BURST);
});

test("quotas and sign-ins are counted over gateways too", async () => {
  const settings = { HTTP_KEY_REQUESTS: "30", SIGN_INS_PER_PLAYER: "4" };
  const servers: TestServer[] = [
    await startServer(cluster.url, settings),
    await startServer(cluster.url, settings),
  ];
  try {
    const calls = Array.from({ length: 40 }, (_, i) =>
      servers[i % 2]!.call("POST", "/v1/sessions", { key: SERVER_KEY, body: { member: `p${i % 5}` } }),
    );
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    const reached = statuses.filter((status) => status === 201).length;
    // 30 requests pass the quota; of those each of the five players signs in four times at most.
    expect(reached).toBeLessThanOrEqual(20);
    expect(reached).toBeGreaterThan(10);
    expect(new Set(statuses)).toEqual(new Set([201, 429]));
  } finally {
    for (const server of servers) await server.stop();
  }
});
