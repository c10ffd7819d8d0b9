/** Reads of boards: definition, top, members, around, rank of a score. */
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { EntryValues } from "../../../client-sdk/protocol/messages.ts";
import { ranksOf } from "../../../client-sdk/protocol/rows.ts";
import { AppError, toAppError } from "../../base/errors.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { adminBoardInfo, boardInfo } from "../../leaderboard/board-info.ts";
import { entryValues, placeOf } from "../../leaderboard/codec.ts";
import { decodeCursor, encodeCursor } from "../../leaderboard/page-cursor.ts";
import { callerOf } from "../caller.ts";
import { withProfiles } from "../entry-profiles.ts";
import { fastMembers, fastRank, fastRankOfScore, fastTotal } from "../fast-ranks.ts";
import { type Gateway, mayRead, openFeedOf, readableBoard } from "../gateway.ts";
import { topAsItStood } from "../past-top-reads.ts";
import * as schemas from "../schemas.ts";
import { pastTop, type SeasonReads, seasonPercentiles, seasonReads } from "../season-reads.ts";
import { noteArchived } from "../unchanged-answers.ts";
import * as operations from "./board-operations.ts";

const TOP_LIMIT = 20;

type TopQuery = { limit?: number | undefined; offset: number };

export function boardRoutes(app: FastifyInstance, gateway: Gateway): void {
  const { registry } = gateway;

  const asked = <T extends z.ZodType<{ season?: number | undefined }>>(request: FastifyRequest, query: T) =>
    seasonAsked(gateway, request, query);

  app.get("/v1/boards", operations.list, async (request) => {
    const caller = await callerOf(gateway, request);
    const visible = registry.list().filter((open) => mayRead(open, caller));
    return { boards: visible.map(boardInfo) };
  });

  app.get("/v1/boards/:board", operations.one, async (request) => {
    const { reads, open, query } = await asked(request, schemas.memberQuery);
    const fast = isFast(reads, query) ? fastTotal(gateway, open) : undefined;
    const { role } = await callerOf(gateway, request);
    const record = reads.state === "present" ? registry.record(open.board.id) : undefined;
    const shown = role === "admin" ? adminBoardInfo(open, record) : boardInfo(open);
    return { ...shown, ...(fast ?? { exact: true, total: await reads.reader.count(open) }) };
  });

  app.get("/v1/boards/:board/top", operations.top, async (request) => {
    const { at } = request.query as { at?: string };
    if (at !== undefined) return shownAt(gateway, request);
    const { reads, open, query } = await asked(request, schemas.topQuery);
    const { cursor, offset, limit = TOP_LIMIT } = query;
    if (cursor === undefined && reads.state === "present") {
      return shown(gateway, open, await publishedTop(gateway, open, query));
    }
    const page =
      cursor === undefined
        ? await pastTop(gateway, reads, { offset, limit })
        : await reads.reader.page(open, decodeCursor(open, cursor), limit);
    return shown(gateway, open, { ...heading(open), exact: true, ...page });
  });

  app.get("/v1/boards/:board/members/:member", operations.member, async (request) => {
    const { reads, open, query } = await asked(request, schemas.memberQuery);
    const { member } = schemas.parse(schemas.memberParams, request.params);
    const rank = await rankOf(gateway, request, { reads, query, member });
    return (await withProfiles(gateway.profiles, open, [rank]))[0];
  });

  app.get("/v1/boards/:board/members/:member/around", operations.around, async (request) => {
    const { reads, open, query } = await asked(request, schemas.aroundQuery);
    const { member } = schemas.parse(schemas.memberParams, request.params);
    const around = await aroundOf(gateway, request, { reads, query, member });
    return shown(gateway, open, { ...heading(open), exact: true, ...around });
  });

  app.post("/v1/boards/:board/members", operations.members, async (request) => {
    const { reads, open } = await asked(request, schemas.seasonOnly);
    return shown(gateway, open, await manyMembers(gateway, reads, request.body));
  });

  app.get("/v1/boards/:board/rank-of-score", operations.rankOfScore, async (request) => {
    const { reads, open, query } = await asked(request, schemas.scoreQuery);
    const values = valuesOf(open, query as { score: number } & Record<string, unknown>);
    const fast = isFast(reads, query) ? fastRankOfScore(gateway, open, values) : undefined;
    const exact = async () => ({ exact: true, ...(await reads.reader.rankOfScore(open, values)) });
    return { ...heading(open), ...values, ...(fast ?? (await exact())) };
  });

  app.get("/v1/boards/:board/percentiles", operations.percentiles, async (request) => {
    const { reads, open, query } = await asked(request, schemas.percentilesQuery);
    return { ...heading(open), ...(await seasonPercentiles(gateway, reads, query.percents)) };
  });
}

