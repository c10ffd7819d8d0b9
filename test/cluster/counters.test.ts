/** Counters on a real cluster: the shards of one hot counter lie on every master, and what all processes count is one sum. */
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Counters } from "../../server/counters/counters.ts";
import { readCounts } from "../../server/counters/counts-reader.ts";
import { Heartbeats } from "../../server/counters/heartbeats.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { COUNTER_SHARDS, counterShardKeys, DEPLOYMENT, presenceKeys } from "../../server/redis/keys.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import type { RedisStore } from "../../server/redis/store.ts";
import { silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";

/** So many that each master gets some for certain, though each process takes a shard at random. */
const PROCESSES = 120;
const DAY = 40_000;

let cluster: TestCluster;
let redis: RedisStore;
beforeAll(async () => {
  cluster = await startTestCluster({ replicas: 0 });
  redis = await connectCommand({ target: { url: cluster.url }, log: silentLog, commandTimeoutMs: 2_000 });
  registerScripts(redis);
});
afterAll(async () => {
  redis.disconnect();
  await cluster.stop();
});

describe("a hot counter", () => {
  test("lies on every master, and each script's keys in one slot", async () => {
    const owners = new Set<string>();
    for (let shard = 0; shard < COUNTER_SHARDS; shard++) {
      const keys = counterShardKeys("hot", shard);
      const slots = [keys.total, keys.day(DAY), keys.lastFlush("p")].map((key) => calculateSlot(key));
      expect(new Set(slots).size).toBe(1);
      owners.add((await cluster.masterOf(keys.total)).id);
    }
    expect(owners.size).toBe(3);
    const { beats, peak, dayPeak } = presenceKeys("hot");
    expect(new Set([beats, peak, dayPeak(DAY)].map((key) => calculateSlot(key))).size).toBe(1);
  });

  test("is added to on every master by many processes, and read as one sum", async () => {
    const processes = Array.from({ length: PROCESSES }, () => new Counters({ redis, daysKept: 2 }));
    for (const [i, counters] of processes.entries()) {
      counters.add("hot", "accepted", i + 1);
      counters.played("hot", [`player-${i % 10}`]);
    }
    await Promise.all(processes.map((counters) => counters.drain()));
    const sum = (PROCESSES * (PROCESSES + 1)) / 2;
    for (const scope of ["hot", DEPLOYMENT]) {
      const { total, days } = await readCounts(redis, scope, 2);
      expect(total.accepted).toBe(sum);
      expect(days[0]).toMatchObject({ players: 10, counts: { accepted: sum } });
    }
    for (const { admin } of await cluster.masters()) {
      const shares = (await admin.keys("rw:{c.hot.*}:counts")).length;
      expect(shares).toBeGreaterThan(0);
    }
  });

  test("counts on through the move of a slot, once", async () => {
    const counters = new Counters({ redis, daysKept: 2 });
    counters.add("moving", "accepted", 1);
    await counters.drain();
    const keys = Array.from(
      { length: COUNTER_SHARDS },
      (_, shard) => counterShardKeys("moving", shard).total,
    );
    const from = await cluster.masterOf(keys[0]!);
    const to = cluster.nodes.find(({ id }) => id !== from.id)!;
    const moves = keys.map((key) => cluster.migrateSlot(calculateSlot(key), to));
    for (let i = 0; i < 20; i++) {
      counters.add("moving", "accepted", 1);
      await eventually(() => counters.drain());
    }
    await Promise.all(moves);
    expect((await readCounts(redis, "moving", 1)).total.accepted).toBe(21);
  });

  test("beats from several processes make one sum and one peak", async () => {
    const beats = [3, 4].map(
      (connections) =>
        new Heartbeats({
          redis,
          ttlMs: 60_000,
          daysKept: 2,
          count: () => new Map([["hot", { connections, players: 1 }]]),
        }),
    );
    for (const one of beats) await one.beat();
    const expected = { connected: { connections: 7, players: 2, gateways: 2 }, peak: { connections: 7 } };
    expect(await readCounts(redis, "hot", 1)).toMatchObject(expected);
    await beats[0]!.leave();
    expect(await readCounts(redis, "hot", 1)).toMatchObject({
      connected: { connections: 4 },
      peak: { connections: 7 },
    });
  });
});
