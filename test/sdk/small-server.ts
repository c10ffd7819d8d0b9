import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo, Socket as NetSocket } from "node:net";
import { Server } from "socket.io";
import type {
  Ack,
  ClientEvents,
  Frame,
  LiveWindow,
  Row,
  ServerEvents,
  Standing,
  SubmitMessage,
  SubscribeMembers,
  SubscribeMessage,
  SubscribeReply,
  TopReply,
} from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";
import { frameOf, infoOf, row, snapshotOf } from "./samples.ts";
import { aroundWindow, membersWindow, standingOf, windowEntries } from "./standings.ts";

/**
 * The protocol at its smallest, on a real socket.io server: one board, one view, one player, and live ranks of all. `kill` takes the
 * process away and `start` brings it back on the same port; what a store would keep (rows, frames, ids) stays.
 */
export class SmallServer {
  #io: Server<ClientEvents, ServerEvents> | undefined;
  #http: HttpServer | undefined;
  #port = 0;
  readonly #connections = new Set<NetSocket>();
  readonly #path: string;
  #rows: Row[] = [];
  readonly #frames: Frame[] = [];
  readonly #applied = new Set<string>();
  /** Tokens of the handshakes, refused ones included. */
  readonly tokens: unknown[] = [];
  readonly submits: SubmitMessage[] = [];
  readonly subscribes: SubscribeMessage[] = [];
  /** Called for each handshake: an error body refuses it. */
  admit: (token: unknown) => object | undefined = () => undefined;
  /** Called when a submission was applied; false withholds the acknowledgement. */
  applied: () => boolean = () => true;
  /** Called right before a subscribe is acknowledged. */
  subscribing: () => void = () => {};
  /** Called right after a subscribe was acknowledged. */
  subscribed: () => void = () => {};

  constructor(path = "/socket.io/") {
    this.#path = path;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const http = createServer();
    http.on("connection", (connection) => {
      this.#connections.add(connection);
      connection.on("close", () => this.#connections.delete(connection));
    });
    const io = new Server<ClientEvents, ServerEvents>(http, { transports: ["websocket"], path: this.#path });
    io.use((socket, next) => {
      const { token } = socket.handshake.auth;
      this.tokens.push(token);
      const refusal = this.admit(token);
      next(refusal && Object.assign(new Error("refused"), { data: refusal }));
    });
    io.on("connection", (socket) => {
      socket.on("board", (_, ack) => ack({ ok: true, info: infoOf() }));
      socket.on("submit", (message, ack) => this.#submit(message, ack));
      socket.on("unsubscribe", (_, ack) => ack({ ok: true }));
      socket.on("rank", ({ board }, ack) =>
        ack({
          ok: true,
          board,
          season: 1,
          member: "me",
          rank: 1,
          exact: true,
          total: 1,
          percentile: 100,
          score: 5,
        }),
      );
      socket.on("subscribe", (message, ack) => {
        this.subscribes.push(message);
        this.subscribing();
        ack({ ok: true, info: infoOf(), ...this.#answer(message) } as Ack<SubscribeReply>);
        this.subscribed();
      });
    });
    this.#io = io;
    this.#http = http;
    await new Promise<void>((resolve) => http.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (http.address() as AddressInfo).port;
  }

  #answer(message: SubscribeMessage): TopReply | { standing: Standing } | { window: LiveWindow } {
    if (message.kind === "me") return { standing: this.#standing(message.member ?? "me") };
    if (message.kind === "around") return { window: this.#around(message.member ?? "me") };
    if (message.kind === "members") return { window: this.#friends(message) };
    const { position } = message;
    if (!position)
      return { info: infoOf(), mode: "snapshot", snapshot: snapshotOf(this.#frames.length, this.#rows) };
    return {
      info: infoOf(),
      mode: "resume",
      frames: this.#frames.filter(({ offset }) => offset > position.offset),
    };
  }

  #standing(member: string): Standing {
    const place = this.#rows.findIndex(([name]) => name === member) + 1;
    return standingOf(place || null, this.#frames.length, { member, total: this.#rows.length });
  }

  #around(member: string): LiveWindow {
    const names = this.#rows.map(([name]) => name);
    return aroundWindow(member, windowEntries(1, ...names), { asOf: this.#frames.length });
  }

  #friends({ list, members }: SubscribeMembers): LiveWindow {
    const names = this.#rows.map(([name]) => name).filter((name) => members.includes(name));
    return membersWindow(list, windowEntries(1, ...names), { asOf: this.#frames.length });
  }

  /** Change the board, whether anybody is connected or not. */
  publish(member: string, score: number): void {
    const set = [row(member, score)];
    this.#rows = applyRows(this.#rows, set, []);
    const frame = frameOf(this.#frames.length + 1, set, { total: this.#rows.length });
    this.#frames.push(frame);
    this.#io?.emit("frame", frame);
    for (const [name] of this.#rows) this.#io?.emit("rank", this.#standing(name));
    for (const message of this.subscribes) {
      if (message.kind === "around") this.#io?.emit("window", this.#around(message.member ?? "me"));
      if (message.kind === "members") this.#io?.emit("window", this.#friends(message));
    }
  }

  /** Tell everybody where somebody stands. */
  tell(standing: Standing): void {
    this.#io?.emit("rank", standing);
  }

  /** Say why, then close every connection. */
  bye(message: Parameters<ServerEvents["bye"]>[0]): void {
    this.#io?.emit("bye", message);
    this.#io?.disconnectSockets(true);
  }

  /** As a process dies: connections break without a word. */
  async kill(): Promise<void> {
    const io = this.#io;
    this.#io = undefined;
    for (const connection of this.#connections) connection.destroy();
    this.#http?.closeAllConnections();
    await io?.close();
  }

  #submit(message: SubmitMessage, ack: Parameters<ClientEvents["submit"]>[1]): void {
    this.submits.push(message);
    const outcome = this.#applied.has(message.id!) ? "duplicate" : "accepted";
    this.#applied.add(message.id!);
    if (outcome === "accepted")
      this.publish("me", (this.#rows.find(([name]) => name === "me")?.[2] ?? 0) + message.score);
    const score = this.#rows.find(([name]) => name === "me")![2];
    if (this.applied()) ack({ ok: true, season: 1, result: { outcome, score } });
  }
}
