/**
 * The rank index against a sorted array: under every law of scores, standing still and drifting, the counts are exact at the boundaries
 * and every member's true rank lies within what the index states.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../demo/random.ts";
import { LAW_NAMES, LAWS, SCORE_MAX } from "../../loadtest/bench/score-laws.ts";
import { countBelow } from "../../loadtest/bench/statistics.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { packKey } from "../../server/leaderboard/packing.ts";
import { readStates } from "../../server/leaderboard/top-reader.ts";
import { IndexBuilder } from "../../server/merger/index-builder.ts";
import { decodeIndex, encodeIndex } from "../../server/rank-index/index-frame.ts";
import { nextAfter, RankIndex } from "../../server/rank-index/rank-index.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const scenario = fc.record({
  law: fc.constantFrom(...LAW_NAMES),
  order: fc.constantFrom("desc" as const, "asc" as const),
  shards: fc.constantFrom(1, 4, 16),
  topSize: fc.constantFrom(1, 10, 200),
  members: fc.integer({ min: 0, max: 3_000 }),
  seed: fc.integer(),
  /** Of the members, how many change in each round; and whether their scores only grow. */
  rounds: fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), drift: fc.boolean() }), {
    maxLength: 4,
  }),
});

function keysOf({ layout }: OpenBoard, scores: Map<string, number>): number[] {
  return [...scores.values()].map((score) => packKey(layout.head, [score], 0)).sort((a, b) => a - b);
}

function expectTrue(index: RankIndex, keys: readonly number[]): void {
  expect(index.facts.total).toBe(keys.length);
  index.boundaries.forEach((key, i) => {
    expect(index.below[i], `count at boundary ${i}`).toBe(countBelow(keys, key));
    if (i > 0) expect(key).toBeGreaterThan(index.boundaries[i - 1]!);
  });
  for (const key of keys) {
    const { before, low, high } = index.estimate(key);
    const truth = countBelow(keys, key);
    expect(truth).toBeGreaterThanOrEqual(low);
    expect(truth).toBeLessThanOrEqual(high);
    expect(before).toBeGreaterThanOrEqual(low);
    expect(before).toBeLessThanOrEqual(high);
  }
}

describe("the rank index", () => {
  test("is exact at its boundaries and true within its bounds, whatever changes", {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ law, order, shards, topSize, members, seed, rounds }) => {
        const columns = [{ name: "s", max: SCORE_MAX * 2 }];
        const open = await openBoard(redis, uniqueBoard("index"), {
          operator: "set",
          order,
          shards,
          topSize,
          columns,
        });
        const submitter = await Submitter.create(redis, open);
        const builder = new IndexBuilder({ redis, now: () => Date.now(), token: "1" });
        const random = randomFrom(seed);
        const scores = new Map(Array.from({ length: members }, (_, i) => [`m${i}`, LAWS[law](random())]));
        await submitter.submitMany(scores);
        for (const { share, drift } of [{ share: 0, drift: false }, ...rounds]) {
          const changes = [...scores]
            .filter(() => random() < share)
            .map(([member, score]): [string, number] => {
              return [
                member,
                drift ? Math.min(2 * SCORE_MAX, score + LAWS[law](random())) : LAWS[law](random()),
              ];
            });
          await submitter.submitMany(changes);
          for (const [member, score] of changes) scores.set(member, score);
          const [state] = await readStates(redis, [open]);
          expectTrue(await builder.refresh(open, state!), keysOf(open, scores));
        }
      }),
      { numRuns: 40 },
    );
  });

  test.each(
    LAW_NAMES,
  )("keeps cells near one spacing of their rank, and heavy ties in cells of their own: %s", async (law) => {
    const columns = [{ name: "s", max: SCORE_MAX }];
    const open = await openBoard(redis, uniqueBoard("cells"), {
      operator: "set",
      shards: 8,
      topSize: 100,
      columns,
    });
    const submitter = await Submitter.create(redis, open);
    const random = randomFrom(7);
    const scores = new Map(Array.from({ length: 20_000 }, (_, i) => [`m${i}`, LAWS[law](random())]));
    await submitter.submitMany(scores);
    const builder = new IndexBuilder({ redis, now: () => Date.now(), token: "1" });
    const [state] = await readStates(redis, [open]);
    await builder.refresh(open, state!);
    await submitter.submit("m0", 1);
    const [after] = await readStates(redis, [open]);
    const index = await builder.refresh(open, after!);
    expect(index.cells).toBeLessThan(1_500);
    for (let cell = 1; cell < index.cells; cell++) {
      const alone = index.boundaries[cell] === nextAfter(index.boundaries[cell - 1]!);
      const held = index.upper(cell) - index.lower(cell);
      // 0.7 × ln(20,000 / 50) / 1,000 is 0.42 %; twice of it, and a few for small cells.
      if (!alone)
        expect(held, `cell ${cell} behind ${index.lower(cell)}`).toBeLessThanOrEqual(
          Math.max(8, 0.02 * index.lower(cell)),
        );
    }
  });

  test("survives its frame", () => {
    const index = new RankIndex(
      {
        incarnation: "abc_-",
        token: 1_790_000_000_124,
        sequence: 77,
        asOf: 1_790_000_000_123,
        total: 4_000_000_000,
        ns: [0, 7, 2 ** 40],
      },
      Float64Array.from([-1.5, 0, 1e-300, 2 ** 53]),
      Float64Array.from([0, 1, 5, 4_000_000_000]),
    );
    expect(decodeIndex(encodeIndex(index))).toEqual(index);
    expect(decodeIndex(Buffer.alloc(0))).toBeUndefined();
  });
});
