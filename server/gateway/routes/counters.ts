/** What was counted: of one board, and of the whole deployment. */
import type { FastifyInstance } from "fastify";
import { requireRole } from "../caller.ts";
import { countersQuery } from "../counter-schemas.ts";
import type { Gateway } from "../gateway.ts";
import * as schemas from "../schemas.ts";

export function counterRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/v1/boards/:board/counters", async (request) => {
    await requireRole(gateway, request, "server");
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const { days } = schemas.parse(countersQuery, request.query);
    const open = await gateway.registry.get(board);
    return { board: open.board.id, ...(await gateway.readBoardCounts(open.board.id, days)) };
  });

  app.get("/v1/admin/counters", async (request) => {
    await requireRole(gateway, request, "admin");
    const { days } = schemas.parse(countersQuery, request.query);
    return gateway.readAllCounts(days);
  });
}
