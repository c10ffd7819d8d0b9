/** A watcher of one view: its socket, its position, and what is counted of its frames. */
import type { Ack, Position, Snapshot, TopReply, ViewSize } from "../../../client-sdk/protocol/messages.ts";
import { countRefused, countWrong, frames, gaps, resumed, snapshots } from "./metrics.ts";
import { argumentOf } from "./packet.ts";
import { connect } from "./players.ts";
import { headOf, PositionTrack } from "./positions.ts";
import type { GameSocket } from "./socket.ts";

export class ViewFollower {
  readonly #board: string;
  readonly #view: ViewSize;
  readonly #track = new PositionTrack();
  #socket: GameSocket | undefined;
  #asking = false;
  /** One frame that was in place, as text. */
  onFrame: (event: { json: string }) => void = () => undefined;

  constructor(board: string, view: ViewSize) {
    this.#board = board;
    this.#view = view;
  }

  /** Connect, and follow from where it was. Rejects when that fails. */
  async open(): Promise<void> {
    const socket = await connect();
    this.#socket = socket;
    socket.onEvent = (event) => {
      if (event.name === "frame") this.#frame(event);
      if (event.name === "snapshot") this.#track.start(argumentOf<Snapshot>(event));
    };
    await this.ask();
  }

  /** `subscribe` from the present position. @returns undefined when it was refused, which is counted */
  async ask(): Promise<TopReply | undefined> {
    if (!this.#socket) throw new Error("not connected");
    const from = this.#track.at;
    this.#asking = true;
    const message = {
      board: this.#board,
      kind: "top",
      view: this.#view,
      ...(from ? { position: from } : {}),
    };
    let reply: Ack<TopReply>;
    try {
      reply = await this.#socket.request<TopReply>("subscribe", message);
    } finally {
      this.#asking = false;
    }
    if (!reply.ok) {
      countRefused("subscribe", reply.error);
      return undefined;
    }
    this.#start(reply, from);
    return reply;
  }

  get isOpen(): boolean {
    return this.#socket?.isOpen ?? false;
  }

  close(): void {
    this.#socket?.close();
  }

  /** A resume is complete or there is none [P-7]. */
  #start(reply: TopReply, from: Position | undefined): void {
    if (reply.mode === "snapshot") {
      this.#track.start(reply.snapshot);
      if (from) snapshots.add(1);
      return;
    }
    if (!from) countWrong("resume", "without a position");
    resumed.add(1);
    for (const frame of reply.frames) {
      if (this.#track.take(frame) === "gap")
        countWrong("resume", { at: this.#track.at, after: frame.after, offset: frame.offset });
    }
  }

  #frame(event: { json: string }): void {
    // What comes while an answer is under way is covered by the answer.
    if (this.#asking) return;
    frames.add(1);
    const took = this.#track.take(headOf(event));
    if (took === "next") this.onFrame(event);
    if (took !== "gap") return;
    gaps.add(1);
    void this.ask().catch(() => undefined);
  }
}
