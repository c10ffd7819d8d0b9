/** What one socket follows, and the rooms of all of them: opened with the first follower, closed with the last. */
import {
  type Position,
  type TopReply,
  VIEW_SIZES,
  type ViewSize,
} from "../../client-sdk/protocol/messages.ts";
import { AppError, toAppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import type { View } from "../feed/view.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { boardInfo } from "../leaderboard/board-info.ts";
import { type Gateway, goneBoard, mayRead, openFeedOf, privateBoard, stillThere } from "./gateway.ts";
import type { GameServer, GameSocket } from "./socket-types.ts";
import { ViewRoom } from "./view-room.ts";

type Room = { room: ViewRoom; release: () => void };

/** The rooms that one socket is in, by name. */
export type Following = Map<string, ViewRoom>;

export class Rooms {
  readonly #io: GameServer;
  readonly #gateway: Gateway;
  readonly #rooms = new Map<string, Room>();
  readonly #stuck: Loop;

  constructor(io: GameServer, gateway: Gateway) {
    this.#io = io;
    this.#gateway = gateway;
    this.#stuck = new Loop({
      everyMs: 1_000,
      step: async () => {
        for (const { room } of this.#rooms.values()) room.closeStuck();
      },
      onError: (error) => gateway.log.error({ err: error }, "looking for stuck sockets failed"),
    });
    gateway.registry.onGone((open) => this.#endGone(open));
    gateway.registry.onChange((open) => {
      this.#endForbidden(open);
      for (const [name, { room }] of this.#rooms) {
        if (room.board === open.board.id && name !== roomName(open, room.view.size))
          void this.#moveOn(open, name, room);
      }
    });
  }

  start(): void {
    this.#stuck.start();
  }

  async stop(): Promise<void> {
    await this.#stuck.stop();
  }

  /**
   * Follow a view: the answer is made and `reply` called in the turn in which the socket enters the room, so that every later frame
   * follows the answer's position [P-9].
   * @throws AppError too_many_subscriptions, store_lost, unavailable
   */
  async follow(
    socket: GameSocket,
    open: OpenBoard,
    { view: size, position }: { view: ViewSize; position: Position | undefined },
    reply: (answer: TopReply) => void,
  ): Promise<void> {
    const view = (await openFeedOf(this.#gateway, open)).view(size);
    const releaseFeed = this.#gateway.hub.follow(open.feed);
    const held = this.#gateway.topProfiles.hold(open, view);
    try {
      await held.ready();
      const now = stillThere(this.#gateway, open);
      // The board has gone on to its next season meanwhile.
      if (now.season.number > open.season.number)
        return await this.follow(socket, now, { view: size, position }, reply);
      if (socket.connected) this.#enter(socket, open, { view, position }, reply);
    } finally {
      // The room holds both by now.
      held.release();
      releaseFeed();
    }
  }

  /** Nothing is awaited here, so that the limit holds for requests that came together. */
  #enter(
    socket: GameSocket,
    open: OpenBoard,
    { view, position }: { view: View; position: Position | undefined },
    reply: (answer: TopReply) => void,
  ): void {
    const { following } = socket.data;
    const name = roomName(open, view.size);
    const now = stillThere(this.#gateway, open);
    if (!mayRead(now, socket.data.caller)) throw privateBoard(now);
    const followed = following.size + socket.data.live.size;
    if (!following.has(name) && followed >= this.#gateway.limits.subscriptionsMax) {
      const message = `A socket may follow ${this.#gateway.limits.subscriptionsMax} views, ranks and windows.`;
      throw new AppError("too_many_subscriptions", { message });
    }
    const room = this.#rooms.get(name)?.room ?? this.#openRoom(name, open, view);
    const { answer, more } = room.answer(position);
    if (answer.mode === "snapshot") this.#gateway.counters.snapshotsSent.inc();
    reply({ info: boardInfo(open), ...answer });
    for (const message of more) socket.emit("profiles", message);
    following.set(name, room);
    room.add(socket);
  }

  #openRoom(name: string, open: OpenBoard, view: View): ViewRoom {
    const { limits, counters: metrics, hub, topProfiles } = this.#gateway;
    const releaseFeed = hub.follow(open.feed);
    const { profiles, release: releaseProfiles } = topProfiles.hold(open, view);
    const room = new ViewRoom(this.#io, { name, board: open.board.id }, view, {
      limits,
      metrics,
      profiles,
    });
    const release = (): void => {
      releaseProfiles();
      releaseFeed();
    };
    this.#rooms.set(name, { room, release });
    return room;
  }

  /** In whichever season it follows: it may be on its way into the next one. */
  unfollow(socket: GameSocket, { board }: OpenBoard, size: ViewSize): void {
    for (const [name, room] of [...socket.data.following]) {
      if (room.board === board.id && room.view.size === size) this.#leave(socket, name);
    }
  }

  /** The board is in its next season: everybody in the room goes on to that one, and gets a snapshot of it [P-8]. */
  async #moveOn(open: OpenBoard, name: string, room: ViewRoom): Promise<void> {
    const { size } = room.view;
    try {
      const view = (await openFeedOf(this.#gateway, open)).view(size);
      const releaseFeed = this.#gateway.hub.follow(open.feed);
      const held = this.#gateway.topProfiles.hold(open, view);
      await held.ready();
      for (const socket of room.followers()) this.#moveSocket(socket, open, { name, view });
      held.release();
      releaseFeed();
    } catch (error) {
      this.#gateway.log.warn({ board: open.board.id, err: error }, "could not follow the next season");
      // They ask again, as after any trouble.
      const body = toAppError(error).body();
      for (const socket of room.followers()) {
        this.#leave(socket, name);
        socket.emit("ended", { board: open.board.id, kind: "top", view: size, error: body });
      }
    }
  }

  #moveSocket(socket: GameSocket, open: OpenBoard, { name, view }: { name: string; view: View }): void {
    const { following } = socket.data;
    this.#leave(socket, name);
    const next = roomName(open, view.size);
    if (following.has(next)) return;
    const room = this.#rooms.get(next)?.room ?? this.#openRoom(next, open, view);
    const { answer, more } = room.answer(undefined);
    if (answer.mode === "snapshot") socket.emit("snapshot", answer.snapshot);
    this.#gateway.counters.snapshotsSent.inc();
    for (const message of more) socket.emit("profiles", message);
    following.set(next, room);
    room.add(socket);
  }

  leaveAll(socket: GameSocket): void {
    for (const name of [...socket.data.following.keys()]) this.#leave(socket, name);
  }

  /** A board that became private ends for those who may not see it [P-16]. */
  #endForbidden(open: OpenBoard): void {
    for (const view of VIEW_SIZES) {
      const name = roomName(open, view);
      for (const socket of this.#rooms.get(name)?.room.followers() ?? []) {
        if (mayRead(open, socket.data.caller)) continue;
        this.#leave(socket, name);
        socket.emit("ended", { board: open.board.id, kind: "top", view, error: privateBoard(open).body() });
      }
    }
  }

  /** A board that was deleted ends for everybody [P-16], in whichever season they follow it. */
  #endGone({ board }: OpenBoard): void {
    const error = goneBoard(board.id).body();
    for (const [name, { room }] of [...this.#rooms]) {
      if (room.board !== board.id) continue;
      for (const socket of room.followers()) {
        this.#leave(socket, name);
        socket.emit("ended", { board: board.id, kind: "top", view: room.view.size, error });
      }
    }
  }

  #leave(socket: GameSocket, name: string): void {
    const room = socket.data.following.get(name);
    if (!room) return;
    socket.data.following.delete(name);
    room.remove(socket);
    const entry = this.#rooms.get(name);
    if (!entry || !room.empty) return;
    this.#rooms.delete(name);
    room.close();
    entry.release();
  }
}

function roomName({ board, season }: OpenBoard, size: ViewSize): string {
  return `${board.id}:${season.number}:${size}`;
}
