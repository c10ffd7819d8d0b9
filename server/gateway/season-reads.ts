/**
 * Which season a read is about, and who answers it: the present one as ever, one that is over and still in Redis from its shards, an
 * archived one from its final table. The one place that decides.
 */
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Page, Reader } from "../leaderboard/reader.ts";
import { percentiles } from "./fast-ranks.ts";
import type { Gateway } from "./gateway.ts";

/** What answers exactly, of shards or of a final table. */
type ExactReader = Pick<Reader, "rank" | "members" | "around" | "page" | "rankOfScore" | "count">;

export type SeasonReads = {
  /** The board with the season's rules; who may see it, and what it shows of profiles, is as it is today. */
  open: OpenBoard;
  reader: ExactReader;
} & (
  | { state: "present" }
  /** Over, and not yet in the archive. */
  | { state: "closing" }
  | { state: "archived"; endedAtMs: number }
);

/** @throws AppError season_not_found, unavailable */
export async function seasonReads(
  gateway: Gateway,
  present: OpenBoard,
  asked: number | undefined,
): Promise<SeasonReads> {
  const { number } = present.season;
  if (asked === undefined || asked === number) {
    return { open: present, reader: gateway.reader, state: "present" };
  }
  // What has not been needs no question to the database.
  if (asked > number) throw noSeason(present, asked);
  const { id } = present.board;
  const closing = gateway.registry.hot(id, asked);
  // The archive first: when it has the season, its keys may be gone from Redis before this process hears of it.
  const past = await gateway.pastSeasons.find(id, asked).catch((error: unknown) => {
    if (!closing) throw error;
  });
  if (past) {
    const { endedAtMs } = past;
    return { open: asToday(past, present), reader: gateway.pastSeasons, state: "archived", endedAtMs };
  }
  if (!closing) throw noSeason(present, asked);
  return { open: asToday(closing, present), reader: gateway.reader, state: "closing" };
}

/** Feeds and live ranks are of the present season alone. @throws AppError season_closed, season_not_found */
export function refusePast(present: OpenBoard, asked: number | undefined): void {
  const { board, season } = present;
  if (asked === undefined || asked === season.number) return;
  if (asked > season.number) throw noSeason(present, asked);
  const message = `Season ${asked} of "${board.id}" is over and does not move any more: GET /v1/boards/${board.id}/top?season=${asked} reads it, and the feed without \`season\` follows the present one.`;
  throw new AppError("season_closed", { message });
}

/** The entries of a season that is over, from an offset on: at any depth once it is archived. @throws AppError bad_request, unavailable */
export async function pastTop(
  gateway: Gateway,
  { open, state }: SeasonReads,
  { offset, limit }: { offset: number; limit: number },
): Promise<Page> {
  if (state === "archived") return gateway.pastSeasons.pageAt(open, offset, limit);
  const { topSize } = open.board;
  if (offset + limit > topSize) {
    const message = `offset + limit must be at most ${topSize} until the season is archived; page on with the cursor of the last answer.`;
    throw new AppError("bad_request", { message });
  }
  const { entries, ...page } = await gateway.reader.page(open, undefined, offset + limit);
  return { ...page, entries: entries.slice(offset) };
}

/** The score that the best so many percent have at least. @throws AppError unavailable while there is no index, or not yet a final table */
export async function seasonPercentiles(gateway: Gateway, reads: SeasonReads, percents: readonly number[]) {
  const { open, state } = reads;
  if (state === "present") return percentiles(gateway, open, percents);
  if (state === "archived") {
    const { total, percentiles } = await gateway.pastSeasons.percentiles(open, percents);
    return { total, asOf: reads.endedAtMs, percentiles };
  }
  throw new AppError("unavailable", {
    message: `Season ${open.season.number} is over and on its way into the archive.`,
    retryAfterMs: 5_000,
  });
}

function noSeason({ board, season }: OpenBoard, asked: number): AppError {
  const message = `Board "${board.id}" has no season ${asked} to read; the present one is ${season.number}.`;
  return new AppError("season_not_found", { message });
}

function asToday<T extends OpenBoard>(past: T, { board }: OpenBoard): T {
  const { visibility, profileFields } = board;
  return { ...past, board: { ...past.board, visibility, profileFields } };
}
