/** What was: a member's scores and ranks over time, and who has passed it. The top as it stood is an `at` of the top. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { EntryValues } from "../../../client-sdk/protocol/messages.ts";
import { AppError } from "../../base/errors.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { entryValues } from "../../leaderboard/codec.ts";
import { decodeCursor, encodeCursor } from "../../leaderboard/page-cursor.ts";
import { comparePlaces } from "../../leaderboard/reader.ts";
import { closingInstant } from "../../leaderboard/season-steps.ts";
import * as answers from "../answers/history-answers.ts";
import { callerOf } from "../caller.ts";
import { withProfiles } from "../entry-profiles.ts";
import { type Gateway, readableBoard } from "../gateway.ts";
import { historyQuery, passedQuery } from "../history-schemas.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { describe } from "../operation.ts";
import { instantOf, textOf } from "../past-top-reads.ts";
import * as schemas from "../schemas.ts";
import { type SeasonReads, seasonReads } from "../season-reads.ts";

const HISTORY = describe({
  summary: "a member's score and rank over time",
  details:
    "in one season between `from` and `to`, of each at most `points` (100); with `seasons=all` the final rank and score of every archived season: [history](history.md)",
  who: "reader",
  params: schemas.memberParams,
  query: historyQuery,
  answers: { 200: answers.memberHistory },
});

const PASSED = describe({
  summary: "who was behind a member at `since` and is ahead of it now, best first",
  details:
    "`count` of all; where one question would look at too many changes, `since` is later and `complete` false: [history](history.md)",
  who: "reader",
  params: schemas.memberParams,
  query: passedQuery,
  answers: { 200: answers.passedMembers },
});

export function historyRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/v1/boards/:board/members/:member/history", HISTORY, async (request) => {
    const { present, member } = await asked(gateway, request);
    const query = schemas.parse(historyQuery, request.query);
    if (query.seasons === "all") return allSeasons(gateway, present, member, query);
    if (query.cursor !== undefined) {
      throw new AppError("bad_request", { message: "cursor goes with seasons=all." });
    }
    return curveOf(gateway, request, { present, member, query });
  });

  app.get("/v1/boards/:board/members/:member/passed", PASSED, async (request) => {
    const { present, member } = await asked(gateway, request);
    return passedOf(gateway, present, member, schemas.parse(passedQuery, request.query));
  });
}

async function asked(gateway: Gateway, request: FastifyRequest) {
  const { board, member } = schemas.parse(schemas.memberParams, request.params);
  const present = await readableBoard(gateway, board, await callerOf(gateway, request));
  return { present, member };
}

type HistoryQuery = z.output<typeof historyQuery>;

async function allSeasons(
  gateway: Gateway,
  { board }: OpenBoard,
  member: string,
  { season, from, to, points, cursor }: HistoryQuery,
) {
  if (season !== undefined || from !== undefined || to !== undefined) {
    throw new AppError("bad_request", { message: "seasons=all takes points and cursor only." });
  }
  const list = `history ${board.id}`;
  const before = Number(decodeListCursor(list, cursor) ?? Number.MAX_SAFE_INTEGER);
  if (!Number.isSafeInteger(before)) throw new AppError("cursor_invalid");
  const asked = { before: Math.min(before, 2 ** 31 - 1), limit: points + 1 };
  const found = await gateway.memberHistory.seasons(board.id, member, asked);
  const seasons = found
    .slice(0, points)
    .map(({ endedAtMs, ...point }) => ({ ...point, endedAt: textOf(endedAtMs) }));
  const last = found.length > points ? seasons.at(-1) : undefined;
  const more = last ? { cursor: encodeListCursor(list, String(last.season)) } : {};
  return { board: board.id, member, seasons, ...more };
}

async function curveOf(
  gateway: Gateway,
  request: FastifyRequest,
  { present, member, query }: { present: OpenBoard; member: string; query: HistoryQuery },
) {
  const reads = await seasonReads(gateway, present, query.season);
  const { open, state } = reads;
  const inSight = await isInSight(gateway, request, reads, member);
  const asOfMs = state === "archived" ? reads.endedAtMs : await gateway.archivedUntil(open);
  const { fromMs, toMs } = rangeOf(gateway, present, reads, query);
  const asked = { fromMs, toMs, points: query.points, withRanks: inSight, isHot: state !== "archived" };
  const curve = await gateway.memberHistory.curve(open, member, asked);
  const scores = curve.scores.map(({ atMs, values }) => ({
    at: textOf(atMs),
    ...(values ?? { score: null }),
  }));
  const ranks = curve.ranks.map(({ atMs, ...rank }) => ({ at: textOf(atMs), ...rank }));
  if (state === "archived" && query.to === undefined) {
    const { rank, total } = await reads.reader.rank(open, member);
    const at = textOf(reads.endedAtMs);
    // What is final counts, not what was published last.
    if (ranks.at(-1)?.at === at) ranks.pop();
    ranks.push({ at, rank, total, exact: true });
  }
  const heading = { board: open.board.id, season: open.season.number, member };
  const range = { from: textOf(curve.fromMs), to: textOf(toMs), asOf: textOf(asOfMs) };
  return { ...heading, ...range, complete: curve.complete, scores, ranks };
}

/** Within the season, and within what the score log keeps. @throws AppError bad_request, history_gone */
function rangeOf(gateway: Gateway, present: OpenBoard, reads: SeasonReads, { from, to }: HistoryQuery) {
  const { open } = reads;
  const { openedAtMs } = open.season;
  const endMs =
    reads.state === "archived" ? reads.endedAtMs : (closingInstant(open) ?? Number.POSITIVE_INFINITY);
  const toMs = Math.min(to === undefined ? Date.now() : instantOf(to), endMs);
  if (to !== undefined && toMs < openedAtMs)
    throw new AppError("bad_request", { message: "to comes before the season's opening." });
  const keptMs = Date.now() - gateway.logKeptMs(present);
  // At the end of an archived season its final table says what was; before it, only the changes behind do.
  if (toMs < endMs) refuseGone(present, toMs, keptMs);
  if (from === undefined) return { fromMs: Math.min(Math.max(openedAtMs, keptMs), toMs), toMs };
  const fromMs = Math.max(instantOf(from), openedAtMs);
  if (fromMs > toMs)
    throw new AppError("bad_request", { message: "from comes after to, or after the season's end." });
  refuseGone(present, fromMs, keptMs);
  return { fromMs, toMs };
}

