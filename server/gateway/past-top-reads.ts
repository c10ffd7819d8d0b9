/** The top as it stood: which season an instant is of, who answers, and what is shown of it today. */
import type { FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Row } from "../../client-sdk/protocol/messages.ts";
import { ranksOf } from "../../client-sdk/protocol/rows.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, placeOf } from "../leaderboard/codec.ts";
import type { Gateway } from "./gateway.ts";
import type { topQuery } from "./schemas.ts";
import { pastTop, type SeasonReads, seasonReads } from "./season-reads.ts";
import { noteArchived } from "./unchanged-answers.ts";

type TopQuery = z.output<typeof topQuery>;

/** How far a caller's clock may be ahead. */
const AHEAD_MS = 5_000;
const TOP_LIMIT = 20;

/**
 * Who is out of sight today, or not on the board any more, is left out of every past top, and ranks close up.
 * @throws AppError bad_request, season_not_found, history_gone, not_available, unavailable
 */
export async function topAsItStood(
  gateway: Gateway,
  request: FastifyRequest,
  { present, query, at }: { present: OpenBoard; query: TopQuery; at: string },
) {
  const { season, offset, limit = TOP_LIMIT, cursor } = query;
  if (cursor !== undefined) {
    throw new AppError("bad_request", { message: "A past top has no cursors: page by offset and limit." });
  }
  const atMs = instantOf(at);
  const reads = await readsAt(gateway, present, season, atMs);
  const { open } = reads;
  const heading = { board: open.board.id, season: open.season.number, at: textOf(atMs) };
  if (reads.state === "archived") {
    noteArchived(request);
    if (atMs >= reads.endedAtMs) {
      const { entries, total } = await pastTop(gateway, reads, { offset, limit });
      const asOf = textOf(reads.endedAtMs);
      return { open, answer: { ...heading, asOf, complete: true, exact: true as const, total, entries } };
    }
  }
  const past = await gateway.pastTops.at(open, atMs, reads.state !== "archived");
  const { position, asOfMs, total, complete, gap } = past;
  const shown = await inSight(reads, past.rows as unknown as Row[]);
  const ranks = ranksOf(shown, open.board.ties);
  const entries = shown.slice(offset, offset + limit).map((row, i) => {
    return { rank: ranks[offset + i]!, member: row[0], ...entryValues(open, placeOf(row)) };
  });
  const known = gap && {
    gap: { from: textOf(gap.fromMs), ...(gap.toMs === undefined ? {} : { to: textOf(gap.toMs) }) },
  };
  const asOf = textOf(asOfMs);
  return {
    open,
    answer: { ...heading, asOf, position, complete, ...known, exact: true as const, total, entries },
  };
}

/** Rows of members who are on the board in that season, and in sight. */
async function inSight({ reader, open }: SeasonReads, rows: readonly Row[]): Promise<Row[]> {
  if (rows.length === 0) return [];
  const members = rows.map(([member]) => member);
  const { missing } = await reader.members(open, members, { ranks: false });
  const gone = new Set(missing);
  return rows.filter(([member]) => !gone.has(member));
}

async function readsAt(
  gateway: Gateway,
  present: OpenBoard,
  asked: number | undefined,
  atMs: number,
): Promise<SeasonReads> {
  const { board, season } = present;
  const isPresent = atMs >= season.openedAtMs;
  const number = asked ?? (isPresent ? season.number : await gateway.pastTops.seasonAt(board.id, atMs));
  if (number === undefined) {
    throw new AppError("bad_request", { message: `Board "${board.id}" had not opened at that instant.` });
  }
  const reads = await seasonReads(gateway, present, number);
  const { openedAtMs } = reads.open.season;
  if (atMs < openedAtMs) {
    const message = `Season ${number} of "${board.id}" opened at ${textOf(openedAtMs)}.`;
    throw new AppError("bad_request", { message });
  }
  return reads;
}

/** @throws AppError bad_request for one that has not come */
export function instantOf(text: string): number {
  const atMs = Date.parse(text);
  if (atMs > Date.now() + AHEAD_MS) {
    throw new AppError("bad_request", { message: `${text} has not come yet.` });
  }
  return atMs;
}

export function textOf(ms: number): string {
  return new Date(ms).toISOString();
}
