/**
 * Which season a submission belongs to [R 4]. Pure: the instant of its arrival decides, or the name that it carries, and what is named
 * and over is refused, never counted elsewhere.
 */
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "./board.ts";
import { goesOn } from "./season-schedule.ts";
import { closingInstant } from "./season-steps.ts";

const CHANGING_RETRY_MS = 1_000;

/** The season that takes what arrives at an instant: the next one from the closing instant on, where it is open. */
export function takingAt(open: OpenBoard, atMs: number): OpenBoard {
  const closesAtMs = closingInstant(open);
  return open.next && closesAtMs !== undefined && atMs >= closesAtMs ? open.next : open;
}

/**
 * @param open what `takingAt` gave for the instant
 * @param named the season that the submission names
 * @throws AppError season_not_found, season_closed, season_changing (nothing takes it yet)
 */
export function checkSeason(open: OpenBoard, named: number | undefined, atMs: number): void {
  const { board, season } = open;
  if (named !== undefined && named > season.number) {
    throw new AppError("season_not_found", { message: `Board "${board.id}" has no season ${named} yet.` });
  }
  const closesAtMs = closingInstant(open);
  const over = season.state === "closed" || (closesAtMs !== undefined && atMs >= closesAtMs);
  if (named === undefined && over && closesAtMs !== undefined && goesOn(board.season, closesAtMs)) {
    throw seasonChanging(open);
  }
  if (over || (named !== undefined && named < season.number)) {
    throw new AppError("season_closed", {
      message: `Season ${named ?? season.number} of "${board.id}" is over.`,
    });
  }
  const { startsAt } = board.season;
  if (season.number > 1 || startsAt === undefined || atMs >= Date.parse(startsAt)) return;
  throw new AppError("season_changing", {
    message: `The first season of "${board.id}" begins at ${startsAt}.`,
    retryAfterMs: Math.min(60_000, Date.parse(startsAt) - atMs),
  });
}

/** The season is over, and this process knows no next one yet. */
export function seasonChanging({ board, season }: OpenBoard): AppError {
  return new AppError("season_changing", {
    message: `Season ${season.number} of "${board.id}" is over and the next one is not open yet.`,
    retryAfterMs: CHANGING_RETRY_MS,
  });
}