/** The board in the season that is asked for, who answers for it, and the parsed query of a request. */
async function seasonAsked<T extends z.ZodType<{ season?: number | undefined }>>(
  gateway: Gateway,
  request: FastifyRequest,
  querySchema: T,
) {
  const { board } = schemas.parse(schemas.boardParams, request.params);
  const present = await readableBoard(gateway, board, await callerOf(gateway, request));
  const query = schemas.parse(querySchema, request.query);
  const reads = await seasonReads(gateway, present, query.season);
  if (reads.state === "archived") noteArchived(request);
  return { reads, open: reads.open, query };
}

type Shown<Query> = { reads: SeasonReads; query: Query; member: string };

function rankOf(
  gateway: Gateway,
  request: FastifyRequest,
  { reads, query, member }: Shown<{ precision: "fast" | "exact" }>,
) {
  const { open, reader } = reads;
  return orOwn(gateway, request, reads, {
    member,
    shown: () => (isFast(reads, query) ? fastRank(gateway, open, member) : reader.rank(open, member)),
    own: () => gateway.ownView.rank(open, member),
  });
}

function aroundOf(
  gateway: Gateway,
  request: FastifyRequest,
  { reads, query: { limit }, member }: Shown<{ limit: number }>,
) {
  const { open, reader } = reads;
  return orOwn(gateway, request, reads, {
    member,
    shown: () => reader.around(open, member, limit),
    own: () => gateway.ownView.around(open, member, limit),
  });
}

/** What everybody is shown of a member; hidden players who ask for themselves in a season that Redis holds get what they may see. */
async function orOwn<T, O>(
  gateway: Gateway,
  request: FastifyRequest,
  { state }: SeasonReads,
  { member, shown, own }: { member: string; shown: () => Promise<T>; own: () => Promise<O | undefined> },
): Promise<T | O> {
  try {
    return await shown();
  } catch (error) {
    const caller = await callerOf(gateway, request);
    const isOwn = caller.role === "player" && caller.member === member;
    if (!isOwn || state === "archived" || toAppError(error).code !== "member_not_found") throw error;
    const answer = await own();
    if (answer === undefined) throw error;
    return answer;
  }
}

/** An answer whose entries carry what the board shows of profiles. */
async function shown<T extends { entries: { member: string }[] }>(
  { profiles }: Gateway,
  open: OpenBoard,
  answer: T,
) {
  return { ...answer, entries: await withProfiles(profiles, open, answer.entries) };
}

/** The top as it stood. */
async function shownAt(gateway: Gateway, request: FastifyRequest) {
  const { board } = schemas.parse(schemas.boardParams, request.params);
  const present = await readableBoard(gateway, board, await callerOf(gateway, request));
  const query = schemas.parse(schemas.topQuery, request.query);
  const { open, answer } = await topAsItStood(gateway, request, { present, query, at: query.at! });
  return shown(gateway, open, answer);
}

