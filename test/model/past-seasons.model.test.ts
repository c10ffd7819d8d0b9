/** Random boards go into the archive, some of their members hidden: every read of the final table equals the naive model's. */
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import type { Entry } from "../../client-sdk/protocol/messages.ts";
import { compareMembers } from "../../client-sdk/protocol/rows.ts";
import type { Database } from "../../server/database/database.ts";
import type { PastSeason, PastSeasons } from "../../server/history/past-seasons.ts";
import { decodeCursor } from "../../server/leaderboard/page-cursor.ts";
import { percentileOf } from "../../server/leaderboard/reader.ts";
import { anyDefinition, anyMember, anyValues, anyWideDefinition } from "../support/arbitrary-board.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archive, entryOf, hide, mirror, pastSeasonsIn, seasonOf } from "../support/final-season.ts";
import { NaiveBoard } from "../support/naive-board.ts";

const LIMITS = [1, 2, 5];

/** Few names twice, so that ties meet every kind of bytes. */
const member = fc.tuple(anyMember, fc.constantFrom("", "a", "é", "~")).map((parts) => parts.join(""));

const anySeason = fc.oneof(anyDefinition, anyWideDefinition).chain((definition) => {
  const submission = fc.record({
    member,
    values: anyValues(definition),
    at: fc.integer({ min: 0, max: 3 }),
    // Hidden in the shards already, in the archive, or not at all.
    hidden: fc.constantFrom("no", "no", "no", "before", "after"),
  });
  return fc.record({
    definition: fc.constant(definition),
    submissions: fc.array(submission, { minLength: 0, maxLength: 30 }),
    stepRows: fc.integer({ min: 1, max: 7 }),
  });
});

let runs = 0;

async function checkReads(past: PastSeasons, open: PastSeason, model: NaiveBoard): Promise<void> {
  const expected: Entry[] = model.ranked().map(({ member, values, rank }) => {
    return { rank, member, ...entryOf(open, values) };
  });
  const total = expected.length;
  expect(await past.count(open)).toBe(total);
  for (const limit of LIMITS) {
    expect(await walk(past, open, limit)).toEqual(expected);
    const offset = Math.floor(total / 2);
    const { entries } = await past.pageAt(open, offset, limit);
    expect(entries).toEqual(expected.slice(offset, offset + limit));
  }
  const everybody = expected.map(({ member }) => member);
  const asked = [...everybody].sort().concat("nobody");
  const many = await past.members(open, asked, { ranks: true });
  expect(many).toEqual({ ranked: expected, missing: ["nobody"], total });
  for (const [at, entry] of expected.entries()) {
    const limit = LIMITS[at % LIMITS.length]!;
    const start = Math.max(0, Math.min(at - Math.floor((limit - 1) / 2), total - limit));
    const around = await past.around(open, entry.member, limit);
    expect(around).toEqual({ total, entries: expected.slice(start, start + limit) });
  }
  for (const { member, values } of model.ranked().slice(0, 5)) {
    expect(await past.rank(open, member)).toMatchObject({ member, total, exact: true });
    for (const known of [values, values.slice(0, 1)]) {
      const rank = model.rankOf(known);
      const percentile = percentileOf(rank, Math.max(total, rank));
      expect(await past.rankOfScore(open, entryOf(open, known))).toEqual({ rank, total, percentile });
    }
  }
  const { percentiles } = await past.percentiles(open, [0.1, 33, 50, 100]);
  for (const { percent, rank, score } of percentiles) {
    expect(rank).toBe(Math.max(1, Math.floor((total * percent) / 100)));
    expect(score).toBe(expected[rank - 1]!.score);
  }
}

async function walk(past: PastSeasons, open: PastSeason, limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let page = await past.page(open, undefined, limit); ; ) {
    entries.push(...page.entries);
    if (page.cursor === undefined) return entries;
    page = await past.page(open, decodeCursor(open, page.cursor), limit);
  }
}

describeOnBoth("a final table", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  it("answers every read as the naive model does, whoever is hidden", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anySeason, async ({ definition, submissions, stepRows }) => {
        const open = seasonOf(`model-${runs++}`, definition);
        const model = new NaiveBoard(open.board);
        const hidden = new Map<string, string>();
        for (const { member, values, at, hidden: when } of submissions) {
          model.submit({ member, values, id: "", at: open.season.openedAtMs + at });
          hidden.set(member, when);
        }
        const entries = [...model.entries.values()];
        const mirrored = entries.map((entry) => ({
          ...entry,
          hidden: hidden.get(entry.member) === "before",
        }));
        await mirror(database, open, mirrored);
        expect(await archive(database, open, { stepRows })).toBe(entries.length);
        await hide(
          database,
          open,
          [...hidden].flatMap(([member, when]) => (when === "after" ? [member] : [])),
        );
        for (const [member, when] of hidden) if (when !== "no") model.entries.delete(member);
        const past = pastSeasonsIn(database);
        await checkReads(past, (await past.find(open.board.id, 1))!, model);
        for (const [member, when] of hidden) {
          if (when === "no") continue;
          await expect(past.rank((await past.find(open.board.id, 1))!, member)).rejects.toMatchObject({
            code: "member_not_found",
          });
        }
      }),
      { numRuns: 25 },
    );
  });

  it("of 10,000 members has everybody at its place", { timeout: 30_000 }, async () => {
    const open = seasonOf("ten-thousand", { operator: "best", columns: [{ name: "s", max: 3_000 }] });
    const scores = Array.from({ length: 10_000 }, (_, i) => ({ member: `m${i}`, score: (i * 7919) % 3_001 }));
    await mirror(
      database,
      open,
      scores.map(({ member, score }) => ({ member, values: [score], reachedAt: 0 })),
    );
    await archive(database, open);
    const hidden = scores.filter((_, i) => i % 97 === 0).map(({ member }) => member);
    await hide(database, open, hidden);
    const gone = new Set(hidden);
    const shown = scores
      .filter(({ member }) => !gone.has(member))
      .sort((a, b) => b.score - a.score || compareMembers(a.member, b.member));
    const firstOf = new Map<number, number>();
    shown.forEach(({ score }, i) => {
      if (!firstOf.has(score)) firstOf.set(score, 1 + i);
    });
    const expected = shown.map(({ member, score }) => ({ rank: firstOf.get(score)!, member, score }));
    const past = pastSeasonsIn(database);
    const season = (await past.find("ten-thousand", 1))!;
    expect(await walk(past, season, 1_000)).toEqual(expected);
    for (const at of [0, 1, 5_000, expected.length - 3]) {
      const { entries, total } = await past.pageAt(season, at, 3);
      expect([entries, total]).toEqual([expected.slice(at, at + 3), expected.length]);
    }
    const { ranked } = await past.members(
      season,
      scores.slice(0, 5_000).map(({ member }) => member),
      { ranks: true },
    );
    const asked = new Set(scores.slice(0, 5_000).map(({ member }) => member));
    expect(ranked).toEqual(expected.filter(({ member }) => asked.has(member)));
  });
});
