/** Changing a board field by field. */
import type { FastifyInstance } from "fastify";
import { adminBoardInfo } from "../../leaderboard/board-info.ts";
import { boardPatch, patchedBoard } from "../../leaderboard/board-patch.ts";
import { putBoard } from "../answers/board-answers.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";

const OPERATION = describe({
  summary:
    "changes the fields of a board's definition that are named; null takes `rules`, `rewards`, `webhookTop` or `endsAt` away",
  details:
    "of two changes at once none undoes the other; fixed fields answer `board_locked`: [a board](#a-board)",
  who: "admin",
  params: schemas.boardParams,
  body: boardPatch,
  answers: { 200: putBoard },
});

export function boardPatchRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.patch("/v1/admin/boards/:board", OPERATION, async (request) => {
    await requireRole(gateway, request, "admin");
    const { board: id } = schemas.parse(schemas.boardParams, request.params);
    const patch = schemas.parse(boardPatch, request.body);
    const open = await gateway.registry.patch(id, (board) => patchedBoard(board, patch));
    return adminBoardInfo(open, gateway.registry.record(id));
  });
}
