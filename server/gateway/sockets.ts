/**
 * The Socket.IO server: websocket only, sign-in at the handshake, one dispatcher for every message.
 *
 * Connection state recovery stays off (it would skip the sign-in); positions are the client's [P-7].
 */
import type { Server as HttpServer, IncomingMessage } from "node:http";
import { Server } from "socket.io";
import { AppError, toAppError } from "../base/errors.ts";
import { backlogOf } from "./backlog.ts";
import type { Caller, Gateway } from "./gateway.ts";
import { handlers } from "./handlers/index.ts";
import { LiveSubscriptions } from "./live-subscriptions.ts";
import { boardsFollowed } from "./local-connections.ts";
import { parse, type SocketMessages, socketMessages } from "./schemas.ts";
import { type AnyAck, type GameServer, type GameSocket, sayBye } from "./socket-types.ts";
import { UnreadMessages } from "./unread-messages.ts";
import { Rooms } from "./view-rooms.ts";

const MALFORMED_MAX = 20;
/** Answers that may wait for a client that asks but does not read. */
const UNREAD_MAX = 1_000;

export class Sockets {
  readonly #io: GameServer;
  readonly #rooms: Rooms;
  readonly #live: LiveSubscriptions;
  readonly #gateway: Gateway;

  constructor(http: HttpServer, gateway: Gateway) {
    this.#gateway = gateway;
    this.#io = new Server(http, {
      transports: ["websocket"],
      allowUpgrades: false,
      serveClient: false,
      httpCompression: false,
      maxHttpBufferSize: gateway.limits.messageBytesMax,
      connectTimeout: 10_000,
      pingInterval: 15_000,
      pingTimeout: 10_000,
      cors: { origin: gateway.origins },
      ...(gateway.control.adapter ? { adapter: gateway.control.adapter } : {}),
      allowRequest: (request, decide) => {
        void this.#refusal(request).then((reason) => decide(reason, reason === null));
      },
    });
    this.#rooms = new Rooms(this.#io, gateway);
    this.#live = new LiveSubscriptions(this.#io, gateway);
    this.#io.use((socket, next) => {
      this.#signIn(socket).then(
        () => next(),
        (error: unknown) => next(handshakeError(toAppError(error))),
      );
    });
    this.#io.on("connection", (socket) => this.#connected(socket));
    gateway.control.attach(this.#io);
    const { sockets } = this.#io.sockets;
    gateway.connected.add(function* () {
      for (const { data } of sockets.values()) {
        const { caller, following, live } = data;
        const member = caller.role === "player" ? caller.member : undefined;
        yield { member, boards: boardsFollowed(following.values(), live.values()) };
      }
    });
  }

  start(): void {
    this.#rooms.start();
  }

  /** Say goodbye with a spread of return times, then close all [P-12]. */
  async stop(): Promise<void> {
    await this.#rooms.stop();
    const afterMs: [number, number] = [200, 200 + Math.min(10_000, this.#io.engine.clientsCount * 2)];
    this.#io.local.emit("bye", { code: "shutting_down", reconnect: true, afterMs });
    // One turn for the goodbye to be written.
    await new Promise((resolve) => setTimeout(resolve, 20));
    this.#io.local.disconnectSockets(true);
    this.#io.engine.close();
  }

  /** Before the upgrade: origin, capacity and rate. Socket.IO's own CORS does not cover WebSocket. @returns null for none */
  async #refusal(request: IncomingMessage): Promise<string | null> {
    const { origins, limits, rates, addressOf } = this.#gateway;
    const { origin } = request.headers;
    if (origins !== "*" && origin !== undefined && !origins.includes(origin)) return "origin not allowed";
    const isFull = (): boolean => this.#io.engine.clientsCount >= limits.socketsMax;
    if (isFull()) return "too many connections";
    try {
      await rates.takeConnection(addressOf(request));
    } catch (error) {
      return toAppError(error).code;
    }
    // Others may have come meanwhile.
    return isFull() ? "too many connections" : null;
  }

  async #signIn(socket: GameSocket): Promise<void> {
    const token: unknown = socket.handshake.auth.token;
    let caller: Caller = { role: "anyone" };
    if (token !== undefined && token !== null) {
      if (typeof token !== "string") throw new AppError("unauthorized");
      const { member } = await this.#gateway.sessions.touch(token);
      caller = { role: "player", member, token };
    }
    socket.data = {
      caller,
      following: new Map(),
      live: new Map(),
      unread: new UnreadMessages(socket, this.#gateway.limits, () => this.#gateway.counters.lagging.inc()),
      takeSubmission: this.#gateway.rates.socketSubmissions(),
      malformed: 0,
    };
  }

  #connected(socket: GameSocket): void {
    const { counters, boardCounters, control, checks } = this.#gateway;
    const { caller } = socket.data;
    counters.sockets.inc();
    if (caller.role === "player") {
      const { member, token } = caller;
      boardCounters.present(member);
      control.join(socket, member);
      socket.on(
        "disconnect",
        checks.hold(member, token, () => sayBye(socket, "session_ended", [0, 0])),
      );
    }
    socket.use(([name, ...rest], next) => {
      // Also a message without a payload is acknowledged [P-10].
      const last: unknown = rest.at(-1);
      const ack = typeof last === "function" ? (last as AnyAck) : undefined;
      void this.#dispatch(socket, String(name), rest[0] === ack ? undefined : rest[0], ack);
      // Everything is handled here; there are no listeners behind.
      void next;
    });
    socket.on("disconnect", () => {
      counters.sockets.dec();
      this.#rooms.leaveAll(socket);
      this.#live.leaveAll(socket);
    });
  }

  /** Never rejects: whatever comes of a message is in its acknowledgement [P-10]. */
  async #dispatch(
    socket: GameSocket,
    name: string,
    payload: unknown,
    ack: AnyAck | undefined,
  ): Promise<void> {
    if (backlogOf(socket) > UNREAD_MAX) return sayBye(socket, "slow_consumer", [1_000, 5_000]);
    try {
      if (!isKnown(name)) throw new AppError("bad_request", { message: `There is no message "${name}".` });
      const message = parse(socketMessages[name], payload);
      socket.data.malformed = 0;
      const context = { gateway: this.#gateway, rooms: this.#rooms, live: this.#live, socket };
      const handle = handlers[name] as (
        c: typeof context,
        m: unknown,
        reply: (answer: object) => void,
      ) => Promise<void>;
      await handle(context, message, (answer) => ack?.({ ok: true, ...answer }));
    } catch (error) {
      const refused = toAppError(error);
      if (refused.code === "internal")
        this.#gateway.log.error({ err: error, message: name }, "message failed");
      ack?.({ ok: false, error: refused.body() });
      if (refused.code === "bad_request" && ++socket.data.malformed === MALFORMED_MAX) {
        sayBye(socket, "protocol_violation", [0, 0]);
      }
    }
  }
}

function isKnown(name: string): name is keyof SocketMessages {
  return Object.hasOwn(socketMessages, name);
}

/** What the client gets as `connect_error`, with the error body as its data. */
function handshakeError(error: AppError): Error & { data: unknown } {
  return Object.assign(new Error(error.message), { data: error.body() });
}
