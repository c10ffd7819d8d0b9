/** The feed as server-sent events, for readers without a socket library [P-15]. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Position, ViewSize } from "../../../client-sdk/protocol/messages.ts";
import { AppError } from "../../base/errors.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { callerOf } from "../caller.ts";
import {
  type Caller,
  type Gateway,
  goneBoard,
  mayRead,
  openFeedOf,
  privateBoard,
  readableBoard,
} from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { refusePast } from "../season-reads.ts";
import { SseReader } from "../sse-reader.ts";

const FEED = describe({
  summary: "the feed as server-sent events `snapshot`, `frame` and `profiles`",
  details: "`Last-Event-ID: epoch:offset` resumes: [P-15](../client-sdk/protocol/rules.md)",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.feedQuery,
  headers: [{ name: "Last-Event-ID", what: "`epoch:offset` of the last event: resumes behind it." }],
  answers: { 200: { mediaType: "text/event-stream", what: "Events until one side ends it." } },
});

/** What a reader follows: `season` is the one that it is in, or on its way into. */
type Reading = { board: string; season: number; view: ViewSize; caller: Caller; release: () => void };

export function feedRoutes(app: FastifyInstance, gateway: Gateway): void {
  const readers = new Map<SseReader, Reading>();
  const moveOn = moveWithSeasons(gateway, readers);
  endWithKeys(gateway, readers);

  gateway.connected.add(function* () {
    for (const { board, caller } of readers.values()) {
      yield { member: caller.role === "player" ? caller.member : undefined, boards: [board] };
    }
  });

  // A HEAD route of its own would follow the feed without ever ending.
  app.get("/v1/boards/:board/feed", { exposeHeadRoute: false, ...FEED }, async (request, reply) => {
    const { board } = schemas.parse(schemas.boardParams, request.params);
    await gateway.rates.takeConnection(gateway.addressOf(request.raw));
    const caller = await callerOf(gateway, request);
    const open = await readableBoard(gateway, board, caller);
    const query = schemas.parse(schemas.feedQuery, request.query);
    refusePast(open, query.season);
    const { release, ...followed } = await follow(gateway, open, query.view);
    const now = gateway.registry.boards.get(open.board.id);
    // From here on nothing is awaited, so that the limit holds and a reader that has left meanwhile is noticed.
    const refusal = !now
      ? goneBoard(board)
      : !mayRead(now, caller)
        ? privateBoard(now)
        : "key" in caller && !gateway.keys.isGood(caller.presented)
          ? new AppError("unauthorized")
          : readers.size >= gateway.limits.sseMax
            ? new AppError("too_many_connections", { retryAfterMs: 5_000 })
            : undefined;
    if (refusal) {
      release();
      throw refusal;
    }
    reply.hijack();
    if (reply.raw.destroyed) return release();
    writeHead(reply);
    const reader = new SseReader(reply.raw, followed, gateway.limits.lagMsMax);
    const reading: Reading = {
      board,
      season: open.season.number,
      view: query.view as ViewSize,
      caller,
      release,
    };
    readers.set(reader, reading);
    const releaseSession =
      caller.role === "player"
        ? gateway.checks.hold(caller.member, caller.token, () => reader.end())
        : undefined;
    gateway.counters.sseReaders.set(readers.size);
    reply.raw.on("close", () => {
      reading.release();
      releaseSession?.();
      reader.stop();
      readers.delete(reader);
      gateway.counters.sseReaders.set(readers.size);
    });
    reader.start(positionOf(request.headers["last-event-id"]));
    if (now && now.season.number > open.season.number) moveOn(reader, reading, now);
  });

  app.addHook("preClose", async () => {
    for (const reader of readers.keys()) reader.end();
  });
}

/** A key that does not work any more ends what was opened with it. */
function endWithKeys({ keys }: Gateway, readers: ReadonlyMap<SseReader, Reading>): void {
  keys.onChange(() => {
    for (const [reader, { caller }] of readers) {
      if ("key" in caller && !keys.isGood(caller.presented)) reader.end();
    }
  });
}

/** A board's readers go on to its next season. @returns what moves one on */
function moveWithSeasons(
  gateway: Gateway,
  readers: ReadonlyMap<SseReader, Reading>,
): (reader: SseReader, reading: Reading, open: OpenBoard) => void {
  const moveOn = (reader: SseReader, reading: Reading, open: OpenBoard): void => {
    reading.season = open.season.number;
    const move = async (): Promise<void> => {
      const { release, ...followed } = await follow(gateway, open, reading.view);
      if (readers.get(reader)?.season !== open.season.number) return release();
      reading.release();
      reading.release = release;
      reader.moveTo(followed);
    };
    // It comes back by itself.
    move().catch(() => reader.end());
  };
  // What comes back is told that the board is not there.
  gateway.registry.onGone(({ board }) => {
    for (const [reader, reading] of readers) if (reading.board === board.id) reader.end();
  });
  gateway.registry.onChange((open) => {
    for (const [reader, reading] of readers) {
      if (reading.board !== open.board.id) continue;
      if (!mayRead(open, reading.caller)) reader.end();
      else if (reading.season < open.season.number) moveOn(reader, reading, open);
    }
  });
  return moveOn;
}

/** A view with its profiles, kept until it is released. @throws AppError store_lost, unavailable */
async function follow(gateway: Gateway, open: OpenBoard, size: ViewSize) {
  const view = (await openFeedOf(gateway, open)).view(size);
  const releaseFeed = gateway.hub.follow(open.feed);
  const { profiles, ready, release } = gateway.topProfiles.hold(open, view);
  await ready();
  return {
    view,
    profiles,
    release: () => {
      release();
      releaseFeed();
    },
  };
}

/** At once: a reader whose position is the present one may get nothing else for a while. */
function writeHead(reply: FastifyReply): void {
  const allowed = reply.getHeader("access-control-allow-origin");
  reply.raw.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-accel-buffering": "no",
    ...(typeof allowed === "string" ? { "access-control-allow-origin": allowed } : {}),
  });
  reply.raw.flushHeaders();
}

/** `epoch:offset`; anything else is as good as none. */
function positionOf(id: string | string[] | undefined): Position | undefined {
  const parts = typeof id === "string" ? /^([\w-]{1,32}):(\d{1,15})$/.exec(id) : null;
  return parts ? { epoch: parts[1]!, offset: Number(parts[2]) } : undefined;
}