/** What cheats had better not know, and what else a definition says. */
async function manyMembers(gateway: Gateway, reads: SeasonReads, body: unknown) {
  refuseTooMany(body, gateway.limits.membersMax);
  const { open, reader } = reads;
  const question = schemas.parse(schemas.membersQuestion, body);
  const { members, ranks } = question;
  const fast = ranks && isFast(reads, question) ? await fastMembers(gateway, open, members) : undefined;
  if (fast) return { ...heading(open), exact: false, ...fast };
  if (reads.state !== "archived")
    refuseCostly(open, ranks ? members.length : 0, gateway.limits.rankCountsMax);
  const { ranked, missing, total } = await reader.members(open, members, { ranks });
  const entries = ranks ? ranked : ranked.map(({ rank: _, ...entry }) => entry);
  return { ...heading(open), exact: true, total, entries, missing };
}

/** Only the present season has what is fast; the others are answered exactly. */
function isFast({ state }: SeasonReads, { precision }: { precision: "fast" | "exact" }): boolean {
  return precision === "fast" && state === "present";
}

function heading({ board, season }: OpenBoard): { board: string; season: number } {
  return { board: board.id, season: season.number };
}

/** The published top from this gateway's memory, exact at its position. */
async function publishedTop(gateway: Gateway, open: OpenBoard, query: TopQuery) {
  const { offset } = query;
  const limit = query.limit ?? Math.max(1, Math.min(TOP_LIMIT, open.board.topSize - offset));
  if (offset + limit > open.board.topSize) {
    const message = `offset + limit must be at most ${open.board.topSize}; page on with the cursor of the last answer.`;
    throw new AppError("bad_request", { message });
  }
  const { rows, position, total } = await openFeedOf(gateway, open);
  const ranks = ranksOf(rows, open.board.ties);
  const entries = rows.slice(offset, offset + limit).map((row, i) => {
    return { rank: ranks[offset + i]!, member: row[0], ...entryValues(open, placeOf(row)) };
  });
  const last = rows[offset + entries.length - 1];
  // `total` is as of the last frame: behind a full top there may be members that no frame has told of.
  const atEnd = offset + entries.length === rows.length && rows.length < open.board.topSize;
  const more = last !== undefined && !atEnd;
  const cursor = more ? { cursor: encodeCursor(open, placeOf(last)) } : {};
  return { ...heading(open), position, exact: true, total, entries, ...cursor };
}

/** `?score=25&column.wins=1`: columns after the score may be left out, from the last one on. */
function valuesOf({ board }: OpenBoard, query: { score: number } & Record<string, unknown>): EntryValues {
  const columns: Record<string, number | string> = {};
  const names = board.columns.slice(1).map(({ name }) => name);
  const whole = new Set(board.columns.filter(({ type }) => type === "int64").map(({ name }) => name));
  for (const [name, value] of Object.entries(query)) {
    if (name === "score" || name === "season" || name === "precision") continue;
    const column = /^column\.(.+)$/.exec(name)?.[1];
    if (column === undefined || !names.includes(column)) {
      throw new AppError("column_unknown", {
        message: `"${name}" is not "column.<name>" of a column of this board.`,
      });
    }
    columns[column] = schemas.parse(whole.has(column) ? schemas.integerText : schemas.numberText, value);
  }
  const given = Object.keys(columns).length;
  const missing = names.slice(0, given).find((name) => !Object.hasOwn(columns, name));
  if (missing !== undefined) {
    throw new AppError("column_missing", { message: `Column "${missing}" comes before one that is given.` });
  }
  return given > 0 ? { score: query.score, columns } : { score: query.score };
}

/** Each rank is counted on every shard. */
function refuseCostly({ board }: OpenBoard, members: number, max: number): void {
  if (members * board.shards <= max) return;
  const most = Math.floor(max / board.shards);
  const message = `At most ${most} members with ranks a call on a board of ${board.shards} shards; ask for fewer, or with "ranks": false.`;
  throw new AppError("too_many_items", { message });
}

function refuseTooMany(body: unknown, max: number): void {
  const members = (body as { members?: unknown } | null)?.members;
  if (Array.isArray(members) && members.length > max) {
    throw new AppError("too_many_items", {
      message: `At most ${max} members a call, not ${members.length}.`,
    });
  }
}
