/** Random seasons end, and whoever grants their rewards dies again and again: every member has what the naive model gives, once. */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { RewardRuns } from "../../server/archive/reward-run.ts";
import type { Board } from "../../server/leaderboard/board.ts";
import type { RewardRule } from "../../server/leaderboard/reward-rules.ts";
import { rewardSeason } from "../../server/rewards/season-rewards.ts";
import { note } from "../../server/webhooks/outbox.ts";
import { anyDefinition, anyMember, anyValues, anyWideDefinition } from "../support/arbitrary-board.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archive, entryOf, hide, mirror, seasonOf } from "../support/final-season.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import {
  type Fate,
  type GrantedRow,
  grantedIn,
  listenToAll,
  MortalDatabase,
  rewardAtLast,
  type Told,
  toldOf,
} from "../support/reward-season.ts";

const member = fc.tuple(anyMember, fc.constantFrom("", "a", "é", ".1.")).map((parts) => parts.join(""));

const anyCondition = fc.oneof(
  fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 8 }))
    .map(([from, more]) => ({ ranks: { from, to: from + more } })),
  fc.constantFrom(0.5, 7, 10, 12.5, 33.333, 50, 99.999, 100).map((topPercent) => ({ topPercent })),
  fc.constantFrom(-3, 0, 0.5, 1, 2, 3).map((minScore) => ({ minScore })),
);
const anyRules = fc
  .array(anyCondition, { maxLength: 4 })
  .map((all) => all.map((one, i): RewardRule => ({ id: `r${i}`, ...one, reward: { coins: i } })));

const anyFates = fc.array(fc.constantFrom<Fate>("answered", "answered", "before", "within", "after"), {
  maxLength: 30,
});

const anySeason = fc.oneof(anyDefinition, anyWideDefinition).chain((definition) =>
  fc.record({
    definition: fc.constant(definition),
    rules: anyRules,
    entries: fc.array(
      fc.record({
        member,
        values: anyValues(definition),
        at: fc.integer({ min: 0, max: 3 }),
        isHidden: fc.constantFrom(false, false, true),
      }),
      { maxLength: 40 },
    ),
    stepRows: fc.integer({ min: 1, max: 7 }),
    fates: fc.tuple(anyFates, anyFates),
  }),
);

/** As docs/rewards.md says it, in fractions of whole numbers. */
function naiveRewards(board: Board, rules: readonly RewardRule[], model: NaiveBoard): GrantedRow[] {
  const all = model.ranked();
  return all.flatMap(({ member, rank, values }) => {
    const rule = rules.find(({ ranks, topPercent, minScore }) => {
      if (ranks) return ranks.from <= rank && rank <= ranks.to;
      if (topPercent !== undefined)
        return BigInt(rank - 1) * 100_000n < BigInt(Math.round(topPercent * 1_000)) * BigInt(all.length);
      return board.order === "desc" ? Number(values[0]) >= minScore! : Number(values[0]) <= minScore!;
    });
    return rule ? [{ member, rank, rule: rule.id }] : [];
  });
}

let runs = 0;

describeOnBoth("rewards", (store) => {
  let database: MortalDatabase;
  let other: MortalDatabase;
  beforeAll(async () => {
    database = new MortalDatabase(store);
    other = new MortalDatabase(store);
    await listenToAll(database);
  }, 60_000);
  afterAll(async () => {
    await other.close();
    await database.close();
  });

  it("are granted to everybody once, as the naive model gives them, and told of once, whoever dies and however many are at it", {
    timeout: 60_000,
  }, async () => {
    let deaths = 0;
    await fc.assert(
      fc.asyncProperty(anySeason, async ({ definition, rules, entries, stepRows, fates }) => {
        database.fates = [];
        const id = `rewards-${runs++}`;
        const open = seasonOf(id, { ...definition, rewards: rules });
        const model = new NaiveBoard(open.board);
        for (const { member, values, at } of entries)
          model.submit({ member, values, id: "", at: open.season.openedAtMs + at });
        await mirror(database, open, [...model.entries.values()]);
        await archive(database, open);
        const hidden = new Set(entries.flatMap(({ member, isHidden }) => (isHidden ? [member] : [])));
        await hide(database, open, [...hidden]);
        for (const member of hidden) model.entries.delete(member);

        [database.fates, other.fates] = [[...fates[0]], [...fates[1]]];
        const died = await Promise.all([
          rewardAtLast(database, id, stepRows),
          rewardAtLast(other, id, stepRows),
        ]);
        deaths += died[0] + died[1];
        database.fates = [];

        const expected = naiveRewards(open.board, rules, model);
        expect(await grantedIn(database, id)).toEqual(expected);
        const told = await toldOf<Told>(database, id, "rewards.granted");
        expect(told.flatMap(({ granted }) => granted)).toMatchObject(
          expected.map((one) => ({ ...one, id: `${id}.1.${one.member}` })),
        );
        for (const { granted, rewards } of told) {
          expect(granted.length).toBeLessThanOrEqual(stepRows);
          const given = new Set(granted.map(({ rule }) => rule));
          expect(rewards).toEqual(
            Object.fromEntries(
              rules.filter((rule) => given.has(rule.id)).map(({ id, reward }) => [id, reward]),
            ),
          );
        }
        const shown = model
          .ranked()
          .map(({ member, rank, values }) => ({ rank, member, ...entryOf(open, values) }));
        expect(await toldOf(database, id, "season.closed")).toEqual([
          {
            ...{ board: id, season: 1, endedAt: expect.any(String), top: shown.slice(0, 10) },
            ...{ entries: shown.length, rewards: expected.length },
          },
        ]);
      }),
      { numRuns: store.kind === "pglite" ? 10 : 25 },
    );
    expect(deaths).toBeGreaterThan(10);
  });

  it("follow from who is in sight when granting comes to a place: later changes move nobody and take nothing", async () => {
    database.fates = [];
    const rule: RewardRule = { id: "four", ranks: { from: 1, to: 4 }, reward: 1 };
    const open = seasonOf("moderated", { operator: "best", rewards: [rule] });
    const members = ["a", "b", "c", "d", "e", "f"];
    const entries = members.map((member, i) => ({ member, values: [100 - i], reachedAt: 0 }));
    await mirror(database, open, entries);
    await archive(database, open);
    const runs = new RewardRuns(database, { stepRows: 2 });
    const season = (await runs.undone(1_000)).find((one) => one.board === "moderated")!;
    let steps = 0;
    // Behind the first step: one who has a reward, and one who would have been the next.
    const onStep = async () => {
      if (++steps === 1) await hide(database, open, ["a", "c"]);
    };
    expect(await rewardSeason({ runs, note, onStep }, season, async () => true)).toBe(4);
    const granted = await grantedIn(database, "moderated");
    expect(granted.map(({ member, rank }) => `${member} ${rank}`)).toEqual(["a 1", "b 2", "d 3", "e 4"]);
  });
});
