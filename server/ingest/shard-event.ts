/** From a checked submission to what a shard takes, and back from its outcome to the result that the sender gets. */
import type { EntryValues, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues } from "../leaderboard/codec.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import { holdsViolations, isJudged, type Verdict } from "../leaderboard/score-rules.ts";
import type { ShardEvent } from "../leaderboard/submit-batch.ts";
import { payloadOf } from "../leaderboard/values.ts";
import { heldRecord } from "./held-record.ts";
import type { ShardOutcome } from "./shard-pipe.ts";

/** A submission for a named member, its shape already checked. */
export type MemberSubmission = EntryValues & {
  member: string;
  id?: string;
  season?: number;
  metadata?: string;
  /** Under which id it is held: an admin lets it count, whatever the rules say. Never from outside. */
  approves?: string;
};

/** @throws AppError whatever is wrong with the submission itself */
export function shardEvent(
  open: OpenBoard,
  submission: MemberSubmission,
  arrivedAtMs: number,
  hasher: Hasher,
): ShardEvent {
  const { member, id, metadata } = submission;
  const { board, season } = open;
  if (metadata !== undefined && !board.metadata) {
    throw new AppError("bad_request", { message: "The board takes no metadata." });
  }
  const payload = payloadOf(open, submission, arrivedAtMs);
  const idHash = id === undefined || board.operator === "best" ? "" : hasher.idHash(season.salt, member, id);
  const event: ShardEvent = { member, idHash, metadata: metadata ?? "", payload };
  const hold = holdOf(open, submission, arrivedAtMs, hasher);
  if (hold !== undefined) event.hold = hold;
  return event;
}

/** What a judged board is told beside the event: under which id it may be held, and what of it; or what it approves. */
function holdOf(
  { board, season }: OpenBoard,
  submission: MemberSubmission,
  arrivedAtMs: number,
  hasher: Hasher,
): string | undefined {
  if (submission.approves !== undefined) return `a${submission.approves}`;
  if (!isJudged(board)) return undefined;
  const { member, id } = submission;
  const holds = holdsViolations(board);
  if (id === undefined) return holds ? `h${newId()} ${heldRecord(submission, arrivedAtMs)}` : undefined;
  // Also where violations are refused: what was held while they were not must not count beside its review.
  const heldId = hasher.idHash(season.salt, member, id);
  return holds ? `h${heldId} ${heldRecord(submission, arrivedAtMs)}` : `h${heldId}`;
}

const OUTCOMES = { a: "accepted", u: "unchanged", d: "duplicate" } as const;

/** @param hasId whether the shard remembers the submission's id */
export function resultOf(open: OpenBoard, hasId: boolean, outcome: ShardOutcome): SubmissionResult {
  if ("error" in outcome) return { outcome: "rejected", error: outcome.error.body() };
  const { status, place, verdict } = outcome;
  const values = place && entryValues(open, place);
  switch (status) {
    case "r":
      return { outcome: "rejected", error: new AppError("out_of_range").body(), ...values };
    case "g":
      return { outcome: "rejected", error: new AppError("held_not_found").body(), ...values };
    case "v":
      return { outcome: "rejected", error: violated(verdict!).body(), ...values };
    case "h":
      return { outcome: "held", violation: verdict!.violation, ...values };
  }
  const result: SubmissionResult = { outcome: OUTCOMES[status], ...(values ?? { score: 0 }) };
  // Without an id these operators are at-least-once, and the result says so [P-11].
  if (!hasId && open.board.operator !== "best") result.idempotent = false;
  return result;
}

function violated({ violation, retryAfterMs }: Verdict): AppError {
  const { rule, value, limit, heldFull } = violation;
  const full = heldFull ? " The board holds as many submissions for review as it may." : "";
  return new AppError("rule_violated", {
    message: `The board's ${rule} is ${limit}; the submission comes to ${value}. Nothing was counted.${full}`,
    details: violation,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}
