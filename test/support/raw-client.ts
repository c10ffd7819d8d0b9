/** A client without the SDK: socket.io-client, keeping a view by the letter of the protocol and every frame for the tests to look at. */
import { io, type Socket } from "socket.io-client";
import type {
  Ack,
  Bye,
  Frame,
  MemberProfiles,
  Position,
  Profile,
  ProfilesMessage,
  Row,
  Snapshot,
  SubmitReply,
  TopReply,
  ViewSize,
} from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";

export class RawClient {
  readonly socket: Socket;
  readonly frames: Frame[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly byes: Bye[] = [];
  /** Frames that did not follow: must stay empty while Redis is healthy. */
  readonly gaps: Frame[] = [];
  position: Position | undefined;
  rows: Row[] = [];
  /** Of the members in `rows` [P-22]. */
  readonly profiles = new Map<string, Profile>();
  readonly profileMessages: ProfilesMessage[] = [];

  constructor(url: string, token?: string) {
    this.socket = io(url, {
      transports: ["websocket"],
      reconnection: false,
      forceNew: true,
      ...(token === undefined ? {} : { auth: { token } }),
    });
    this.socket.on("frame", (frame: Frame) => this.#onFrame(frame));
    this.socket.on("snapshot", (snapshot: Snapshot) => this.#onSnapshot(snapshot));
    this.socket.on("profiles", (message: ProfilesMessage) => {
      this.profileMessages.push(message);
      if (message.kind === "top") this.#onProfiles(message.profiles);
    });
    this.socket.on("bye", (bye: Bye) => this.byes.push(bye));
  }

  connected(): Promise<this> {
    return new Promise((resolve, reject) => {
      if (this.socket.connected) return resolve(this);
      this.socket.once("connect", () => resolve(this));
      this.socket.once("connect_error", reject);
    });
  }

  ask<T>(event: string, message: unknown): Promise<Ack<T>> {
    return this.socket.timeout(8_000).emitWithAck(event, message) as Promise<Ack<T>>;
  }

  submit(message: Record<string, unknown>): Promise<Ack<SubmitReply>> {
    return this.ask("submit", message);
  }

  /** Follow a view, from the present position if there is one. @returns how the server brought us up to date */
  follow(board: string, view: ViewSize = "all"): Promise<"resume" | "snapshot"> {
    const position = this.position;
    const message = { board, kind: "top", view, ...(position ? { position } : {}) };
    return new Promise((resolve, reject) => {
      // A frame may come in the same chunk as the answer, so the answer is taken in its callback and not a promise later.
      this.socket.emit("subscribe", message, (reply: Ack<TopReply>) => {
        if (!reply.ok) return reject(Object.assign(new Error(reply.error.message), { error: reply.error }));
        if (reply.mode === "snapshot") this.#take(reply.snapshot);
        else {
          for (const frame of reply.frames) this.#onFrame(frame);
          this.#onProfiles(reply.profiles);
        }
        resolve(reply.mode);
      });
    });
  }

  close(): void {
    this.socket.disconnect();
  }

  #onFrame(frame: Frame): void {
    this.frames.push(frame);
    if (!this.position || frame.epoch !== this.position.epoch) return;
    if (frame.offset <= this.position.offset) return;
    if (frame.after !== this.position.offset) {
      this.gaps.push(frame);
      return;
    }
    this.rows = applyRows(this.rows, frame.set, frame.drop);
    for (const member of frame.drop) this.profiles.delete(member);
    this.position = { epoch: frame.epoch, offset: frame.offset };
  }

  #onSnapshot(snapshot: Snapshot): void {
    this.snapshots.push(snapshot);
    this.#take(snapshot);
  }

  #onProfiles(told: MemberProfiles = {}): void {
    const members = new Set(this.rows.map(([member]) => member));
    for (const [member, profile] of Object.entries(told)) {
      if (profile && members.has(member)) this.profiles.set(member, profile);
      else this.profiles.delete(member);
    }
  }

  #take({ rows, epoch, offset, profiles }: Snapshot): void {
    this.rows = rows;
    this.profiles.clear();
    this.#onProfiles(profiles);
    this.position = { epoch, offset };
  }
}
