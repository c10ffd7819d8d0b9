/** The list of a board's seasons: the present one and those beside it from the record, the archived ones from their table. */
import type { FastifyInstance } from "fastify";
import { AppError } from "../../base/errors.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { closingInstant } from "../../leaderboard/season-steps.ts";
import { callerOf } from "../caller.ts";
import { type Gateway, readableBoard } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { type SeasonLine, seasonsAnswer, seasonsQuery } from "../season-schemas.ts";

const OPERATION = describe({
  summary:
    "the board's seasons, the newest first: `closing` is over and still in Redis, `archived` has its final table",
  details: "[past seasons](#past-seasons)",
  who: "reader",
  params: schemas.boardParams,
  query: seasonsQuery,
  answers: { 200: seasonsAnswer },
});

export function seasonRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/v1/boards/:board/seasons", OPERATION, async (request) => {
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const open = await readableBoard(gateway, board, await callerOf(gateway, request));
    const { limit, cursor } = schemas.parse(seasonsQuery, request.query);
    const below = cursor === undefined ? Number.MAX_SAFE_INTEGER : decode(board, cursor);
    const lines = await linesOf(gateway, open, below, limit + 1);
    const seasons = lines.slice(0, limit);
    const more = lines.length > limit ? { cursor: encode(board, seasons.at(-1)!.number) } : {};
    return { board, seasons, ...more };
  });
}

/** Seasons before a number, at most `limit`. The first season alone needs no question to the database. */
async function linesOf(
  gateway: Gateway,
  present: OpenBoard,
  below: number,
  limit: number,
): Promise<SeasonLine[]> {
  const { board, season, next } = present;
  const lines = [...(next ? [hotLine(next, "next")] : []), hotLine(present)].filter(
    ({ number }) => number < below,
  );
  const before = Math.min(below, season.number);
  if (before <= 1) return lines.slice(0, limit);
  const stored = await gateway.storedSeasons.before({ board: board.id, season: before }, limit);
  const archived = stored.flatMap((line): SeasonLine[] => {
    const { season: number, openedAt, endedAt, archivedAt, entries } = line;
    if (!archivedAt) return [];
    const times = { openedAt: openedAt.toISOString(), archivedAt: archivedAt.toISOString() };
    return [{ number, state: "archived", ...times, endedAt: (endedAt ?? archivedAt).toISOString(), entries }];
  });
  const known = new Set(archived.map(({ number }) => number));
  const closing = gateway.registry.closing(board.id).filter(({ season: { number } }) => !known.has(number));
  const past = [...archived, ...closing.map((open) => hotLine(open, "closing"))];
  const sorted = past.filter(({ number }) => number < before).sort((a, b) => b.number - a.number);
  return [...lines, ...sorted].slice(0, limit);
}

function hotLine(open: OpenBoard, state: "next" | "closing" | "open" = "open"): SeasonLine {
  const { number, openedAtMs, state: stored } = open.season;
  const endsAtMs = closingInstant(open);
  return {
    number,
    state: state === "open" && stored === "closed" ? "closed" : state,
    openedAt: new Date(openedAtMs).toISOString(),
    endedAt: endsAtMs === undefined ? null : new Date(endsAtMs).toISOString(),
    archivedAt: null,
    entries: null,
  };
}

function encode(board: string, number: number): string {
  return Buffer.from(JSON.stringify([board, number])).toString("base64url");
}

/** @throws AppError cursor_invalid */
function decode(board: string, cursor: string): number {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const number = Number(/,(\d{1,15})\]$/.exec(text)?.[1]);
  if (text !== JSON.stringify([board, number])) throw new AppError("cursor_invalid");
  return number;
}
