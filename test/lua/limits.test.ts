/** What the limits' scripts promise besides their counts: memory that ends by itself, Redis's own clock, and nobody locked out by it. */
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { takeFromWindow } from "../../server/limits/fixed-window.ts";
import { Limits } from "../../server/limits/limits.ts";
import { createLimitsMetrics } from "../../server/limits/limits-metrics.ts";
import { LocalBucket } from "../../server/limits/local-bucket.ts";
import { takeAttempt } from "../../server/limits/sliding-window.ts";
import { hashOf } from "../../server/limits/subject.ts";
import { TokenBuckets } from "../../server/limits/token-buckets.ts";
import { bucketsKey, limitKey } from "../../server/redis/keys.ts";
import { commandConnection, silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const HOUR_MS = 3_600_000;

function many<T>(count: number, make: (i: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => make(i)));
}

describe("sign-ins", () => {
  const size = { limit: 1_000, windowMs: 60_000 };
  const bucket = { perSecond: 0, burst: 1 };
  const limitsOf = (address: number, player: number): Limits =>
    new Limits({
      redis,
      sizes: {
        requests: { key: size, player: size, address: size },
        signIns: { address: { ...size, limit: address }, player: { ...size, limit: player } },
        submissions: { player: bucket, socket: bucket },
        connections: bucket,
      },
      whenAway: "closed",
      metrics: createLimitsMetrics(new Registry()),
      log: silentLog,
    });
  const limitOf = (attempt: Promise<void>): Promise<unknown> =>
    attempt.then(
      () => "taken",
      ({ code, retryAfterMs, details }) => code === "limited" && retryAfterMs > 0 && details.limit,
    );

  test("are limited by address and by player, and an address that is refused uses up nobody's attempts", async () => {
    const limits = limitsOf(4, 2);
    const [address, other, ada] = ["a", "b", "ada"].map(uniqueBoard) as [string, string, string];
    const outcomes: unknown[] = [];
    for (const member of ["bob", "cleo", "dora", "emil", ada, ada]) {
      outcomes.push(await limitOf(limits.takeSignIn({ address, member: `${address} ${member}` })));
    }
    expect(outcomes).toEqual([...Array(4).fill("taken"), "sign_ins_address", "sign_ins_address"]);
    const take = { address: other, member: `${address} ${ada}` };
    expect(await limitOf(limits.takeSignIn(take))).toBe("taken");
    expect(await limitOf(limits.takeSignIn(take))).toBe("taken");
    expect(await limitOf(limits.takeSignIn(take))).toBe("sign_ins_player");
    expect(await limitOf(limits.takeSignIn({ address: uniqueBoard("c") }))).toBe("taken");
  });

  test("at the same moment pass as often as the limit says", async () => {
    const [first, second] = [limitsOf(1_000, 7), limitsOf(1_000, 7)];
    const member = uniqueBoard("ada");
    const outcomes = await many(40, (i) => limitOf((i % 2 ? first : second).takeSignIn({ member })));
    expect(outcomes.filter((outcome) => outcome === "taken")).toHaveLength(7);
  });
});

describe("memory", () => {
  test("of a fixed window is two fields, gone with the window", async () => {
    const [name, subject] = ["fixed", uniqueBoard("caller")];
    const key = limitKey(name, hashOf(subject));
    await many(500, () => takeFromWindow(redis, name, subject, { limit: 5, windowMs: 2_000 }));
    expect(await redis.hlen(key)).toBe(2);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    await eventually(async () => expect(await redis.exists(key)).toBe(0));
  });

  test("of a sliding window is an entry for each accepted attempt, however many are refused", async () => {
    const [name, subject] = ["sliding", uniqueBoard("caller")];
    const key = limitKey(name, hashOf(subject));
    const waits = await many(500, () => takeAttempt(redis, name, subject, { limit: 5, windowMs: 2_000 }));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(5);
    expect(await redis.zcard(key)).toBe(5);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    await eventually(async () => expect(await redis.exists(key)).toBe(0));
  });

  test("of token buckets is an entry for each that is not full, and none when nobody comes", async () => {
    const name = uniqueBoard("buckets");
    const key = bucketsKey(name, 0);
    let nowMs = Date.now();
    const buckets = new TokenBuckets(redis, name, { perSecond: 100, burst: 200 }, () => nowMs);
    await many(1_200, (i) => buckets.take(`caller ${i}`));
    expect(await redis.zcard(key)).toBe(1_200);
    nowMs += 2_000;
    // Each call removes a bounded number of full ones.
    await buckets.take("another");
    expect(await redis.zcard(key)).toBe(1_200 - 102 + 1);
    for (let i = 0; i < 20; i++) await buckets.take("another");
    expect(await redis.zcard(key)).toBe(1);
    expect(await redis.pttl(key)).toBeGreaterThan(0);
    await eventually(async () => expect(await redis.exists(key)).toBe(0));
  });

  test("holds neither a key's text nor an address of a quota", async () => {
    const secret = uniqueBoard("secret-key");
    await takeFromWindow(redis, "requests-key", secret, { limit: 5, windowMs: 60_000 });
    expect(await redis.keys(`*${secret}*`)).toEqual([]);
  });
});