function refuseGone({ board }: OpenBoard, fromMs: number, keptMs: number): void {
  if (fromMs >= keptMs) return;
  const earliest = textOf(keptMs);
  const message = `Changes of "${board.id}" are kept from ${earliest} on.`;
  throw new AppError("history_gone", { message, details: { earliest } });
}

/** True for who is shown, false for hidden players who ask for themselves. @throws AppError member_not_found, unavailable */
async function isInSight(
  gateway: Gateway,
  request: FastifyRequest,
  { open, reader, state }: SeasonReads,
  member: string,
): Promise<boolean> {
  const { missing } = await reader.members(open, [member], { ranks: false });
  if (missing.length === 0) return true;
  const caller = await callerOf(gateway, request);
  const isOwn = caller.role === "player" && caller.member === member && state !== "archived";
  if (isOwn && (await gateway.ownView.entryOf(open, member))) return false;
  throw new AppError("member_not_found", { message: `"${member}" is not on board "${open.board.id}".` });
}

async function passedOf(
  gateway: Gateway,
  open: OpenBoard,
  member: string,
  { since, limit, cursor }: z.output<typeof passedQuery>,
) {
  const sinceMs = Math.max(instantOf(since), open.season.openedAtMs);
  refuseGone(open, sinceMs, Math.min(Date.now() - gateway.logKeptMs(open), Date.now()));
  const after = cursor === undefined ? undefined : decodeCursor(open, cursor);
  const asOfMs = await gateway.archivedUntil(open);
  const { passed, before, complete, ...found } = await gateway.passedMembers.since(open, member, sinceMs);
  const rest = after ? passed.filter(({ place }) => comparePlaces(place, after) > 0) : passed;
  const page = rest.slice(0, limit);
  const valuesOf = (key: Parameters<typeof entryValues>[1] | undefined): EntryValues | null =>
    key ? entryValues(open, key) : null;
  const entries = page.map(({ place, before: then, atMs }) => ({
    member: place.member,
    ...entryValues(open, place),
    before: valuesOf(then),
    ...(atMs === undefined ? {} : { at: textOf(atMs) }),
  }));
  const last = rest.length > limit ? page.at(-1) : undefined;
  return {
    board: open.board.id,
    season: open.season.number,
    member,
    since: textOf(found.sinceMs),
    asOf: textOf(asOfMs),
    complete,
    before: valuesOf(before),
    count: passed.length,
    entries: await withProfiles(gateway.profiles, open, entries),
    ...(last ? { cursor: encodeCursor(open, last.place) } : {}),
  };
}
