/** zod for questions about the past. */
import { z } from "zod";
import { instant } from "./schemas.ts";

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

export const POINTS_MAX = 500;

export const historyQuery = z.strictObject({
  season: whole(1, Number.MAX_SAFE_INTEGER).optional(),
  seasons: z.literal("all").optional(),
  from: instant.optional(),
  to: instant.optional(),
  /** Of each curve; of seasons, of one page. */
  points: whole(4, POINTS_MAX).default(100),
  cursor: z.string().max(256).optional(),
});

export const passedQuery = z.strictObject({
  since: instant,
  limit: whole(1, 500).default(20),
  /** The longest place there can be, in base64. */
  cursor: z.string().max(1_024).optional(),
});
