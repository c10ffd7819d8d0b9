/** What a new season takes over of the old one: kept or decayed, from shards into other shards, exactly once however often it is cut off. */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { carryOver } from "../../server/leaderboard/carry-over.ts";
import { createHasher, type Hasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { withStaged } from "../../server/leaderboard/season-steps.ts";
import { commandConnection, DEDUP } from "../support/builders.ts";
import { Died, GRACE_MS, PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
let hasher: Hasher;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  hasher = await createHasher();
});
afterAll(() => redis.disconnect());

const END = Date.parse("2026-02-01T00:00:00Z");
const SCHEDULE = { cron: "0 0 1 * *", timeZone: "UTC" };
const keep = { ...SCHEDULE, carryOver: { rule: "keep" as const } };
const decay = (factor: number) => ({ ...SCHEDULE, carryOver: { rule: "decay" as const, factor } });

type Run = {
  before: [string, number][];
  early: [string, number][];
  next?: Partial<BoardDefinition>;
  page?: number;
};

/** A season with entries, the next one with others of its own, and the first one frozen; carried over by `carry`. */
async function rolled(
  definition: BoardDefinition,
  { before, early, next = {} }: Run,
  carry?: (from: OpenBoard, to: OpenBoard) => Promise<void>,
) {
  const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("carry");
  const first = await process.put(id, definition);
  await (await Submitter.create(redis, first)).submitMany(before);
  const staged = boardFrom(id, boardDefinition.parse({ ...definition, ...next }));
  await process.registry.change(id, (stored, nowMs) => withStaged(stored, staged, nowMs));
  for (const nowMs of [END - PREOPEN_MS, END]) {
    clock.nowMs = nowMs;
    await process.turn(id);
  }
  const second = await process.registry.get(id);
  await (await Submitter.create(redis, second)).submitMany(early);
  clock.nowMs = END + GRACE_MS;
  if (carry) {
    process.diesAt = "frozen";
    await process.turn(id).catch((error: unknown) => expect(error).toBeInstanceOf(Died));
    await carry(process.registry.hot(id, 1)!, second);
    process.diesAt = undefined;
  }
  await process.turn(id);
  return { process, id, first, second };
}

async function valuesOf(open: OpenBoard): Promise<Record<string, EntryValues>> {
  const { entries } = await new Reader(redis, hasher).page(open, undefined, 1_000);
  return Object.fromEntries(
    entries.map(({ member, score, columns }) => [member, columns ? { score, columns } : { score }]),
  );
}

const scores = async (open: OpenBoard): Promise<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(await valuesOf(open)).map(([member, { score }]) => [member, score as number]),
  );

const many = (count: number): [string, number][] =>
  Array.from({ length: count }, (_, i) => [`m${i}`, i % 50]);

