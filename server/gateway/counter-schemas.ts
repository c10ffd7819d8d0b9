/** zod for the questions about counters. */
import { z } from "zod";

export const DAYS_MAX = 366;

/** Days, today included. Of days that are no longer kept the counts are 0. */
export const countersQuery = z.strictObject({
  days: z.coerce.number().int().min(1).max(DAYS_MAX).default(7),
});
