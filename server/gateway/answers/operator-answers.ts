/** zod for what operators and admins are answered: keys, health, capacity. */
import { z } from "zod";
import { ROLES } from "../../sessions/key-text.ts";
import { count, heading, instant } from "./entry-answers.ts";

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

const bytesOfKeys = z.strictObject({
  entries: bytes,
  hidden: bytes,
  meta: bytes,
  log: bytes,
  idsNow: bytes,
  idsBefore: bytes,
  metadata: bytes,
  places: bytes,
  rules: bytes,
  held: bytes,
});
/** `archived` is null where the tables have nothing of the shard, or no database can tell; `lag` is in batches. */
export const shards = z.strictObject({
  ...heading,
  incarnation: z.string(),
  shards: z.array(
    z.strictObject({
      shard: count,
      members: count,
      hidden: count,
      held: count,
      log: count,
      n: count,
      bytes: bytesOfKeys,
      slot: count,
      node: z.string().nullable(),
      archived: z.strictObject({ n: count, at: instant, lag: count }).nullable(),
    }),
  ),
});

const rate = z.number().min(0);
/** `rates` are since the look before at this gateway, and null at the first. */
export const boardStats = z.strictObject({
  ...heading,
  members: count,
  hidden: count,
  held: count,
  bytes,
  accepted: count,
  feed: z.strictObject({ epoch: z.string(), offset: count }),
  rates: z.strictObject({ submissionsPerSecond: rate, topChangesPerSecond: rate, overMs: rate }).nullable(),
  archive: z.strictObject({ lag: count, shards: count }).nullable(),
});
