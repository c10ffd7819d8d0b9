/** Ending a season by hand. The roles `seasons` do the rest; the answer does not wait for them. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import type { BoardRecord } from "../../leaderboard/board.ts";
import { boardFrom } from "../../leaderboard/board-schema.ts";
import { withNext, withStaged } from "../../leaderboard/season-steps.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";
import { rolloverAnswer, rolloverBody } from "../rollover-schemas.ts";
import * as schemas from "../schemas.ts";

/** Seasons that may wait for the archive before one is ended by hand. */
const CLOSING_MAX = 8;

export function rolloverRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.post(
    "/v1/admin/boards/:board/rollover",
    describe({
      summary: "ends the season and begins the next one, a few seconds later and without a gap",
      details:
        "with the `definition`, or the one that was staged; `season` is the one that shall end, so that a repeated call ends no other",
      who: "admin",
      params: schemas.boardParams,
      body: rolloverBody,
      answers: { 202: rolloverAnswer },
    }),
    async (request, reply) => {
      await requireRole(gateway, request, "admin");
      const { board } = schemas.parse(schemas.boardParams, request.params);
      const { season, definition } = schemas.parse(rolloverBody, request.body ?? {});
      const record = await gateway.registry.change(board, (stored, nowMs) => {
        if (season !== undefined && season < stored.season.number) throw closed(board, season);
        if (season !== undefined && season > stored.season.number) {
          throw new AppError("season_not_found", {
            message: `Board "${board}" has no season ${season} yet.`,
          });
        }
        // It is on its way already.
        if (stored.next && !definition) return stored;
        if (stored.next)
          throw new AppError("board_locked", {
            message: "The next season is open already, with its definition.",
          });
        if (stored.closing.length >= CLOSING_MAX) {
          const message = `${CLOSING_MAX} seasons of the board wait for the archive.`;
          throw new AppError("overloaded", { message, retryAfterMs: 10_000 });
        }
        const staged = definition ? withStaged(stored, boardFrom(board, definition), nowMs) : stored;
        return withNext(staged, nowMs);
      });
      void reply.status(202);
      return answer(record);
    },
  );
}

function answer({ board, season, next }: BoardRecord): unknown {
  const { closesAtMs } = season;
  return {
    board: board.id,
    season: season.number,
    next: { number: next!.season.number, state: next!.season.state },
    ...(closesAtMs === undefined ? {} : { closesAt: new Date(closesAtMs).toISOString() }),
  };
}

function closed(board: string, season: number): AppError {
  return new AppError("season_closed", { message: `Season ${season} of "${board}" is over.` });
}
