/** What was counted: of one board, and of the whole deployment. */
import type { FastifyInstance } from "fastify";
import { allCounters, boardCounters } from "../answers/score-answers.ts";
import { requireRole } from "../caller.ts";
import { countersQuery } from "../counter-schemas.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

export function counterRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get(
    "/v1/boards/:board/counters",
    describe({
      summary: "what became of submissions, who played and who is connected, by day",
      details: "[counters](#counters)",
      who: "server",
      params: schemas.boardParams,
      query: countersQuery,
      answers: { 200: boardCounters },
    }),
    async (request) => {
      await requireRole(gateway, request, "server");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { days } = schemas.parse(countersQuery, request.query);
      const open = await gateway.registry.get(board);
      return { board: open.board.id, ...(await gateway.readBoardCounts(open.board.id, days)) };
    },
  );

  app.get(
    "/v1/admin/counters",
    describe({
      summary: "the [counters](#counters) of all boards together",
      who: "admin",
      query: countersQuery,
      answers: { 200: allCounters },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      const { days } = schemas.parse(countersQuery, request.query);
      return gateway.readAllCounts(days);
    },
  );
}
