/** What admins look at: all boards, the shards of one, how it moves; and a player's sessions. */
import type { FastifyInstance } from "fastify";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { adminBoardInfo } from "../../leaderboard/board-info.ts";
import type { ShardFacts } from "../../leaderboard/shard-facts.ts";
import { listQuery, sessionsQuery } from "../admin-schemas.ts";
import { boardPage } from "../answers/board-answers.ts";
import { boardStats, shards as shardsAnswer } from "../answers/operator-answers.ts";
import { memberSessions, revoked as revokedAnswer } from "../answers/player-answers.ts";
import { requireRole } from "../caller.ts";
import { ChangeRates } from "../change-rates.ts";
import { type Gateway, openFeedOf } from "../gateway.ts";
import { decodeListCursor, encodeListCursor } from "../list-cursor.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { shown as shownSession } from "./sessions.ts";

const LIST = describe({
  summary: "every board by id, as an admin sees it, in [pages](#lists)",
  who: "admin",
  query: listQuery,
  answers: { 200: boardPage },
});
const SHARDS = describe({
  summary: "what each shard holds and takes, where it lies, and how far the archive is behind it",
  details: "[shards and stats](#shards-and-stats)",
  who: "admin",
  params: schemas.boardParams,
  answers: { 200: shardsAnswer },
});
const STATS = describe({
  summary: "a board's size, its feed's position, how it moves, and how far the archive is behind",
  details: "`accepted` as the [counters](#counters) say; `rates` since the look before at the same gateway",
  who: "admin",
  params: schemas.boardParams,
  answers: { 200: boardStats },
});
const SESSIONS = describe({
  summary: "a player's sessions, the last used first",
  who: "admin",
  query: sessionsQuery,
  answers: { 200: memberSessions },
});
const SIGN_OUT = describe({
  summary: "ends all sessions of a player, [everywhere](#signing-out)",
  who: "admin",
  query: sessionsQuery,
  answers: { 200: revokedAnswer },
});

export function adminLookRoutes(app: FastifyInstance, gateway: Gateway): void {
  const rates = new ChangeRates(() => performance.now());

  app.get("/v1/admin/boards", LIST, async (request) => {
    await requireRole(gateway, request, "admin");
    const { limit, cursor } = schemas.parse(listQuery, request.query);
    const after = decodeListCursor("boards", cursor) ?? "";
    const following = gateway.registry.list().filter(({ board }) => board.id > after);
    const page = following.slice(0, limit);
    const boards = page.map((open) => adminBoardInfo(open, gateway.registry.record(open.board.id)));
    const more = following.length > limit;
    return { boards, ...(more ? { cursor: encodeListCursor("boards", page.at(-1)!.board.id) } : {}) };
  });

  app.get("/v1/admin/boards/:board/shards", SHARDS, async (request) => {
    await requireRole(gateway, request, "admin");
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const open = await gateway.registry.get(board);
    // The archive first: what it has by then, Redis has too.
    const archived = await gateway.archivedPositions(open);
    const facts = await gateway.shardFacts(open);
    const { number: season, incarnation } = open.season;
    const shards = facts.map(({ incarnation: _, ...shard }) => ({
      ...shard,
      archived: archivedOf(shard, archived),
    }));
    return { board, season, incarnation, shards };
  });

  app.get("/v1/admin/boards/:board/stats", STATS, async (request) => {
    await requireRole(gateway, request, "admin");
    const { board } = schemas.parse(schemas.boardParams, request.params);
    const open = await gateway.registry.get(board);
    return statsOf(gateway, open, rates);
  });

  app.get("/v1/admin/sessions", SESSIONS, async (request, reply) => {
    await requireRole(gateway, request, "admin");
    const { member } = schemas.parse(sessionsQuery, request.query);
    void reply.header("cache-control", "no-store");
    return { member, sessions: (await gateway.sessions.list(member)).map(shownSession) };
  });

  app.delete("/v1/admin/sessions", SIGN_OUT, async (request) => {
    await requireRole(gateway, request, "admin");
    const { member } = schemas.parse(sessionsQuery, request.query);
    const revoked = await gateway.sessions.revokeAll(member);
    gateway.control.signOut(member);
    return { revoked };
  });
}

async function statsOf(gateway: Gateway, open: OpenBoard, rates: ChangeRates) {
  const { board, season } = open;
  const archived = await gateway.archivedPositions(open);
  const [facts, counts, { position }] = await Promise.all([
    gateway.shardFacts(open),
    gateway.readBoardCounts(board.id, 1),
    openFeedOf(gateway, open),
  ]);
  const sum = (of: (shard: ShardFacts) => number): number =>
    facts.reduce((total, shard) => total + of(shard), 0);
  const { accepted } = counts.total;
  return {
    board: board.id,
    season: season.number,
    members: sum(({ members }) => members),
    hidden: sum(({ hidden }) => hidden),
    held: sum(({ held }) => held),
    bytes: sum(({ bytes }) => Object.values(bytes).reduce((total, one) => total + one, 0)),
    accepted,
    feed: position,
    rates: rates.look(board.id, season.incarnation, { accepted, topChanges: position.offset }) ?? null,
    archive: archived?.size
      ? { lag: sum((shard) => archivedOf(shard, archived)?.lag ?? shard.n), shards: archived.size }
      : null,
  };
}

function archivedOf(
  { shard, n }: { shard: number; n: number },
  archived: Awaited<ReturnType<Gateway["archivedPositions"]>>,
): { n: number; at: string; lag: number } | null {
  const position = archived?.get(shard);
  return position ? { n: position.n, at: position.at.toISOString(), lag: Math.max(0, n - position.n) } : null;
}
