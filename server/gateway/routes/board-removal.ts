/** The end of a board. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import { noteForAudit } from "../audit-hook.ts";
import { boardRemovalAnswer, boardRemovalQuery } from "../board-removal-schemas.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

const DELETE = describe({
  summary: "deletes the board with all that Redis has of it; `confirm` is its id once more",
  details:
    "[deleting a board](#deleting-a-board): the database keeps what it has, unless `?archive=delete`; `removed: false` while data is still going",
  who: "admin",
  params: schemas.boardParams,
  query: boardRemovalQuery,
  answers: { 202: boardRemovalAnswer },
});

export function boardRemovalRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.delete("/v1/admin/boards/:board", DELETE, async (request, reply) => {
    await requireRole(gateway, request, "admin");
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const { confirm, archive } = schemas.parse(boardRemovalQuery, request.query);
    if (confirm !== board) {
      throw new AppError("bad_request", {
        message: `Nothing was deleted: ?confirm= must be the board's id, "${board}", and is "${confirm}".`,
      });
    }
    noteForAudit(request, { details: { archive } });
    const done = await gateway.removal.delete(board, archive);
    void reply.status(202);
    return { board, deleted: true, archive, ...done };
  });
}
