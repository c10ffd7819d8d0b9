/** Creating and changing boards. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import { adminBoardInfo } from "../../leaderboard/board-info.ts";
import { boardDefinition, boardFrom } from "../../leaderboard/board-schema.ts";
import { withStaged } from "../../leaderboard/season-steps.ts";
import { putBoard } from "../answers/board-answers.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import { putBoardQuery, stagedAnswer } from "../rollover-schemas.ts";
import * as schemas from "../schemas.ts";

export function adminRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.put(
    "/v1/admin/boards/:board",
    describe({
      summary: "creates (201) or replaces (200) a board's definition",
      details:
        "what is left out gets its default again, rules too; `?at=rollover` stages it for the next season, and then fixed fields may differ (202)",
      who: "admin",
      params: schemas.boardParams,
      query: putBoardQuery,
      body: boardDefinition,
      answers: { 200: putBoard, 201: putBoard, 202: stagedAnswer },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      if ((request.body as { mode?: unknown } | null)?.mode === "tiered") {
        throw new AppError("not_available", { message: "Tiered boards are not built yet." });
      }
      const definition = schemas.parse(boardDefinition, request.body);
      const { at } = schemas.parse(putBoardQuery, request.query);
      if (at === "rollover") {
        const staged = await gateway.registry.change(board, (stored, nowMs) =>
          withStaged(stored, boardFrom(board, definition), nowMs),
        );
        void reply.status(202);
        return { board, season: staged.season.number, staged: true };
      }
      const { open, created } = await gateway.registry.put(boardFrom(board, definition));
      void reply.status(created ? 201 : 200);
      return adminBoardInfo(open, gateway.registry.record(board));
    },
  );
}
