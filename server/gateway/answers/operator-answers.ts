/** zod for what operators and admins are answered: keys, health, capacity. */
import { z } from "zod";
import { ROLES } from "../../sessions/key-text.ts";
import { count, instant } from "./entry-answers.ts";

const keyFields = {
  id: z.string(),
  name: z.string(),
  role: z.enum(ROLES),
  scopes: z.array(z.string()),
  createdAt: instant,
  rotatedAt: instant.nullable(),
  previousUntil: instant.nullable(),
  revokedAt: instant.nullable(),
};
/** The only answers that show the key itself: when it is made, and when it is rotated. */
export const newKey = z.strictObject({ key: z.string(), ...keyFields });
export const oneKey = z.strictObject(keyFields);
export const keyPage = z.strictObject({ keys: z.array(oneKey), cursor: z.string().optional() });

export const health = z.strictObject({ status: z.literal("ok") });
export const readiness = z.strictObject({
  status: z.enum(["ready", "unready"]),
  unready: z.array(z.string()),
  degraded: z.array(z.string()),
});

const bytes = z.number().min(0);
export const capacity = z.strictObject({
  nodes: z.array(
    z.strictObject({
      node: z.string(),
      usedBytes: bytes,
      residentBytes: bytes,
      maxBytes: bytes,
      policy: z.string(),
      full: z.boolean(),
    }),
  ),
  parts: z.array(
    z.strictObject({
      part: z.string(),
      keys: count,
      elements: z.number().min(0),
      bytes,
      plannedBytes: bytes.optional(),
    }),
  ),
  sampled: z.strictObject({ keys: count, seen: count, measured: count }),
  tables: z.array(z.strictObject({ table: z.string(), rows: z.number(), bytes })).optional(),
});
