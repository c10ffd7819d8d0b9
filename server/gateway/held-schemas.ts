/** zod for the review of held submissions. */
import { z } from "zod";
import { boardId } from "../leaderboard/board-schema.ts";

export const HELD_LIMIT_MAX = 200;

/** `<shard>.<id in the shard>`, as the list gives it. */
const heldId = z.string().max(64);

export const heldQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(HELD_LIMIT_MAX).default(50),
  cursor: z.string().max(64).optional(),
});
export const heldParams = z.object({ board: boardId, held: heldId });
/** Told to the player; a body may be left out. */
export const heldDecision = z
  .strictObject({
    reason: z
      .string()
      .min(1)
      .max(500)
      .refine(
        (text) => !/[\p{Cc}\p{Cs}]/u.test(text),
        "must not contain control characters or lone surrogates",
      )
      .optional(),
  })
  .nullish()
  .transform((decision) => decision ?? {});
