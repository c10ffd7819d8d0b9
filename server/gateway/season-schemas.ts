/** zod for the list of a board's seasons: what it takes, and what it answers. */
import { z } from "zod";

export const seasonsQuery = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(128).optional(),
});

const time = z.iso.datetime();

export const seasonsAnswer = z.strictObject({
  board: z.string(),
  /** The newest first. */
  seasons: z.array(
    z.strictObject({
      number: z.int(),
      /** `next`: open beside the present one, which it follows. `closing`: over, and on its way into the archive. */
      state: z.enum(["next", "open", "closed", "closing", "archived"]),
      openedAt: time,
      /** When it stopped taking submissions, or will, where that is known. */
      endedAt: time.nullable(),
      archivedAt: time.nullable(),
      /** Of the final table; null before there is one. */
      entries: z.int().nullable(),
    }),
  ),
  cursor: z.string().optional(),
});

export type SeasonLine = z.output<typeof seasonsAnswer>["seasons"][number];
