/** Submissions of game servers: up to SUBMISSIONS_MAX a call, one result each, in order. */
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { AckLevel, SubmissionResult } from "../../../client-sdk/protocol/messages.ts";
import { AppError, toAppError } from "../../base/errors.ts";
import type { OnApplied } from "../../ingest/ingest.ts";
import type { MemberSubmission } from "../../ingest/shard-event.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { scores } from "../answers/score-answers.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { countOutcomes } from "../gateway-metrics.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

/** The shard, and the batch of its score log with which the entry is as the result says. */
type LogPosition = { shard: number; n: number };
type LoggedResult = SubmissionResult & { log?: LogPosition };

const COUNTED: ReadonlySet<SubmissionResult["outcome"]> = new Set(["accepted", "unchanged", "duplicate"]);

export function scoreRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.post(
    "/v1/boards/:board/scores",
    describe({
      summary: "submits scores; one result each, in order",
      details:
        "at most 10,000; `ack` is the level reached: [acknowledgement](#acknowledgement); with `positions: true` each result says where it is in the score log: [positions](#positions)",
      who: "server",
      params: schemas.boardParams,
      // They are checked one by one, so that a bad one does not fail the others.
      body: schemas.submissionBatch.extend({ submissions: z.array(schemas.memberSubmission).min(1) }),
      answers: { 200: scores },
    }),
    async (request) => {
      await requireRole(gateway, request, "server");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { submissions, ack, positions } = schemas.parse(schemas.submissionBatch, request.body);
      const { submissionsMax } = gateway.limits;
      if (submissions.length > submissionsMax) {
        const message = `At most ${submissionsMax} submissions a call, not ${submissions.length}.`;
        throw new AppError("too_many_items", { message });
      }
      const open = await gateway.registry.get(board);
      const { results, reached, taking } = await submitValid(gateway, open, submissions, { ack, positions });
      const { number: season, incarnation } = taking.season;
      return {
        board: open.board.id,
        season,
        ...(positions ? { incarnation } : {}),
        ack: reached,
        results,
        counts: countOutcomes(gateway, open.board.id, results, (i) => memberAt(submissions, i)),
      };
    },
  );
}

/** Of a submission that was well-formed. */
function memberAt(items: readonly unknown[], i: number): string {
  return (items[i] as MemberSubmission).member;
}

/** The well-formed ones go to ingest together; each bad one gets its own result in its own place. */
async function submitValid(
  gateway: Gateway,
  open: OpenBoard,
  items: unknown[],
  { ack, positions }: { ack: AckLevel; positions: boolean },
): Promise<{ results: LoggedResult[]; reached: AckLevel; taking: OpenBoard }> {
  const results = new Array<LoggedResult>(items.length);
  const valid: MemberSubmission[] = [];
  const places: number[] = [];
  items.forEach((item, i) => {
    try {
      valid.push(schemas.parse(schemas.memberSubmission, item) as MemberSubmission);
      places.push(i);
    } catch (error) {
      results[i] = { outcome: "rejected", error: toAppError(error).body() };
    }
  });
  const arrival = gateway.ingest.arrival(open);
  const logs: LogPosition[] = [];
  const note: OnApplied | undefined = positions
    ? ({ shard }, i, n) => {
        // The reply was no longer kept: that it counted is known, but not with which batch.
        if (n > 0) logs[i] = { shard, n };
      }
    : undefined;
  const judged =
    ack === "replica"
      ? await gateway.replication.submit(open, valid, arrival, note)
      : { results: await gateway.ingest.submit(open, valid, note, arrival), reached: ack };
  judged.results.forEach((outcome, i) => {
    const log = COUNTED.has(outcome.outcome) ? logs[i] : undefined;
    results[places[i]!] = log ? { ...outcome, log } : outcome;
  });
  return { results, reached: judged.reached, taking: arrival.open };
}
