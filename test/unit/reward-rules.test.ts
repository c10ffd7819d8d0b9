/** Reward rules as boards state them, and which one a place falls under. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { boardPatch } from "../../server/leaderboard/board-patch.ts";
import { boardDefinition } from "../../server/leaderboard/board-schema.ts";
import { REWARD_RULES_MAX, rewardJudge, rewardRules } from "../../server/leaderboard/reward-rules.ts";

const DESC = { order: "desc" } as const;
const ASC = { order: "asc" } as const;

const problemsOf = (rules: unknown): string[] =>
  rewardRules.safeParse(rules).error?.issues.map(({ message }) => message) ?? [];

describe("the rewards of a board's definition", () => {
  it("have one condition each, an id of their own and a reward that fits", () => {
    const rule = { id: "gold", ranks: { from: 1, to: 3 }, reward: { coins: 5 } };
    expect(problemsOf([rule, { id: "all", topPercent: 100, reward: null }])).toEqual([]);
    expect(problemsOf([{ id: "none", reward: 1 }])).toEqual(["must have one of ranks, topPercent, minScore"]);
    expect(problemsOf([{ ...rule, minScore: 3 }])).toEqual(["must have one of ranks, topPercent, minScore"]);
    expect(problemsOf([rule, rule])).toEqual(["names an id twice"]);
    expect(problemsOf([{ ...rule, ranks: { from: 3, to: 2 } }])).toEqual(["must not end before they begin"]);
    expect(problemsOf([{ ...rule, reward: "é".repeat(512) }])).toEqual([
      "must be at most 1024 bytes of JSON",
    ]);
    expect(problemsOf([{ ...rule, reward: "é".repeat(511) }])).toEqual([]);
    expect(problemsOf([{ id: "none", ranks: { from: 1, to: 1 } }])).toContain("must be given");
    const many = Array.from({ length: REWARD_RULES_MAX + 1 }, (_, i) => ({ ...rule, id: `r${i}` }));
    expect(problemsOf(many.slice(1))).toEqual([]);
    expect(problemsOf(many)).toHaveLength(1);
  });

  it("hold nothing that PostgreSQL cannot store", () => {
    const rule = { id: "gold", ranks: { from: 1, to: 3 } };
    for (const reward of ["a\0", { deep: [{ "\0": 1 }] }, "\ud800", "\udfff x"]) {
      expect(problemsOf([{ ...rule, reward }])).toEqual(["must not contain NUL or lone surrogates"]);
    }
    expect(problemsOf([{ ...rule, reward: "\u{1f600}" }])).toEqual([]);
  });

  it("have percents above 0 and up to 100, to a thousandth", () => {
    const problems = (topPercent: number) => problemsOf([{ id: "p", topPercent, reward: 1 }]).length;
    expect([0.001, 7, 33.333, 100].map(problems)).toEqual([0, 0, 0, 0]);
    expect([0, -1, 100.001, 0.0001, 33.3333].map(problems).every((count) => count > 0)).toBe(true);
  });

  it("are absent where a definition has none, and null in a patch takes them away", () => {
    expect(boardDefinition.parse({ operator: "best" })).not.toHaveProperty("rewards");
    expect(boardPatch.safeParse({ rewards: null }).success).toBe(true);
    expect(boardPatch.safeParse({ rewards: [{ id: "x", reward: 1 }] }).success).toBe(false);
  });
});

describe("the rule of a place", () => {
  it("is the first in the list that fits", () => {
    const rules = rewardRules.parse([
      { id: "first", ranks: { from: 1, to: 1 }, reward: 1 },
      { id: "strong", minScore: 90, reward: 2 },
      { id: "ten", ranks: { from: 1, to: 10 }, reward: 3 },
    ]);
    const judge = rewardJudge(rules, DESC, 100);
    const idAt = (rank: number, score: number) => {
      const given = judge(rank, score);
      return typeof given === "string" ? given : given.id;
    };
    expect(idAt(1, 99)).toBe("first");
    expect(idAt(2, 90)).toBe("strong");
    expect(idAt(3, 89.9)).toBe("ten");
    expect(idAt(10, 5)).toBe("ten");
    expect(idAt(11, 5)).toBe("past");
    expect(idAt(11, 95)).toBe("strong");
  });

  it("says that a gap is no end", () => {
    const judge = rewardJudge(
      rewardRules.parse([{ id: "tail", ranks: { from: 5, to: 6 }, reward: 1 }]),
      DESC,
      9,
    );
    expect([1, 4].map((rank) => judge(rank, 0))).toEqual(["none", "none"]);
    expect(judge(7, 0)).toBe("past");
  });

  it("by score takes those as good as it or better: at least it, and on an ascending board at most it", () => {
    const rules = rewardRules.parse([{ id: "s", minScore: 10, reward: 1 }]);
    const given = (order: typeof ASC | typeof DESC, score: number) =>
      rewardJudge(rules, order, 9)(1, score) !== "past";
    expect([9.5, 10, 10.5].map((score) => given(DESC, score))).toEqual([false, true, true]);
    expect([9.5, 10, 10.5].map((score) => given(ASC, score))).toEqual([true, true, false]);
  });

  it("by percent is exact at every boundary, whatever floats make of it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 1, max: 3_000_000_000 }),
        (steps, shown) => {
          const rules = rewardRules.parse([{ id: "p", topPercent: steps / 1_000, reward: 1 }]);
          // ceil of a quotient of whole numbers.
          const last = Number((BigInt(steps) * BigInt(shown) + 99_999n) / 100_000n);
          const judge = rewardJudge(rules, DESC, shown);
          expect(judge(last, 0)).toBe(rules[0]);
          expect(judge(last + 1, 0)).toBe("past");
        },
      ),
      { examples: [[7_000, 100]] },
    );
  });
});
