/** zod for what reads of the past answer. */
import { z } from "zod";
import { boardId } from "../../leaderboard/board-schema.ts";
import { count, entry, entryValues, heading, instant, position, shownProfile } from "./entry-answers.ts";

/** From when on nothing is known, and until when; without an end where the archive has nothing behind it. */
const gap = z.strictObject({ from: instant, to: instant.optional() });

/** `at` as asked, `asOf` when the top was published; `position` is absent where a season's final order answers. */
export const pastTop = z.strictObject({
  ...heading,
  at: instant,
  asOf: instant,
  position: position.optional(),
  complete: z.boolean(),
  gap: gap.optional(),
  exact: z.literal(true),
  total: count,
  entries: z.array(entry),
});

const pastRank = z.strictObject({
  at: instant,
  rank: z.int().min(1),
  total: count,
  exact: z.boolean(),
  error: z.number().optional(),
});
/** Not on the board from then on where `score` is null. */
const pastScore = z.union([
  z.strictObject({ at: instant, ...entryValues }),
  z.strictObject({ at: instant, score: z.null() }),
]);

export const memberHistory = z.union([
  z.strictObject({
    ...heading,
    member: z.string(),
    from: instant,
    to: instant,
    asOf: instant,
    complete: z.boolean(),
    scores: z.array(pastScore),
    ranks: z.array(pastRank),
  }),
  z.strictObject({
    board: boardId,
    member: z.string(),
    /** The newest first. */
    seasons: z.array(
      z.strictObject({
        season: z.int().min(1),
        endedAt: instant,
        ...entryValues,
        rank: z.int().min(1),
        total: count,
      }),
    ),
    cursor: z.string().optional(),
  }),
]);

export const passedMembers = z.strictObject({
  ...heading,
  member: z.string(),
  since: instant,
  asOf: instant,
  complete: z.boolean(),
  /** The member's own values then; null when it was not on the board. */
  before: z.strictObject(entryValues).nullable(),
  count,
  entries: z.array(
    z.strictObject({
      member: z.string(),
      ...entryValues,
      before: z.strictObject(entryValues).nullable(),
      /** When the entry last changed; absent where it was not this one that moved. */
      at: instant.optional(),
      profile: shownProfile.optional(),
    }),
  ),
  cursor: z.string().optional(),
});
