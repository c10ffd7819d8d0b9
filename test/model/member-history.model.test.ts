/**
 * Random scores of a few members on packed and wide boards, with archivers that come and go. A naive model remembers every board as it was
 * after each step: the curve of a member, and who has passed whom since when, are what the model says.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it, test } from "vitest";
import { StoredSeasons } from "../../server/archive/stored-seasons.ts";
import type { Database } from "../../server/database/database.ts";
import { MemberHistory } from "../../server/history/member-history.ts";
import { PassedMembers } from "../../server/history/passed-members.ts";
import { PastSeasons } from "../../server/history/past-seasons.ts";
import { PastTops } from "../../server/history/past-tops.ts";
import { compareKeys, reduced, type SeriesPoint } from "../../server/history/series.ts";
import { removeEntries, setSight } from "../../server/leaderboard/direct-writes.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { TestArchive } from "../support/archive.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const member = fc.integer({ min: 0, max: 4 }).map((i) => `m${i}`);
const step = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      member,
      score: fc.integer({ min: 0, max: 9 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), member }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("archive" as const) }) },
);
const COLUMNS = {
  packed: [{ name: "s", max: 1e6 }],
  wide: [{ name: "s", type: "float" as const }],
};
const ROWS_MAX = 1_000;
const SCORES = { withRanks: false, isHot: true };

/** An instant by Redis's clock at which nothing happens. */
async function quietInstant(): Promise<number> {
  const now = async (): Promise<number> => {
    const [s, us] = await redis.time();
    return Number(s) * 1_000 + Math.floor(Number(us) / 1_000);
  };
  const begin = await now();
  let at = begin;
  while (at < begin + 1) at = await now();
  while ((await now()) === at);
  return at;
}

type Checkpoint = { atMs: number; scores: ReadonlyMap<string, number> };

