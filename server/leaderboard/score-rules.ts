/**
 * Score rules: what one member may change, and how fast. Judged by the shard's script (`lua/include/submit_rules.lua`); here is how a
 * board states them, how the script takes them, and how its verdicts are read.
 */
import { z } from "zod";
import type { Column, RuleViolation, ScoreRules } from "../../client-sdk/protocol/messages.ts";
import type { Board, OpenBoard } from "./board.ts";
import { invalid } from "./column-schema.ts";

const amount = z.number().positive();

export const rulesDefinition = z.strictObject({
  maxChange: amount.exactOptional(),
  maxChangePerMinute: amount.exactOptional(),
  minIntervalMs: z.int().min(1).max(86_400_000).exactOptional(),
  signed: z.boolean().default(false),
  onViolation: z.enum(["refuse", "hold"]).default("refuse"),
});

/** What a script found: the violation, and how long to wait where waiting helps. */
export type Verdict = { violation: RuleViolation; retryAfterMs?: number };

/** Rules that the columns can be held to. @throws AppError board_invalid */
export function checkRules(rules: ScoreRules | undefined, [score]: readonly Column[]): void {
  for (const name of ["maxChange", "maxChangePerMinute"] as const) {
    const limit = rules?.[name];
    if (limit === undefined || score?.type !== "decimal") continue;
    const scaled = Math.round(limit * 10 ** score.decimals);
    if (!Number.isSafeInteger(scaled) || scaled / 10 ** score.decimals !== limit) {
      throw invalid(`${name} is not exact at the ${score.decimals} decimals of column "${score.name}"`);
    }
  }
}

/**
 * Whether a shard's script has anything to judge; a board that only asks for signatures is submitted to like any other. Where violations
 * are held there is: what was held by a rule that is gone must not count beside its review.
 */
export function isJudged({ rules }: Board): boolean {
  if (!rules) return false;
  const { maxChange, maxChangePerMinute, minIntervalMs, onViolation } = rules;
  return (
    onViolation === "hold" ||
    maxChange !== undefined ||
    maxChangePerMinute !== undefined ||
    minIntervalMs !== undefined
  );
}

/** Whether violations wait for an admin instead of being refused. */
export function holdsViolations(board: Board): boolean {
  return isJudged(board) && board.rules?.onViolation === "hold";
}

/**
 * The rules as `submit_judged.lua` takes them.
 * @param clockMs in place of Redis's time, for tests
 */
export function rulesArgument({ board, layout }: OpenBoard, heldMax: number, clockMs?: number): string {
  const { head } = layout;
  const { rules } = board;
  const scale = scaleOf(board);
  const scaled = (limit: number | undefined): number | "x" =>
    limit === undefined ? "x" : scale === 1 ? limit : Math.round(limit * scale);
  const width = head.columns.slice(1).reduce((product, { radix }) => product * radix, head.tieRadix);
  const adds = board.operator === "incr" || board.operator === "decr";
  return [
    scaled(rules?.maxChange),
    scaled(rules?.maxChangePerMinute),
    rules?.minIntervalMs ?? "x",
    heldMax,
    head.columns.length === 0 ? 0 : width,
    // What is added is the change, also for a first entry. A first value that is set has not changed from anything.
    adds ? (head.columns[0]?.zeroDigit ?? "x") : "x",
    clockMs ?? "x",
  ].join(" ");
}

const RULES = { c: "maxChange", m: "maxChangePerMinute", i: "minIntervalMs" } as const;

/** @param text "rule value waitMs", and " full" where no more may be held */
export function verdictFrom(board: Board, text: string): Verdict {
  const [letter, value, waitMs, full] = text.split(" ");
  const rule = RULES[letter as keyof typeof RULES];
  // Two floats may be further apart than any float is: the script says inf, which no JSON holds.
  const number = value === "inf" ? Number.MAX_VALUE : Number(value);
  const measured = rule === "minIntervalMs" ? number : number / scaleOf(board);
  const limit = board.rules?.[rule];
  const violation: RuleViolation = { rule, value: measured };
  // The rule may have gone since: a held submission keeps what it was held for.
  if (limit !== undefined) violation.limit = limit;
  if (full === "full") violation.heldFull = true;
  return { violation, ...(Number(waitMs) < 0 ? {} : { retryAfterMs: Number(waitMs) }) };
}

function scaleOf({ columns: [score] }: Board): number {
  return score?.type === "decimal" ? 10 ** score.decimals : 1;
}
