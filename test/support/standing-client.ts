/** A client without the SDK that follows ranks and windows, and keeps every word of the server. */
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  Ended,
  LiveWindow,
  MeReply,
  ProfilesMessage,
  Standing,
  SubmitReply,
  WindowReply,
} from "../../client-sdk/protocol/messages.ts";

export class StandingClient {
  readonly socket: Socket;
  /** Every pushed standing, in order, without the answers to `me`. */
  readonly pushes: Standing[] = [];
  readonly windows: LiveWindow[] = [];
  readonly ended: Ended[] = [];
  readonly profiles: ProfilesMessage[] = [];
  /** The last word on each member. */
  readonly last = new Map<string, Standing>();

  constructor(url: string, token?: string) {
    const auth = token === undefined ? {} : { auth: { token } };
    this.socket = io(url, { transports: ["websocket"], reconnection: false, forceNew: true, ...auth });
    this.socket.on("rank", (standing: Standing) => {
      this.pushes.push(standing);
      this.last.set(standing.member, standing);
    });
    this.socket.on("window", (window: LiveWindow) => this.windows.push(window));
    this.socket.on("profiles", (message: ProfilesMessage) => this.profiles.push(message));
    this.socket.on("ended", (ended: Ended) => this.ended.push(ended));
  }

  connected(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.socket.once("connect", () => resolve(this));
      this.socket.once("connect_error", reject);
    });
  }

  ask<T>(event: string, message: unknown): Promise<Ack<T>> {
    return this.socket.timeout(8_000).emitWithAck(event, message) as Promise<Ack<T>>;
  }

  /** Follow a member's rank, one's own without a name. @throws the error body of a refusal */
  async me(board: string, member?: string): Promise<Standing> {
    const reply = await this.ask<MeReply>("subscribe", { board, kind: "me", ...(member ? { member } : {}) });
    if (!reply.ok) throw reply.error;
    if (!this.last.has(reply.standing.member)) this.last.set(reply.standing.member, reply.standing);
    return reply.standing;
  }

  async window(message: Record<string, unknown>): Promise<LiveWindow> {
    const reply = await this.ask<WindowReply>("subscribe", message);
    if (!reply.ok) throw reply.error;
    return reply.window;
  }

  async submit(board: string, score: number): Promise<void> {
    const reply = await this.ask<SubmitReply>("submit", { board, score });
    if (!reply.ok) throw reply.error;
  }

  close(): void {
    this.socket.disconnect();
  }
}