describeOnBoth("members over time", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  /** Plays the steps on a board of its own. */
  async function played(steps: readonly Step[], layout: "packed" | "wide") {
    const open = await openBoard(redis, uniqueBoard("curve"), {
      operator: "set",
      shards: 2,
      columns: COLUMNS[layout],
    });
    const archive = await TestArchive.of(database, open);
    const submitter = await Submitter.create(redis, open);
    const scores = new Map<string, number>();
    const checkpoints: Checkpoint[] = [{ atMs: await quietInstant(), scores: new Map() }];
    for (const one of steps) {
      if (one.kind === "archive") {
        await archive.archiver(redis).turn();
        continue;
      }
      if (one.kind === "submit") {
        await submitter.submit(one.member, one.score);
        scores.set(one.member, one.score);
      } else {
        await removeEntries(redis, open, submitter.shardOf(one.member), [one.member], { limits: DEDUP });
        scores.delete(one.member);
      }
      checkpoints.push({ atMs: await quietInstant(), scores: new Map(scores) });
    }
    await archive.catchUp(redis);
    return { open, checkpoints, scores, submitter, archive };
  }

  it("have the curve of their scores, and of each instant those who have passed them since", async () => {
    const hasher = await createHasher();
    const reader = new Reader(redis, hasher);
    const seasons = new StoredSeasons(database);
    const past = new PastSeasons(database, seasons);
    const tops = new PastTops({ redis, database, seasons });
    const history = new MemberHistory({ database, past, tops, hasher, rowsMax: ROWS_MAX });
    const passing = new PassedMembers({ database, reader, rowsMax: ROWS_MAX });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 3, maxLength: 18, size: "max" }),
        fc.constantFrom("packed" as const, "wide" as const),
        async (steps, layout) => {
          const { open, checkpoints, scores } = await played(steps, layout);
          const last = checkpoints.at(-1)!;
          for (const who of ["m0", "m1", "m2"]) {
            const range = { fromMs: checkpoints[0]!.atMs, toMs: last.atMs, points: 100, ...SCORES };
            const curve = await history.curve(open, who, range);
            expect(curve.complete).toBe(true);
            for (const { atMs, scores: then } of checkpoints) {
              const point = curve.scores.findLast((one) => one.atMs <= atMs);
              expect(point?.values?.score, `${who} at ${atMs}`).toBe(then.get(who));
            }
            if (!scores.has(who)) {
              const refused = passing.since(open, who, last.atMs);
              await expect(refused).rejects.toMatchObject({ code: "member_not_found" });
              continue;
            }
            for (const { atMs, scores: then } of checkpoints) {
              const { passed, complete } = await passing.since(open, who, atMs);
              expect(complete).toBe(true);
              expect(passed.map(({ place }) => place.member)).toEqual(passedNaively(who, then, scores));
            }
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it("who have passed, without those who are hidden now, and no more than one question looks at", async () => {
    const reader = new Reader(redis, await createHasher());
    const steps: Step[] = Array.from({ length: 5 }, (_, i) => ({
      kind: "submit",
      member: `m${i}`,
      score: i,
    }));
    const { open, submitter, archive } = await played(
      [{ kind: "submit", member: "me", score: 5 }, ...steps],
      "packed",
    );
    const sinceMs = await quietInstant();
    for (let i = 0; i < 5; i++) await submitter.submit(`m${i}`, 10 + i);
    await archive.catchUp(redis);
    const passing = new PassedMembers({ database, reader, rowsMax: ROWS_MAX });
    const names = async (): Promise<string[]> =>
      (await passing.since(open, "me", sinceMs)).passed.map(({ place }) => place.member);
    expect(await names()).toEqual(["m4", "m3", "m2", "m1", "m0"]);
    await setSight(redis, open, submitter.shardOf("m3"), ["m3"], { sight: 1, by: "board", limits: DEDUP });
    expect(await names()).toEqual(["m4", "m2", "m1", "m0"]);

    // Two rows a shard do not reach the instant: the answer is that of a later one, and says so.
    const narrow = new PassedMembers({ database, reader, rowsMax: 4 });
    const found = await narrow.since(open, "me", sinceMs);
    expect(found.complete).toBe(false);
    expect(found.sinceMs).toBeGreaterThan(sinceMs);
    const all = await passing.since(open, "me", found.sinceMs);
    expect(found.passed).toEqual(all.passed);
  });
});

type Step =
  | { kind: "submit"; member: string; score: number }
  | { kind: "remove"; member: string }
  | { kind: "archive" };

function passedNaively(
  who: string,
  then: ReadonlyMap<string, number>,
  now: ReadonlyMap<string, number>,
): string[] {
  const own = then.get(who);
  if (own === undefined) return [];
  return [...now]
    .filter(([other, score]) => other !== who && score > now.get(who)! && (then.get(other) ?? -1) < own)
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))
    .map(([other]) => other);
}

test("a curve of fewer points keeps the first, the last, the best and the worst of each span, in order", () => {
  const point = fc.record({
    atMs: fc.integer({ min: 0, max: 200 }),
    key: fc.option(fc.record({ key: fc.integer({ min: 0, max: 20 }), rest: fc.constant("") }), {
      nil: undefined,
    }),
  });
  fc.assert(
    fc.property(fc.array(point, { maxLength: 80 }), fc.integer({ min: 4, max: 40 }), (raw, max) => {
      const points = raw.sort((a, b) => a.atMs - b.atMs) as SeriesPoint[];
      const fewer = reduced(points, max);
      expect(fewer.length).toBeLessThanOrEqual(max);
      // In order, and of the same points.
      let at = -1;
      for (const one of fewer) {
        const found = points.indexOf(one, at + 1);
        expect(found).toBeGreaterThan(at);
        at = found;
      }
      if (points.length === 0) return;
      expect(fewer[0]).toBe(points[0]);
      expect(fewer.at(-1)).toBe(points.at(-1));
      for (const sign of [1, -1]) {
        const extreme = (list: readonly SeriesPoint[]) =>
          [...list].sort((a, b) => sign * compareKeys(a.key, b.key))[0]!.key?.key;
        expect(extreme(fewer)).toBe(extreme(points));
      }
    }),
  );
});
