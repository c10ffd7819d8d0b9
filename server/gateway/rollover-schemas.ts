/** What a rollover by hand takes and answers, and how a definition is staged for the next one. */
import { z } from "zod";
import { boardDefinition, boardId } from "../leaderboard/board-schema.ts";
import { instant } from "./answers/entry-answers.ts";

export const rolloverBody = z
  .strictObject({
    /** The season that shall end: a call that is repeated after its answer was lost ends no other. */
    season: z.int().min(1).optional(),
    definition: boardDefinition.optional(),
  })
  .default({});

export const putBoardQuery = z.strictObject({ at: z.literal("rollover").optional() });

export const rolloverAnswer = z.strictObject({
  board: boardId,
  season: z.int().min(1),
  next: z.strictObject({ number: z.int().min(1), state: z.enum(["opening", "open"]) }),
  /** When the season ends; absent until its successor is open. */
  closesAt: instant.optional(),
});

export const stagedAnswer = z.strictObject({
  board: boardId,
  season: z.int().min(1),
  staged: z.literal(true),
});