describe("Redis's own clock", () => {
  test("opens the next window", async () => {
    const [name, subject] = ["fixed", uniqueBoard("caller")];
    const size = { limit: 2, windowMs: 1_500 };
    const quotas = [];
    for (let i = 0; i < 3; i++) quotas.push(await takeFromWindow(redis, name, subject, size));
    expect(quotas.map(({ refused, left }) => [refused, left])).toEqual([
      [false, 1],
      [false, 0],
      [true, 0],
    ]);
    expect(quotas[2]!.resetMs).toBeGreaterThan(0);
    expect(quotas[2]!.resetMs).toBeLessThanOrEqual(1_500);
    await eventually(async () =>
      expect(await takeFromWindow(redis, name, subject, size)).toMatchObject({ refused: false }),
    );
  });

  test("gives a token back when it said it would", async () => {
    const buckets = new TokenBuckets(redis, uniqueBoard("buckets"), { perSecond: 5, burst: 2 });
    const waits = await many(3, () => buckets.take("ada"));
    const waitMs = Math.max(...waits);
    expect(waits.filter((one) => one === 0)).toHaveLength(2);
    expect(waitMs).toBeGreaterThan(100);
    expect(waitMs).toBeLessThanOrEqual(200);
    const startedAt = performance.now();
    await eventually(async () => expect(await buckets.take("ada")).toBe(0), { everyMs: 5 });
    expect(performance.now() - startedAt).toBeGreaterThan(waitMs - 60);
  });
});

describe("a clock that goes back by hours", () => {
  test("locks nobody out of a fixed window, and opens no second one", async () => {
    const subject = uniqueBoard("caller");
    const size = { limit: 1, windowMs: 60_000 };
    const take = (nowMs: number) => takeFromWindow(redis, "fixed", subject, size, () => nowMs);
    const now = 10_000 * HOUR_MS;
    expect(await take(now)).toMatchObject({ refused: false });
    expect(await take(now - 5 * HOUR_MS)).toMatchObject({ refused: true, resetMs: 60_000 });
    expect(await take(now - 5 * HOUR_MS + 60_000)).toMatchObject({ refused: false });
  });

  test("locks nobody out of a sliding window for longer than one span", async () => {
    const subject = uniqueBoard("caller");
    const size = { limit: 1, windowMs: 60_000 };
    const take = (nowMs: number) => takeAttempt(redis, "sliding", subject, size, () => nowMs);
    const now = 10_000 * HOUR_MS;
    expect(await take(now)).toBe(0);
    expect(await take(now - 5 * HOUR_MS)).toBe(60_000);
    expect(await take(now - 5 * HOUR_MS + 60_000)).toBe(0);
  });

  test("leaves a bucket empty at worst", async () => {
    let nowMs = 10_000 * HOUR_MS;
    const buckets = new TokenBuckets(redis, uniqueBoard("b"), { perSecond: 0.1, burst: 3 }, () => nowMs);
    expect(await many(4, () => buckets.take("ada"))).toEqual([0, 0, 0, 10_000]);
    nowMs -= 5 * HOUR_MS;
    expect(await buckets.take("ada")).toBe(10_000);
    nowMs += 10_000;
    expect(await many(2, () => buckets.take("ada"))).toEqual([0, 10_000]);
  });
});

test("a bucket in memory counts as the one in Redis does", async () => {
  let nowMs = 1_000;
  const size = { perSecond: 3, burst: 4 };
  const local = new LocalBucket(size, () => nowMs * 1000);
  const shared = new TokenBuckets(redis, uniqueBoard("b"), size, () => nowMs);
  for (let i = 0; i < 60; i++) {
    nowMs += (i * 37) % 400;
    expect(local.take()).toBe(await shared.take("ada"));
  }
});
