/**
 * Reward rules: who is given what when a season is over, by rank, by percent or by score. Here is how a board states them, and which one a
 * place in the final table falls under. Pure.
 */
import { z } from "zod";
import type { Order } from "../../client-sdk/protocol/messages.ts";

/** Rules of one board. */
export const REWARD_RULES_MAX = 50;
export const REWARD_BYTES_MAX = 1_024;

/** A percent is told to a thousandth, so that the last rank it covers is exact. */
const PERCENT_STEPS = 1_000;

const ranks = z
  .strictObject({ from: z.int().min(1), to: z.int().min(1) })
  .refine(({ from, to }) => from <= to, "must not end before they begin");

const reward = z
  .unknown()
  .refine((value) => value !== undefined, "must be given")
  .refine(
    (value) => Buffer.byteLength(JSON.stringify(value) ?? "") <= REWARD_BYTES_MAX,
    `must be at most ${REWARD_BYTES_MAX} bytes of JSON`,
  )
  // As JSON text writes them. PostgreSQL stores neither.
  .refine(
    (value) => !/\\u0000|\\ud[89a-f]/i.test(JSON.stringify(value) ?? ""),
    "must not contain NUL or lone surrogates",
  );

const rewardRule = z
  .strictObject({
    id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/, "1–32 letters, digits, _ or -"),
    /** Ranks, both ends among them. */
    ranks: ranks.exactOptional(),
    /** Ranks up to this share of the shown entries, rounded up. */
    topPercent: z
      .number()
      .gt(0)
      .max(100)
      .refine(
        (percent) => Math.round(percent * PERCENT_STEPS) / PERCENT_STEPS === percent,
        "has more than three decimals",
      )
      .exactOptional(),
    /** A score as good as this or better: at least it, on boards with `order: "asc"` at most it. */
    minScore: z.number().exactOptional(),
    reward,
  })
  .refine(
    (rule) => ["ranks", "topPercent", "minScore"].filter((name) => name in rule).length === 1,
    "must have one of ranks, topPercent, minScore",
  );

/** Of several that a member falls under the first in the list counts. */
export const rewardRules = z
  .array(rewardRule)
  .max(REWARD_RULES_MAX)
  .refine((rules) => new Set(rules.map(({ id }) => id)).size === rules.length, "names an id twice");

export type RewardRule = z.output<typeof rewardRule>;

/**
 * Which rule a place falls under.
 * @returns `none` when it falls under none but a later one may, `past` when neither it nor any place behind it does
 */
export type RewardJudge = (rank: number, score: number) => RewardRule | "none" | "past";

/** @param shown entries of the final table that are not hidden: what percents are of */
export function rewardJudge(
  rules: readonly RewardRule[],
  { order }: { order: Order },
  shown: number,
): RewardJudge {
  const tests = rules.map((rule) => ({ rule, ...testsOf(rule, order, shown) }));
  return (rank, score) => {
    const found = tests.find(({ covers }) => covers(rank, score));
    if (found) return found.rule;
    return tests.every(({ isPast }) => isPast(rank, score)) ? "past" : "none";
  };
}

type Test = (rank: number, score: number) => boolean;

/** Ranks only grow along a table, and scores only get worse. */
function testsOf(rule: RewardRule, order: Order, shown: number): { covers: Test; isPast: Test } {
  const { minScore } = rule;
  if (minScore !== undefined) {
    const covers: Test = (_, score) => (order === "desc" ? score >= minScore : score <= minScore);
    return { covers, isPast: (rank, score) => !covers(rank, score) };
  }
  const { from, to } = rule.ranks ?? { from: 1, to: lastRankOf(rule.topPercent ?? 0, shown) };
  return { covers: (rank) => rank >= from && rank <= to, isPast: (rank) => rank > to };
}

/** ceil(percent / 100 × shown), in whole numbers: 7 / 100 × 100 is more than 7 in floats. */
function lastRankOf(percent: number, shown: number): number {
  const parts = Math.round(percent * PERCENT_STEPS) * shown;
  const rest = parts % (100 * PERCENT_STEPS);
  return (parts - rest) / (100 * PERCENT_STEPS) + (rest > 0 ? 1 : 0);
}
