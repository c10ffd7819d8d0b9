/** A connected player: signed in, follows the own rank, may submit; counts what it is sent. */
import { io, type Socket } from "socket.io-client";
import type { Ack, MeReply, Standing, SubmitReply } from "../../../client-sdk/protocol/messages.ts";

export class Player {
  readonly #socket: Socket;
  readonly #board: string;
  readonly member: string;
  readonly signedIn: boolean;
  pushes = 0;
  onStanding: (standing: Standing) => void = () => undefined;
  standing: Standing | undefined;

  constructor(url: string, board: string, { member, token }: { member: string; token?: string }) {
    this.#board = board;
    this.member = member;
    this.signedIn = token !== undefined;
    this.#socket = io(url, {
      transports: ["websocket"],
      reconnection: false,
      forceNew: true,
      ...(token === undefined ? {} : { auth: { token } }),
    });
    this.#socket.on("rank", (standing: Standing) => {
      this.pushes++;
      this.standing = standing;
      this.onStanding(standing);
    });
  }

  async follow(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("connect", () => resolve());
      this.#socket.once("connect_error", reject);
    });
    const message = { board: this.#board, kind: "me", member: this.member };
    const reply = (await this.#socket.timeout(20_000).emitWithAck("subscribe", message)) as Ack<MeReply>;
    if (!reply.ok) throw new Error(`subscribe: ${reply.error.message}`);
    this.standing = reply.standing;
  }

  async submit(score: number): Promise<void> {
    const message = { board: this.#board, score };
    const reply = (await this.#socket.timeout(10_000).emitWithAck("submit", message)) as Ack<SubmitReply>;
    if (!reply.ok) throw new Error(`submit: ${reply.error.message}`);
  }

  close(): void {
    this.#socket.disconnect();
  }
}
