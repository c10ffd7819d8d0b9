/** zod for what every answer is made of: errors, values, entries, profiles. Strict, so that a field more or less is seen. */
import { z } from "zod";
import { ERROR_CODES } from "../../../client-sdk/protocol/codes.ts";
import { boardId } from "../../leaderboard/board-schema.ts";

/** The body of every error. `details` depends on the code. */
const errorFields = {
  code: z.enum(ERROR_CODES),
  message: z.string(),
  remediation: z.string(),
  retryable: z.boolean(),
  retryAfterMs: z.number().optional(),
  details: z.unknown().optional(),
};

/** Of one item of a call. */
export const itemError = z.strictObject(errorFields);
/** Of a whole call; `request` names it in the log. */
export const errorAnswer = z.strictObject({ error: z.strictObject({ ...errorFields, request: z.string() }) });

const values = z.record(z.string(), z.union([z.number(), z.string()]));
/** `score` is the first column, `columns` the others by name; text for 64-bit integers. */
export const entryValues = { score: z.number(), columns: values.optional() };
/** The same where there may be no entry. */
export const maybeValues = { score: z.number().optional(), columns: values.optional() };

export const shownProfile = z.strictObject({
  displayName: z.string().optional(),
  avatarUrl: z.string().optional(),
  country: z.string().optional(),
  extra: z.unknown().optional(),
});

/** What every answer about one season of a board begins with. */
export const heading = { board: boardId, season: z.int().min(1) };
export const position = z.strictObject({ epoch: z.string(), offset: z.int().min(0) });
export const instant = z.iso.datetime();
/** ms since the Unix epoch. */
export const ms = z.number();
export const count = z.int().min(0);

/** `rank` is absent where none was asked for; `exact` and `error` are there where ranks came from the rank index. */
export const entry = z.strictObject({
  rank: z.int().min(1).optional(),
  exact: z.boolean().optional(),
  error: z.number().optional(),
  member: z.string(),
  ...entryValues,
  metadata: z.string().optional(),
  profile: shownProfile.optional(),
});

export const violation = z.strictObject({
  rule: z.enum(["maxChange", "maxChangePerMinute", "minIntervalMs"]),
  limit: z.number().optional(),
  value: z.number(),
  heldFull: z.literal(true).optional(),
});

const counted = {
  idempotent: z.literal(false).optional(),
  ...entryValues,
};
const uncounted = [
  z.strictObject({ outcome: z.literal("held"), violation, ...maybeValues }),
  z.strictObject({ outcome: z.literal("rejected"), error: itemError, ...maybeValues }),
] as const;
/** What became of one submission. */
export const submissionResult = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("accepted"), ...counted }),
  z.strictObject({ outcome: z.literal("unchanged"), ...counted }),
  z.strictObject({ outcome: z.literal("duplicate"), ...counted }),
  ...uncounted,
]);
/** The shard, and the batch of its score log with which the entry is as the result says. */
const logged = { ...counted, log: z.strictObject({ shard: count, n: z.int().min(1) }).optional() };
/** Where positions in the score log may have been asked for. */
export const loggedResult = z.discriminatedUnion("outcome", [
  z.strictObject({ outcome: z.literal("accepted"), ...logged }),
  z.strictObject({ outcome: z.literal("unchanged"), ...logged }),
  z.strictObject({ outcome: z.literal("duplicate"), ...logged }),
  ...uncounted,
]);
