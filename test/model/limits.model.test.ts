/**
 * The three limits against naive ones: random takes of a few callers over three connections at once, on a clock that jumps ahead and
 * back. Within one instant the order of takes is Redis's to choose, so that counts and waits are compared. fast-check prints the seed.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { takeFromWindow } from "../../server/limits/fixed-window.ts";
import { intervalUs } from "../../server/limits/local-bucket.ts";
import { takeAttempt } from "../../server/limits/sliding-window.ts";
import { hashOf } from "../../server/limits/subject.ts";
import { TokenBuckets } from "../../server/limits/token-buckets.ts";
import { bucketsKey, limitKey } from "../../server/redis/keys.ts";
import { commandConnection } from "../support/builders.ts";
import { NaiveBuckets, NaiveFixedWindow, NaiveSlidingWindow } from "../support/naive-limits.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const START_MS = 1_800_000_000_000;
/** Longer than any run, so that Redis's own expiry, which is real time, has no say. */
const WINDOW_MS = 600_000;

let connections: Redis[];
beforeAll(async () => {
  connections = await Promise.all([1, 2, 3].map(() => commandConnection(sharedRedisUrl())));
});
afterAll(() => {
  for (const connection of connections) connection.disconnect();
});

type Take = { caller: number; connection: number };
/** The clock moves by so much, then all takes go out at once. */
type Step = { moveMs: number; takes: Take[] };

const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    moveMs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: WINDOW_MS / 4 }) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(0, 1, WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1, 10 * WINDOW_MS),
      },
      { weight: 1, arbitrary: fc.integer({ min: -3 * WINDOW_MS, max: -1 }) },
    ),
    takes: fc.array(
      fc.record({ caller: fc.integer({ min: 0, max: 2 }), connection: fc.integer({ min: 0, max: 2 }) }),
      { maxLength: 12 },
    ),
  }),
  { maxLength: 12 },
);
const anyLimit = fc.integer({ min: 1, max: 8 });

/** Answers of one instant as sorted text by caller: what does not depend on the order. */
function byCaller(takes: readonly Take[], answers: readonly unknown[]): string[][] {
  const lists: string[][] = [[], [], []];
  for (const [i, { caller }] of takes.entries()) lists[caller]!.push(JSON.stringify(answers[i]));
  for (const list of lists) list.sort();
  return lists;
}

async function play(
  steps: readonly Step[],
  real: (take: Take, nowMs: number) => Promise<unknown>,
  naive: (take: Take, nowMs: number) => unknown,
  after?: () => Promise<void>,
): Promise<void> {
  let nowMs = START_MS;
  for (const { moveMs, takes } of steps) {
    nowMs += moveMs;
    const answers = await Promise.all(takes.map((take) => real(take, nowMs)));
    const expected = takes.map((take) => naive(take, nowMs));
    expect(byCaller(takes, answers)).toEqual(byCaller(takes, expected));
    await after?.();
  }
}

describe("over several connections and on any clock", () => {
  test("a fixed window lets as many pass as one process would", async () => {
    await fc.assert(
      fc.asyncProperty(anyLimit, anySteps, async (limit, steps) => {
        const subject = uniqueBoard("caller");
        const models = [0, 1, 2].map(() => new NaiveFixedWindow(limit, WINDOW_MS));
        await play(
          steps,
          async ({ caller, connection }, nowMs) => {
            const size = { limit, windowMs: WINDOW_MS };
            const redis = connections[connection]!;
            const quota = await takeFromWindow(redis, "test", `${subject} ${caller}`, size, () => nowMs);
            return { left: quota.refused ? "refused" : quota.left, resetMs: quota.resetMs };
          },
          ({ caller }, nowMs) => models[caller]!.take(nowMs),
        );
      }),
      { numRuns: 60 },
    );
  });

  test("a sliding window does, and keeps what it accepted only", async () => {
    await fc.assert(
      fc.asyncProperty(anyLimit, anySteps, async (limit, steps) => {
        const subject = uniqueBoard("caller");
        const models = [0, 1, 2].map(() => new NaiveSlidingWindow(limit, WINDOW_MS));
        await play(
          steps,
          ({ caller, connection }, nowMs) => {
            const size = { limit, windowMs: WINDOW_MS };
            return takeAttempt(connections[connection]!, "test", `${subject} ${caller}`, size, () => nowMs);
          },
          ({ caller }, nowMs) => models[caller]!.take(nowMs),
          async () => {
            for (const [caller, model] of models.entries()) {
              const key = limitKey("test", hashOf(`${subject} ${caller}`));
              expect(await connections[0]!.zcard(key)).toBe(model.taken.length);
            }
          },
        );
      }),
      { numRuns: 60 },
    );
  });

  test("token buckets do, and full ones take no memory", async () => {
    const anySize = fc.record({
      perSecond: fc.constantFrom(0.01, 0.03, 0.3, 1, 7),
      burst: fc.integer({ min: 1, max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(anySize, anySteps, async (size, steps) => {
        const name = uniqueBoard("buckets");
        let clockMs = START_MS;
        const real = connections.map((redis) => new TokenBuckets(redis, name, size, () => clockMs));
        const model = new NaiveBuckets(intervalUs(size), size.burst);
        await play(
          steps,
          ({ caller, connection }, nowMs) => {
            clockMs = nowMs;
            return real[connection]!.take(`caller ${caller}`);
          },
          ({ caller }, nowMs) => model.take(`caller ${caller}`, nowMs),
          async () => expect(await connections[0]!.zcard(bucketsKey(name, 0))).toBe(model.size),
        );
      }),
      { numRuns: 80 },
    );
  });
});
