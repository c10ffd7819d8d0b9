/** One Socket.IO connection over k6/websockets. */
import { clearTimeout, setTimeout } from "k6/timers";
import { WebSocket } from "k6/websockets";
import type { Ack, ClientEvents } from "../../../client-sdk/protocol/messages.ts";
import { connectMs } from "./metrics.ts";
import { answerOf, connectPacket, decode, eventPacket, type Packet, PONG } from "./packet.ts";

const ANSWER_MS = 15_000;

/** Those of this VU. k6 ends an iteration only when all are closed. */
const held = new Set<GameSocket>();

export function closeSockets(): void {
  for (const socket of held) socket.close();
}

type Event = Extract<Packet, { kind: "event" }>;
type Waiting = { resolve: (packet: { json: string }) => void; reject: (error: Error) => void; timer: number };

export class GameSocket {
  readonly #ws: WebSocket;
  readonly #token: string | undefined;
  readonly #waiting = new Map<number, Waiting>();
  #connecting: Waiting | undefined;
  #acks = 0;
  #open = true;
  onEvent: (event: Event) => void = () => undefined;
  /** Not called for a close of our own. */
  onLost: (why: string) => void = () => undefined;

  /** Resolves when Socket.IO says connected. Rejects when the server refuses, or does not answer in time. */
  static async connect(target: string, token?: string): Promise<GameSocket> {
    const startedAt = Date.now();
    const socket = new GameSocket(target, token);
    try {
      await new Promise<unknown>((resolve, reject) => {
        socket.#connecting = socket.#wait(resolve, reject, "connect");
      });
    } catch (error) {
      socket.close();
      throw new Error(`connect: ${String(error)} (after ${Date.now() - startedAt} ms)`);
    }
    connectMs.add(Date.now() - startedAt);
    return socket;
  }

  private constructor(target: string, token: string | undefined) {
    this.#token = token;
    held.add(this);
    this.#ws = new WebSocket(`${target.replace(/^http/, "ws")}/socket.io/?EIO=4&transport=websocket`);
    // Not upon the server's hello: k6 (2.2.0) drops a message that it reads before it has told of the open connection: two of
    // 86,900 sign-ins were lost so.
    this.#ws.onopen = () => this.#ws.send(connectPacket(this.#token));
    this.#ws.onmessage = (message) => {
      // Binary packets are not part of the protocol.
      if (typeof message?.data === "string") this.#take(decode(message.data));
    };
    this.#ws.onerror = (event) => this.#lost(event?.error ?? "error");
    this.#ws.onclose = () => this.#lost("closed");
  }

  /** An acknowledged message [P-10]. Rejects when the connection is lost, or nothing comes in time. */
  async request<T>(name: keyof ClientEvents, message: object): Promise<Ack<T>> {
    if (!this.#open) throw new Error(`${name}: the connection is closed`);
    const id = this.#acks++;
    const answer = new Promise<{ json: string }>((resolve, reject) => {
      this.#waiting.set(id, this.#wait(resolve, reject, name));
    });
    this.#ws.send(eventPacket(name, message, id));
    try {
      return answerOf<Ack<T>>(await answer);
    } finally {
      this.#waiting.delete(id);
    }
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Without a word to Socket.IO, as a client that is gone. */
  close(): void {
    if (!this.#open) return;
    this.#end("closed by us");
    this.#ws.close();
  }

  #wait(resolve: Waiting["resolve"], reject: Waiting["reject"], what: string): Waiting {
    const timer = setTimeout(() => reject(new Error(`${what}: no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
    return { resolve, reject, timer };
  }

  #take(packet: Packet): void {
    switch (packet.kind) {
      case "ping":
        this.#ws.send(PONG);
        break;
      case "connected":
        settle(this.#connecting, ({ resolve }) => resolve({ json: "" }));
        break;
      case "refused": {
        const why = new Error(packet.error?.code ?? packet.message);
        settle(this.#connecting, ({ reject }) => reject(why));
        break;
      }
      case "disconnected":
        this.#lost("disconnected by the server");
        break;
      case "event":
        this.onEvent(packet);
        break;
      case "ack":
        settle(this.#waiting.get(packet.id), ({ resolve }) => resolve(packet));
        break;
      case "open":
      case "other":
        break;
    }
  }

  #lost(why: string): void {
    if (!this.#open) return;
    this.#end(why);
    this.onLost(why);
  }

  /** Nobody waits for a closed connection; a timer that is left would keep the VU. */
  #end(why: string): void {
    this.#open = false;
    held.delete(this);
    for (const waiting of [this.#connecting, ...this.#waiting.values()])
      settle(waiting, ({ reject }) => reject(new Error(why)));
  }
}

function settle(waiting: Waiting | undefined, how: (waiting: Waiting) => void): void {
  if (!waiting) return;
  clearTimeout(waiting.timer);
  how(waiting);
}
