/**
 * The merger's view of the shards against a sorted array: merged = the best K of the union, whatever is submitted between reads, with
 * the cutoff raised and lowered on the way [R 6].
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rowOf } from "../../server/leaderboard/codec.ts";
import type { Place } from "../../server/leaderboard/page-cursor.ts";
import { comparePlaces } from "../../server/leaderboard/reader.ts";
import { readStates } from "../../server/leaderboard/top-reader.ts";
import { Candidates } from "../../server/merger/candidates.ts";
import { mergeTops } from "../../server/merger/merge-tops.ts";
import { INT64S } from "../support/arbitrary-board.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { NaiveBoard, type Value } from "../support/naive-board.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const place = fc.record({
  key: fc.integer({ min: 0, max: 20 }),
  rest: fc.constantFrom("-a", "0-", "zz"),
  member: fc.string({ minLength: 1, maxLength: 3 }),
});

describe("merging sorted lists", () => {
  test("gives the first places of the sorted union", () => {
    fc.assert(
      fc.property(fc.array(fc.array(place)), fc.integer({ min: 1, max: 30 }), (lists, limit) => {
        const sorted = lists.map((list) => list.toSorted(comparePlaces));
        const union = lists.flat().sort(comparePlaces).slice(0, limit);
        expect(mergeTops(sorted, limit)).toEqual(union);
      }),
      { numRuns: 1_000 },
    );
  });
});

const MEMBERS = 60;
const MAX = 1_000_000;

type Step =
  | { kind: "submit"; member: number; score: number; low: Value }
  | { kind: "tick" }
  | { kind: "raise" };

const SCORE = { name: "s", max: MAX };
/** On the wide board many entries have one score, which is all that the cutoff knows of them, and differ in the rest. */
const BOARDS = {
  packed: [SCORE],
  wide: [SCORE, { name: "low", type: "int64" as const, order: "asc" as const }],
};

/** Few scores, so that whole groups are tied at the cutoff; many moves, up and down. */
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      member: fc.integer({ min: 0, max: MEMBERS - 1 }),
      score: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 100 })),
      low: fc.constantFrom(...INT64S),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ kind: "tick" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "raise" as const }) },
);

describe("the merger's candidates", () => {
  test.each([
    "packed",
    "wide",
  ] as const)("[R 6] are the best K of a %s board after any submissions, ticks and raised cutoffs", {
    timeout: 120_000,
  }, async (layout) => {
    const columns = BOARDS[layout];
    const scenario = fc.record({
      shards: fc.constantFrom(1, 2, 8),
      size: fc.integer({ min: 1, max: 12 }),
      steps: fc.array(step, { minLength: 20, maxLength: 150 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ shards, size, steps }) => {
        const open = await openBoard(redis, uniqueBoard("merge"), {
          operator: "set",
          shards,
          columns,
        });
        expect(open.layout.kind).toBe(layout);
        const submitter = await Submitter.create(redis, open);
        const candidates = new Candidates(redis, open, "1");
        const model = new NaiveBoard(open.board);
        const tick = async (): Promise<Place[]> => {
          const [state] = await readStates(redis, [open]);
          return candidates.refresh(candidates.dirtyShards(state!), size);
        };
        for (const now of [...steps, { kind: "tick" as const }]) {
          if (now.kind === "submit") {
            const member = `m${now.member}`;
            const { score, low } = now;
            const values = layout === "packed" ? { score } : { score, columns: { low } };
            model.submit({ member, values: [score, low].slice(0, columns.length), id: "", at: 0 });
            await submitter.submitValues(member, values);
          } else if (now.kind === "raise" && model.entries.size > 0) {
            await tick();
            await candidates.raise(size);
          } else {
            const expected = model.ranked().slice(0, size);
            expect((await tick()).map((place) => rowOf(open, place).toSpliced(1, 1))).toEqual(
              expected.map(({ member, values }) => [member, ...values]),
            );
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  test("[R 6] hear of a change between the lowered and the old cutoff, made right after the lowering read", async () => {
    const open = await openBoard(redis, uniqueBoard("lower"), {
      operator: "set",
      shards: 1,
      columns: [{ name: "s", max: MAX }],
    });
    const submitter = await Submitter.create(redis, open);
    for (let i = 0; i < 20; i++) await submitter.submit(`m${i}`, 1000 - i);
    const candidates = new Candidates(redis, open, "1");
    const tick = async (): Promise<Place[]> => {
      const [state] = await readStates(redis, [open]);
      return candidates.refresh(candidates.dirtyShards(state!), 4);
    };
    await tick();
    await candidates.raise(4);
    expect(candidates.cutoff).toBeLessThan(Number.POSITIVE_INFINITY);
    // Six of the best leave: the next tick must lower the cutoff and read in one call.
    for (let i = 0; i < 6; i++) await submitter.submit(`m${i}`, 1);
    expect((await tick()).map(({ member }) => member)).toEqual(["m6", "m7", "m8", "m9"]);
    // Below the old cutoff, above the new one.
    await submitter.submit("m19", 993);
    expect((await tick()).map(({ member }) => member)).toEqual(["m6", "m19", "m7", "m8"]);
  });

  test("are complete when all of the best are on one shard of many", async () => {
    const open = await openBoard(redis, uniqueBoard("skew"), {
      operator: "set",
      shards: 8,
      columns: [{ name: "s", max: MAX }],
    });
    const submitter = await Submitter.create(redis, open);
    const all = Array.from({ length: 400 }, (_, i) => `s${i}`);
    const best = all.filter((member) => submitter.shardOf(member) === 3).slice(0, 30);
    for (const [i, member] of best.entries()) await submitter.submit(member, 1_000 - i);
    for (const member of all.filter((other) => submitter.shardOf(other) !== 3).slice(0, 60))
      await submitter.submit(member, 1);
    const candidates = new Candidates(redis, open, "1");
    expect((await candidates.refresh([], 24)).map(({ member }) => member)).toEqual(best.slice(0, 24));
  });

  test("read no more than their share of a tie group that is far larger than the top", async () => {
    const open = await openBoard(redis, uniqueBoard("ties"), {
      operator: "set",
      shards: 2,
      columns: [{ name: "s", max: MAX }],
    });
    const submitter = await Submitter.create(redis, open);
    for (let i = 0; i < 400; i++) await submitter.submit(`t${String(i).padStart(3, "0")}`, 5);
    const candidates = new Candidates(redis, open, "1");
    const tick = async (): Promise<Place[]> => {
      const [state] = await readStates(redis, [open]);
      return candidates.refresh(candidates.dirtyShards(state!), 10);
    };
    const first = await tick();
    expect(first.map(({ member }) => member)).toEqual(Array.from({ length: 10 }, (_, i) => `t00${i}`));
    await candidates.raise(10);
    await submitter.submit("t399", 9);
    expect((await tick())[0]).toMatchObject({ member: "t399" });
    await submitter.submit("t000", 1);
    expect((await tick()).map(({ member }) => member)).toEqual([
      "t399",
      ...Array.from({ length: 9 }, (_, i) => `t00${i + 1}`),
    ]);
  });
});
