/** A subscriber: follows one view, knows its position, counts what it is sent. */
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  Frame,
  Position,
  Snapshot,
  TopReply,
  ViewSize,
} from "../../../client-sdk/protocol/messages.ts";
import { inLanes } from "../lanes.ts";

export class Viewer {
  readonly #socket: Socket;
  readonly #board: string;
  readonly #view: ViewSize;
  position: Position | undefined;
  onFrame: (frame: Frame) => void = () => undefined;
  /** Bytes of all Engine.IO packets received. */
  bytes = 0;

  constructor(url: string, board: string, view: ViewSize) {
    this.#board = board;
    this.#view = view;
    this.#socket = io(url, {
      transports: ["websocket"],
      autoConnect: false,
      reconnection: false,
      forceNew: true,
    });
    this.#socket.on("frame", (frame: Frame) => {
      this.position = { epoch: frame.epoch, offset: frame.offset };
      this.onFrame(frame);
    });
    this.#socket.on("snapshot", ({ epoch, offset }: Snapshot) => {
      this.position = { epoch, offset };
    });
  }

  async connect(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#socket.once("connect", () => resolve());
      this.#socket.once("connect_error", reject);
      this.#socket.connect();
    });
    this.#socket.io.engine.on("packet", ({ data }: { data?: unknown }) => {
      // One more byte for the packet's type.
      this.bytes += 1 + (typeof data === "string" ? Buffer.byteLength(data) : 0);
    });
  }

  /** From the present position, if there is one. */
  follow(): Promise<TopReply> {
    const { position } = this;
    const message = { board: this.#board, kind: "top", view: this.#view, ...(position ? { position } : {}) };
    return new Promise((resolve, reject) => {
      this.#socket.emit("subscribe", message, (reply: Ack<TopReply>) => {
        if (!reply.ok) return reject(new Error(`subscribe: ${reply.error.message}`));
        const last = reply.mode === "snapshot" ? reply.snapshot : reply.frames.at(-1);
        if (last) this.position = { epoch: last.epoch, offset: last.offset };
        resolve(reply);
      });
    });
  }

  get connected(): boolean {
    return this.#socket.connected;
  }

  close(): void {
    this.#socket.disconnect();
  }
}

const OPENING = 50;

/** So many viewers, connected and following. */
export async function openViewers(
  count: number,
  url: string,
  { board, view }: { board: string; view: ViewSize },
): Promise<Viewer[]> {
  const viewers = Array.from({ length: count }, () => new Viewer(url, board, view));
  await inLanes(OPENING, viewers, async (viewer) => {
    await viewer.connect();
    await viewer.follow();
  });
  return viewers;
}
