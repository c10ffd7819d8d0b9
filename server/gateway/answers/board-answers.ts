/** zod for what reads of boards answer. */
import { z } from "zod";
import { PROFILE_FIELDS } from "../../../client-sdk/protocol/messages.ts";
import { boardDefinition, boardId } from "../../leaderboard/board-schema.ts";
import { order, storedColumn } from "../../leaderboard/column-schema.ts";
import { rewardRules } from "../../leaderboard/reward-rules.ts";
import { rulesDefinition } from "../../leaderboard/score-rules.ts";
import { seasonRules } from "../../leaderboard/season-schema.ts";
import { count, entry, entryValues, heading, instant, ms, position, shownProfile } from "./entry-answers.ts";

export const seasonInfo = z.strictObject({
  number: z.int().min(1),
  state: z.enum(["opening", "open", "closed"]),
  openedAt: instant,
  /** As it was planned when it opened. */
  endsAt: instant.optional(),
  /** When it closes, where that is another instant. */
  closesAt: instant.optional(),
});

const boardFields = {
  board: boardId,
  order,
  operator: z.enum(["best", "set", "incr", "decr"]),
  columns: z.array(storedColumn),
  layout: z.enum(["packed", "wide"]),
  ties: z.enum(["shared", "earliest", "latest"]),
  writers: z.enum(["server", "player"]),
  signed: z.literal(true).optional(),
  visibility: z.enum(["public", "private"]),
  shards: z.int(),
  topSize: z.int(),
  profileFields: z.array(z.enum(PROFILE_FIELDS)),
  season: seasonInfo,
  seasonRules,
};

/** What admins see beside. `staged` is the definition that holds from the next season on, where it is another one. */
const adminFields = {
  metadata: z.boolean(),
  logRetentionDays: count,
  historyRetentionDays: count,
  rules: rulesDefinition.optional(),
  rewards: rewardRules.optional(),
  webhookTop: count.optional(),
  staged: boardDefinition.extend({ columns: z.array(storedColumn) }).optional(),
};

export const boardList = z.strictObject({ boards: z.array(z.strictObject(boardFields)) });
export const oneBoard = z.strictObject({
  ...boardFields,
  ...z.strictObject(adminFields).partial().shape,
  exact: z.boolean(),
  total: count,
  asOf: ms.optional(),
});
export const putBoard = z.strictObject({ ...boardFields, ...adminFields });

export const boardPage = z.strictObject({
  boards: z.array(putBoard),
  cursor: z.string().optional(),
});

/** `position` is there where the answer is made from the feed: not behind a cursor. */
export const top = z.strictObject({
  ...heading,
  position: position.optional(),
  exact: z.boolean(),
  total: count,
  entries: z.array(entry),
  cursor: z.string().optional(),
});

/** `error` and `asOf` are there where `exact` is false. */
const standing = {
  rank: z.int().min(1),
  exact: z.boolean(),
  error: z.number().optional(),
  asOf: ms.optional(),
  total: count,
  percentile: z.number().min(0).max(100),
};

/** The second is what hidden players get for their own entry. */
export const oneMember = z.union([
  z.strictObject({
    ...heading,
    member: z.string(),
    ...entryValues,
    ...standing,
    metadata: z.string().optional(),
    profile: shownProfile.optional(),
  }),
  z.strictObject({
    ...heading,
    member: z.string(),
    ...entryValues,
    rank: z.null(),
    hidden: z.literal(true),
    profile: shownProfile.optional(),
  }),
]);
export const around = z.strictObject({
  ...heading,
  exact: z.boolean(),
  total: count,
  entries: z.array(entry),
});
export const members = z.strictObject({
  ...heading,
  exact: z.boolean(),
  total: count,
  entries: z.array(entry),
  missing: z.array(z.string()),
  asOf: ms.optional(),
});
export const rankOfScore = z.strictObject({ ...heading, ...entryValues, ...standing });
export const percentilesAnswer = z.strictObject({
  ...heading,
  total: count,
  asOf: ms,
  percentiles: z.array(
    z.strictObject({
      percent: z.number(),
      rank: z.int().min(1),
      score: z.number(),
      exact: z.boolean(),
      error: z.number(),
    }),
  ),
});
