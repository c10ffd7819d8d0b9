/** zod for the lists and looks of admins. */
import { z } from "zod";
import { member } from "./schemas.ts";

export const LIST_LIMIT_MAX = 500;

/** A page of a list: what follows the cursor of the page before. */
export const listQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(100),
  cursor: z.string().max(512).optional(),
});
export const sessionsQuery = z.strictObject({ member });
