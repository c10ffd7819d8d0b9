/** The feed as server-sent events, for readers without a socket library [P-15]. */
import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply } from "fastify";
import type {
  Frame,
  Position,
  ProfilesMessage,
  Snapshot,
  ViewSize,
} from "../../../client-sdk/protocol/messages.ts";
import { AppError } from "../../base/errors.ts";
import type { View, ViewListener } from "../../feed/view.ts";
import type { OpenBoard } from "../../leaderboard/board.ts";
import { callerOf } from "../caller.ts";
import { type Caller, type Gateway, mayRead, openFeedOf, privateBoard, readableBoard } from "../gateway.ts";
import { describe } from "../operation.ts";
import * as schemas from "../schemas.ts";
import { refusePast } from "../season-reads.ts";
import type { ProfilesListener, ViewProfiles } from "../view-profiles.ts";

const KEEP_ALIVE_MS = 15_000;

const FEED = describe({
  summary: "the feed as server-sent events `snapshot`, `frame` and `profiles`",
  details: "[P-15](../client-sdk/protocol/rules.md)",
  who: "reader",
  params: schemas.boardParams,
  query: schemas.feedQuery,
  headers: [{ name: "Last-Event-ID", what: "`epoch:offset` of the last event: resumes behind it." }],
  answers: { 200: { mediaType: "text/event-stream", what: "Events until one side ends it." } },
});

export function feedRoutes(app: FastifyInstance, gateway: Gateway): void {
  const readers = new Map<SseReader, { board: string; caller: Caller }>();
  gateway.registry.onChange((open) => {
    for (const [reader, { board, caller }] of readers) {
      if (board === open.board.id && !mayRead(open, caller)) reader.end();
    }
  });
  // A key that does not work any more ends what was opened with it.
  gateway.keys.onChange(() => {
    for (const [reader, { caller }] of readers) {
      if ("key" in caller && !gateway.keys.isGood(caller.presented)) reader.end();
    }
  });

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
    const now = gateway.registry.boards.get(open.board.id) ?? open;
    // From here on nothing is awaited, so that the limit holds and a reader that has left meanwhile is noticed.
    const refusal = !mayRead(now, caller)
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
    readers.set(reader, { board, caller });
    const releaseSession =
      caller.role === "player"
        ? gateway.checks.hold(caller.member, caller.token, () => reader.end())
        : undefined;
    gateway.counters.sseReaders.set(readers.size);
    reply.raw.on("close", () => {
      release();
      releaseSession?.();
      reader.stop();
      readers.delete(reader);
      gateway.counters.sseReaders.set(readers.size);
    });
    reader.start(positionOf(request.headers["last-event-id"]));
  });

  app.addHook("preClose", async () => {
    for (const reader of readers.keys()) reader.end();
  });
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

/** One reader. No queue of its own: while its socket is full it lags, and gets one merged frame or a snapshot when it drains. */
class SseReader implements ViewListener, ProfilesListener {
  readonly #response: ServerResponse;
  readonly #view: View;
  readonly #profiles: ViewProfiles;
  readonly #lagMsMax: number;
  #position: Position | undefined;
  #lagTimer: NodeJS.Timeout | undefined;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(
    response: ServerResponse,
    { view, profiles }: { view: View; profiles: ViewProfiles },
    lagMsMax: number,
  ) {
    this.#response = response;
    this.#view = view;
    this.#profiles = profiles;
    this.#lagMsMax = lagMsMax;
  }

  /** Bring the reader to the present, then follow; one turn, so that nothing falls between. */
  start(position: Position | undefined): void {
    this.#position = position;
    this.#catchUp();
    this.#view.listeners.add(this);
    this.#profiles.listeners.add(this);
    this.#keepAlive = setInterval(() => this.#response.write(":\n\n"), KEEP_ALIVE_MS);
    this.#response.on("drain", () => this.#drained());
  }

  stop(): void {
    this.#view.listeners.delete(this);
    this.#profiles.listeners.delete(this);
    clearInterval(this.#keepAlive);
    clearTimeout(this.#lagTimer);
  }

  end(): void {
    this.stop();
    // One that lags would keep the end waiting for ever.
    if (this.#lagTimer) this.#response.destroy();
    else this.#response.end();
  }

  onFrame(frame: Frame): void {
    if (!this.#lagTimer) this.#send("frame", frame);
  }

  onSnapshot(snapshot: Snapshot): void {
    if (this.#lagTimer) return;
    this.#send("snapshot", snapshot);
    for (const part of this.#profiles.whole()) this.#write("profiles", this.#profiles.message(part));
  }

  onProfiles(message: ProfilesMessage): void {
    if (!this.#lagTimer) this.#write("profiles", message);
  }

  #drained(): void {
    if (!this.#lagTimer) return;
    clearTimeout(this.#lagTimer);
    this.#lagTimer = undefined;
    this.#catchUp(this.#position?.offset);
  }

  /** What of profiles was missed is told with it: while the reader lagged, since its last frame; before it came, all. */
  #catchUp(since?: number): void {
    const missed = this.#position && this.#view.since(this.#position);
    if (missed) for (const frame of missed) this.#send("frame", frame);
    else this.#send("snapshot", this.#view.snapshot());
    const profiles = missed ? this.#profiles.since(since) : this.#profiles.whole();
    for (const part of profiles) this.#write("profiles", this.#profiles.message(part));
  }

  #send(event: string, data: Frame | Snapshot): void {
    this.#position = { epoch: data.epoch, offset: data.offset };
    this.#write(event, data, `id: ${data.epoch}:${data.offset}\n`);
  }

  #write(event: string, data: object, id = ""): void {
    const text = `event: ${event}\n${id}data: ${JSON.stringify(data)}\n\n`;
    if (this.#response.write(text)) return;
    this.#lagTimer ??= setTimeout(() => this.#response.destroy(), this.#lagMsMax);
  }
}
