/** Ingest under killed connections: submissions of one process keep their order, each is applied once, the queue is bounded. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { Ingest } from "../../server/ingest/ingest.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { commandConnection, DEDUP, openBoard, silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const LIMITS = { batchMax: 200, flightsMax: 4, queueMax: 100_000, deadlineMs: 20_000 };

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await commandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

async function setup(operator: "set" | "incr", limits = LIMITS, dedup = DEDUP, shards = 2) {
  const open = await openBoard(redis, uniqueBoard("order"), {
    operator,
    shards,
    columns: [{ name: "s", max: 1e9 }],
  });
  const hasher = await createHasher();
  const ingest = new Ingest({
    boards: new Map(),
    redis,
    hasher,
    clock: { now: () => Date.now() },
    log: silentLog,
    limits,
    dedup,
  });
  const scoreOf = async (member: string) => {
    const key = await redis.zscore(open.shards[hasher.shardOf(member, shards)]!.entries, member);
    return key === null ? undefined : 1e9 - Number(key);
  };
  return { open, ingest, scoreOf };
}

function outcomes(results: SubmissionResult[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const result of results) {
    const name = result.outcome === "rejected" ? result.error.code : result.outcome;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const MEMBERS = ["a", "b", "c", "d", "e"];

describe("ingest", () => {
  test("keeps the order of submissions and applies each once while connections are killed", {
    timeout: 60_000,
  }, async () => {
    const admin = server.client();
    const set = await setup("set");
    const incr = await setup("incr");
    const waiting: Promise<SubmissionResult[]>[] = [];
    for (let round = 1; round <= 200; round++) {
      const of = (score: number) => MEMBERS.map((member) => ({ member, score }));
      waiting.push(set.ingest.submit(set.open, of(round)), incr.ingest.submit(incr.open, of(1)));
      if (round % 20 === 0) await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      if (round % 30 === 0) await admin.script("FLUSH");
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect(outcomes((await Promise.all(waiting)).flat())).toEqual({ accepted: 2 * 200 * MEMBERS.length });
    for (const member of MEMBERS) {
      expect(await set.scoreOf(member)).toBe(200);
      // Without ids: only the sequence of batches keeps a repeated one from counting twice [R 2].
      expect(await incr.scoreOf(member)).toBe(200);
    }
  });

  test("goes on in order after a batch was refused in the middle of others", async () => {
    const { open, ingest, scoreOf } = await setup(
      "incr",
      { ...LIMITS, batchMax: 2 },
      { ...DEDUP, idsMax: 3 },
    );
    const withIds = ingest.submit(
      open,
      Array.from({ length: 8 }, (_, i) => ({ member: "a", score: 1, id: `i${i}` })),
    );
    const without = ingest.submit(
      open,
      Array.from({ length: 6 }, () => ({ member: "a", score: 100 })),
    );
    const counts = outcomes(await withIds);
    expect(counts).toEqual({ accepted: 2, overloaded: 6 });
    expect(outcomes(await without)).toEqual({ accepted: 6 });
    expect(await scoreOf("a")).toBe(602);
  });

  test("keeps the order of what was under way and what came after it when a batch is refused", async () => {
    const { open, ingest, scoreOf } = await setup(
      "set",
      { ...LIMITS, batchMax: 100 },
      { ...DEDUP, idsMax: 0 },
      1,
    );
    // Batches of more than one read of Redis's, so that their replies come apart.
    const batch = (a: number) => [
      ...Array.from({ length: 99 }, (_, i) => ({ member: `${i}${"x".repeat(120)}`, score: a })),
      { member: "a", score: a },
    ];
    for (let round = 0; round < 20; round++) {
      const withIds = batch(0).map((item) => ({ ...item, id: "full" }));
      const scores = Array.from({ length: 4 + (round % 3) }, (_, i) => 100 * round + 10 - i);
      const refused = ingest.submit(open, withIds);
      const accepted = ingest.submit(open, scores.flatMap(batch));
      expect([outcomes(await refused), outcomes(await accepted)]).toEqual([
        { overloaded: 100 },
        { accepted: 100 * scores.length },
      ]);
      // Four batches are under way when the first is refused; what waits behind them must not overtake the three.
      expect(await scoreOf("a")).toBe(scores.at(-1));
    }
  });

  test("refuses what its queue cannot hold, at once and with a time to come back", async () => {
    const { open, ingest } = await setup("set", { ...LIMITS, queueMax: 10 });
    const results = await ingest.submit(
      open,
      Array.from({ length: 50 }, (_, i) => ({ member: "a", score: i })),
    );
    expect(outcomes(results)).toEqual({ accepted: 10, overloaded: 40 });
    expect(results[49]).toMatchObject({ error: { retryable: true, retryAfterMs: expect.any(Number) } });
  });

  test("says unavailable when the deadline has passed, and works again when Redis is back", {
    timeout: 40_000,
  }, async () => {
    const { open, ingest, scoreOf } = await setup("set", { ...LIMITS, deadlineMs: 300 });
    await ingest.submit(open, [{ member: "a", score: 1 }]);
    await redis.save();
    await server.kill();
    const results = await ingest.submit(open, [{ member: "a", score: 2 }]);
    expect(results[0]).toMatchObject({
      outcome: "rejected",
      error: { code: "unavailable", retryable: true },
    });
    await server.start();
    await eventually(async () => {
      expect(outcomes(await ingest.submit(open, [{ member: "a", score: 3 }]))).toEqual({ accepted: 1 });
    });
    expect(await scoreOf("a")).toBe(3);
  });
});
