/** zod for what moderation, bans and the audit trail answer. */
import { z } from "zod";
import { boardId } from "../../leaderboard/board-schema.ts";
import { heading, instant, maybeValues } from "./entry-answers.ts";

const sight = z.enum(["visible", "hidden", "shadow"]);
const moderatedEntry = z.strictObject({ sight, ...maybeValues }).nullable();

export const moderated = z.strictObject({
  ...heading,
  member: z.string(),
  before: moderatedEntry,
  after: moderatedEntry,
});

export const hiddenPage = z.strictObject({
  ...heading,
  members: z.array(
    z.strictObject({
      member: z.string(),
      ...maybeValues,
      /** What was done to the member on this board, and what a ban does. */
      here: sight,
      ban: sight,
    }),
  ),
  cursor: z.string().optional(),
});

export const ban = z.strictObject({
  member: z.string(),
  mode: z.enum(["hide", "shadow"]),
  until: instant.nullable(),
  reason: z.string().nullable(),
  actor: z.string(),
  bannedAt: instant,
  /** `applying` and `lifting` while boards are gone through. */
  state: z.enum(["applying", "active", "lifting"]),
});
export const banPage = z.strictObject({ bans: z.array(ban), cursor: z.string().optional() });

export const auditPage = z.strictObject({
  records: z.array(
    z.strictObject({
      at: instant,
      actor: z.string(),
      action: z.string(),
      /** `done` or the code of an error; null while it is not known. */
      outcome: z.string().nullable(),
      board: boardId.nullable(),
      season: z.int().nullable(),
      member: z.string().nullable(),
      reason: z.string().nullable(),
      details: z.unknown(),
    }),
  ),
  cursor: z.string().optional(),
});
