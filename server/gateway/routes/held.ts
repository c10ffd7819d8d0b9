/** The review of submissions that broke a score rule: an admin lists them, and approves or rejects each. */
import type { FastifyInstance } from "fastify";
import type { HeldSubmission } from "../../ingest/held-record.ts";
import { approved, heldPage, rejected } from "../answers/score-answers.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { countOutcomes } from "../gateway-metrics.ts";
import { heldDecision, heldParams, heldQuery } from "../held-schemas.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

export function heldRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get(
    "/v1/admin/boards/:board/held",
    describe({
      summary: "[held submissions](#held-submissions), in no order of time, at most 200 a page",
      who: "admin",
      params: schemas.boardParams,
      query: heldQuery,
      answers: { 200: heldPage },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { limit, cursor } = schemas.parse(heldQuery, request.query);
      const open = await gateway.registry.get(board);
      return { board, season: open.season.number, ...(await gateway.held.list(open, limit, cursor)) };
    },
  );

  app.post(
    "/v1/admin/boards/:board/held/:held/approve",
    describe({
      summary: "it counts now",
      details: "`held_not_found` when it was decided already",
      who: "admin",
      params: heldParams,
      body: heldDecision,
      answers: { 200: approved },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board, held } = schemas.parse(heldParams, request.params);
      const { reason } = schemas.parse(heldDecision, request.body);
      const open = await gateway.registry.get(board);
      const { submission, result } = await gateway.held.approve(open, held);
      countOutcomes(gateway, board, [result], () => submission.member);
      if (result.outcome !== "rejected") tell(gateway, board, submission, "approved", reason);
      return { board, season: open.season.number, submission, result };
    },
  );

  app.post(
    "/v1/admin/boards/:board/held/:held/reject",
    describe({
      summary: "it never counts",
      who: "admin",
      params: heldParams,
      body: heldDecision,
      answers: { 200: rejected },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { board, held } = schemas.parse(heldParams, request.params);
      const { reason } = schemas.parse(heldDecision, request.body);
      const open = await gateway.registry.get(board);
      const submission = await gateway.held.reject(open, held);
      tell(gateway, board, submission, "rejected", reason);
      return { board, season: open.season.number, submission };
    },
  );
}

/** [P-20] To the player's sockets of this moment, at most once. */
function tell(
  gateway: Gateway,
  board: string,
  { member, id, score }: HeldSubmission,
  decision: "approved" | "rejected",
  reason: string | undefined,
): void {
  gateway.control.notify(member, { kind: "held", data: { board, id, score, decision, reason } });
}
