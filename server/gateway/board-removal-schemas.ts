/** zod for the deletion of a board: what it takes, and what it answers. */
import { z } from "zod";
import { boardId } from "../leaderboard/board-schema.ts";

export const boardRemovalQuery = z.strictObject({
  /** The board's id once more. */
  confirm: boardId,
  /** What becomes of its rows in the database. */
  archive: z.enum(["keep", "delete"]).default("keep"),
});

export const boardRemovalAnswer = z.strictObject({
  board: z.string(),
  deleted: z.literal(true),
  /** The last one that it had: a board that is made anew under this id begins with a later one. */
  season: z.int(),
  archive: z.enum(["keep", "delete"]),
  /** False while its data is still going. */
  removed: z.boolean(),
});
