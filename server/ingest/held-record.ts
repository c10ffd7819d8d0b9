/** What a shard keeps of a submission that is held for review: text of the shard's verdict, then JSON of the submission. */
import type { EntryValues, RuleViolation } from "../../client-sdk/protocol/messages.ts";
import { assert } from "../base/assert.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { verdictFrom } from "../leaderboard/score-rules.ts";
import type { MemberSubmission } from "./shard-event.ts";

/** One held submission, as an admin sees it. */
export type HeldSubmission = EntryValues & {
  /** `<shard>.<id in the shard>`: what approve and reject take. */
  held: string;
  member: string;
  /** The player's own id, if it came with one. */
  id?: string;
  metadata?: string;
  /** ms since the Unix epoch, by the gateway's clock: the tie time if it is approved. */
  arrivedAtMs: number;
  /** ms since the Unix epoch, by Redis's clock. */
  heldAtMs: number;
  violation: RuleViolation;
};

/** The part that the gateway writes. */
export function heldRecord(submission: MemberSubmission, arrivedAtMs: number): string {
  const { member, score, columns, id, metadata } = submission;
  return JSON.stringify({ member, score, columns, id, metadata, arrivedAtMs });
}

/** @param text "rule value waitMs heldAtMs record" */
export function heldSubmission({ board }: OpenBoard, held: string, text: string): HeldSubmission {
  const [, verdict, heldAtMs, record] = /^(\S+ \S+ \S+) (\d+) (.*)$/s.exec(text) ?? [];
  assert(verdict !== undefined && record !== undefined, `${held} is not a held submission`);
  const { violation } = verdictFrom(board, verdict);
  return { held, ...JSON.parse(record), heldAtMs: Number(heldAtMs), violation };
}
