/** zod for what calls about rewards answer. */
import { z } from "zod";
import { count, heading, instant } from "./entry-answers.ts";

export const reward = z.strictObject({
  /** Names it in claims: `board.season.member`. */
  id: z.string(),
  ...heading,
  member: z.string(),
  rank: z.int().min(1),
  /** The rule that it was granted by. */
  rule: z.string(),
  /** Any JSON, as the rule has it. */
  reward: z.unknown(),
  grantedAt: instant,
  claimedAt: instant.nullable(),
  revokedAt: instant.nullable(),
});

export const seasonRewards = z.strictObject({
  ...heading,
  rewards: z.array(reward),
  cursor: z.string().optional(),
});
export const memberRewards = z.strictObject({
  member: z.string(),
  rewards: z.array(reward),
  cursor: z.string().optional(),
});

export const rewardProgress = z.strictObject({
  ...heading,
  /** `open`: the season is not in the archive yet. `waiting`: it is, and nothing was granted yet. */
  state: z.enum(["open", "waiting", "granting", "done"]),
  /** Shown entries that were looked at, and how many there were when it began; null where there are no rules, or it has not begun. */
  passed: count.nullable(),
  entries: count.nullable(),
  granted: count,
  beganAt: instant.nullable(),
  endedAt: instant.nullable(),
});