describe("a season that keeps", () => {
  test("begins with every entry, on more shards or fewer, and what was submitted before it came is added or stands", async () => {
    for (const [operator, expected] of [
      ["incr", { a: 12, b: 20, c: 5 }],
      ["best", { a: 10, b: 20, c: 5 }],
      ["set", { a: 2, b: 20, c: 5 }],
    ] as const) {
      for (const shards of [1, 8]) {
        const before: [string, number][] = [
          ["a", 10],
          ["b", 20],
        ];
        const early: [string, number][] = [
          ["a", 2],
          ["c", 5],
        ];
        const board = { operator, columns: [{ name: "p", max: 1_000 }], shards: 4, season: keep };
        const { second } = await rolled(board, { before, early, next: { shards } });
        expect(await scores(second)).toEqual(expected);
      }
    }
  });

  test("of a board that takes away, and of one of wide keys", async () => {
    const lives = {
      operator: "decr" as const,
      columns: [{ name: "lives", min: -100, max: 100 }],
      shards: 2,
      season: keep,
    };
    const taken = await rolled(lives, {
      before: [
        ["a", 10],
        ["b", 20],
      ],
      early: [["a", 3]],
    });
    expect(await scores(taken.second)).toEqual({ a: -13, b: -20 });

    const wide = {
      operator: "best" as const,
      columns: [{ name: "f", type: "float" as const }],
      shards: 2,
      season: keep,
    };
    const floats = await rolled(wide, {
      before: [
        ["a", 0.1],
        ["b", -1e300],
      ],
      early: [
        ["a", 0.05],
        ["c", 7],
      ],
    });
    expect(floats.second.layout.kind).toBe("wide");
    expect(await scores(floats.second)).toEqual({ a: 0.1, b: -1e300, c: 7 });
  });

  test("says so in the score log, as carry, with a gapless number", async () => {
    const board = {
      operator: "incr" as const,
      columns: [{ name: "p", max: 1_000 }],
      shards: 1,
      season: keep,
    };
    const { second } = await rolled(board, { before: [["a", 10]], early: [["b", 1]] });
    const entries = await redis.xrange(second.shards[0]!.log, "-", "+");
    const fields = entries.map(([, flat]) =>
      Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]]] : []))),
    );
    expect(fields.map(({ n, k }) => [n, k])).toEqual([
      ["0", undefined],
      ["1", undefined],
      ["2", "carry"],
    ]);
    expect(fields.at(-1)!.d).toBe("990\ta");
  });

  test("carries every entry once when it is cut off between shards, again and again", async () => {
    const board = {
      operator: "incr" as const,
      columns: [{ name: "p", max: 1_000 }],
      shards: 2,
      season: keep,
    };
    const before = many(900);
    let cuts = 0;
    const { second } = await rolled(
      board,
      { before, early: [["m1", 100]], next: { shards: 4 } },
      async (from, to) => {
        for (let pages = 0; pages < 4; pages++) {
          let left = pages;
          const stillOurs = async (): Promise<void> => {
            if (left-- === 0) throw new Died("page");
          };
          await carryOver({ redis, hasher, limits: DEDUP, from, to, stillOurs }).catch(() => cuts++);
        }
      },
    );
    expect(cuts).toBeGreaterThan(1);
    const expected = { ...Object.fromEntries(before), m1: 101 };
    expect(await scores(second)).toEqual(Object.fromEntries(Object.entries(expected)));
  });
});

describe("a season that decays", () => {
  test("rounds to the decimals of each column and stays in its range", async () => {
    const columns = [{ name: "p", decimals: 1, min: 2, max: 100 }];
    const board = { operator: "best" as const, columns, shards: 2, season: decay(0.5) };
    const { second } = await rolled(board, {
      before: [
        ["a", 10.5],
        ["b", 3],
        ["c", 99.9],
      ],
      early: [],
    });
    expect(await scores(second)).toEqual({ a: 5.3, b: 2, c: 50 });
  });

  test("is what a naive model says, whatever was there before and came early", async () => {
    const entry = fc.tuple(fc.constantFrom("a", "b", "c", "d", "e"), fc.integer({ min: 0, max: 400 }));
    const entries = fc.uniqueArray(entry, { selector: ([member]) => member });
    await fc.assert(
      fc.asyncProperty(
        entries,
        entries,
        fc.constantFrom("incr" as const, "best" as const, "set" as const),
        fc.constantFrom(0.25, 0.5, 0.9),
        async (before, early, operator, factor) => {
          const columns = [{ name: "p", max: 1_000 }];
          const board = { operator, columns, shards: 2, season: decay(factor) };
          const { second } = await rolled(board, { before, early });
          const expected = new Map(early);
          for (const [member, score] of before) {
            const carried = Math.round(score * factor);
            const own = expected.get(member);
            if (own === undefined) expected.set(member, carried);
            else if (operator === "incr") expected.set(member, own + carried);
            else if (operator === "best") expected.set(member, Math.max(own, carried));
          }
          expect(await scores(second)).toEqual(Object.fromEntries(expected));
        },
      ),
      { numRuns: 25 },
    );
  });
});
