/** zod for what submissions, their review and their counters answer. */
import { z } from "zod";
import { boardId } from "../../leaderboard/board-schema.ts";
import {
  count,
  entryValues,
  heading,
  instant,
  loggedResult,
  ms,
  submissionResult,
  violation,
} from "./entry-answers.ts";

export const scores = z.strictObject({
  ...heading,
  ack: z.enum(["memory", "replica"]),
  /** Of the season's life in Redis, where positions were asked for. */
  incarnation: z.string().optional(),
  results: z.array(loggedResult),
  counts: z.strictObject({
    accepted: count,
    unchanged: count,
    duplicate: count,
    rejected: count,
    held: count,
  }),
});

const heldSubmission = z.strictObject({
  held: z.string(),
  member: z.string(),
  ...entryValues,
  id: z.string().optional(),
  metadata: z.string().optional(),
  arrivedAtMs: ms,
  heldAtMs: ms,
  violation,
});
export const heldPage = z.strictObject({
  ...heading,
  held: z.array(heldSubmission),
  cursor: z.string().optional(),
});
export const approved = z.strictObject({ ...heading, submission: heldSubmission, result: submissionResult });
export const rejected = z.strictObject({ ...heading, submission: heldSubmission });

const outcomes = z.strictObject({
  accepted: count,
  unchanged: count,
  duplicate: count,
  rejected: count,
  limited: count,
  held: count,
});
const peak = z.strictObject({ connections: count, at: instant }).nullable();
const countFields = {
  connected: z.strictObject({ connections: count, players: count, gateways: count }),
  peak,
  total: outcomes,
  days: z.array(z.strictObject({ day: z.iso.date(), players: count, peak, counts: outcomes })),
  playersError: z.number(),
};
export const allCounters = z.strictObject(countFields);
export const boardCounters = z.strictObject({ board: boardId, ...countFields });
