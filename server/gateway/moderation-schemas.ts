/** zod for moderation, bans and the audit trail: what they take. */
import { z } from "zod";
import { columns, instant, plain } from "./schemas.ts";

const reason = plain.min(1).max(500);
const limit = z.coerce.number().int().min(1).max(200).default(50);
const cursor = z.string().max(512).optional();
/** As large as the database's numbers of seasons. */
const season = z.coerce
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1)
  .optional();

export const moderationQuery = z.strictObject({ season });
/** Every change says why. */
export const moderationRequest = z.strictObject({ reason });
export const adjustRequest = z.strictObject({
  reason,
  score: z.number(),
  columns: columns.optional(),
});

export const hiddenQuery = z.strictObject({ limit, cursor, season });
export const bansQuery = z.strictObject({ limit, cursor });
export const banRequest = z.strictObject({
  mode: z.enum(["hide", "shadow"]),
  /** ISO 8601; without it the ban ends when it is lifted. */
  until: z.iso
    .datetime({ offset: true })
    .refine((text) => Date.parse(text) > Date.now(), "must lie ahead")
    .optional(),
  reason,
});
export const liftRequest = z
  .strictObject({ reason: reason.optional() })
  .nullish()
  .transform((body) => body ?? {});

export const auditQuery = z.strictObject({
  board: plain.max(64).optional(),
  member: plain.max(128).optional(),
  actor: plain.max(64).optional(),
  action: plain.max(64).optional(),
  since: instant.optional(),
  until: instant.optional(),
  limit,
  cursor,
});
