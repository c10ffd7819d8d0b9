/**
 * The sockets that follow one view of one board.
 *
 * Healthy ones share a Socket.IO room, so that a frame is encoded once. There are no queues of frames per client: one whose packets
 * pile up leaves the room and is lagging; when it drains it gets one merged frame or a snapshot and returns; one that lags
 * too long is closed. `bufferedAmount` does not show the pile (Engine.IO holds it), `volatile` loses frames for healthy clients.
 */
import type {
  Frame,
  MemberProfiles,
  Position,
  ProfilesMessage,
  Snapshot,
  TopAnswer,
} from "../../client-sdk/protocol/messages.ts";
import type { View, ViewListener } from "../feed/view.ts";
import { backlogOf, onDrain } from "./backlog.ts";
import type { GatewayMetrics } from "./gateway-metrics.ts";
import { type GameServer, type GameSocket, sayBye } from "./socket-types.ts";
import type { ProfilesListener, ViewProfiles } from "./view-profiles.ts";

export type RoomLimits = { lagPacketsMax: number; lagMsMax: number };

type Lagging = { position: Position; since: number; stopWaiting: () => void };

export class ViewRoom implements ViewListener, ProfilesListener {
  readonly #io: GameServer;
  readonly #name: string;
  readonly #limits: RoomLimits;
  readonly #metrics: GatewayMetrics;
  readonly #sockets = new Set<GameSocket>();
  readonly #lagging = new Map<GameSocket, Lagging>();
  readonly #profiles: ViewProfiles;
  readonly view: View;
  readonly board: string;

  constructor(
    io: GameServer,
    { name, board }: { name: string; board: string },
    view: View,
    options: { limits: RoomLimits; metrics: GatewayMetrics; profiles: ViewProfiles },
  ) {
    this.#io = io;
    this.#name = name;
    this.board = board;
    this.view = view;
    this.#limits = options.limits;
    this.#metrics = options.metrics;
    this.#profiles = options.profiles;
    view.listeners.add(this);
    this.#profiles.listeners.add(this);
  }

  /** Every socket that follows, lagging ones too. */
  followers(): GameSocket[] {
    return [...this.#sockets, ...this.#lagging.keys()];
  }

  get empty(): boolean {
    return this.#sockets.size === 0 && this.#lagging.size === 0;
  }

  close(): void {
    this.view.listeners.delete(this);
    this.#profiles.listeners.delete(this);
  }

  /** What brings a receiver at `position` to the present: in the turn in which it is added. `more`: profiles that are too many for the answer. */
  answer(position: Position | undefined): { answer: TopAnswer; more: ProfilesMessage[] } {
    const frames = position && this.view.since(position);
    const [profiles, ...more] = frames ? this.#profiles.since() : this.#profiles.whole();
    const beside = profiles ? { profiles } : {};
    const answer: TopAnswer = frames
      ? { mode: "resume", frames, ...beside }
      : { mode: "snapshot", snapshot: { ...this.view.snapshot(), ...beside } };
    return { answer, more: more.map((part) => this.#profiles.message(part)) };
  }

  /** Follow from the next frame on. Call in the turn in which the answer to `subscribe` was made. */
  add(socket: GameSocket): void {
    this.#sockets.add(socket);
    void socket.join(this.#name);
  }

  remove(socket: GameSocket): void {
    this.#sockets.delete(socket);
    this.#lagging.get(socket)?.stopWaiting();
    this.#lagging.delete(socket);
    void socket.leave(this.#name);
  }

  onFrame(frame: Frame): void {
    const before = { epoch: frame.epoch, offset: frame.after };
    this.#setAsideTheSlow(before);
    this.#metrics.framesSent.inc();
    this.#io.local.to(this.#name).emit("frame", frame);
  }

  onSnapshot(snapshot: Snapshot): void {
    this.#setAsideTheSlow({ epoch: "", offset: 0 });
    this.#metrics.snapshotsSent.inc(this.#sockets.size);
    const [profiles, ...more] = this.#profiles.whole();
    this.#io.local.to(this.#name).emit("snapshot", profiles ? { ...snapshot, profiles } : snapshot);
    for (const further of more)
      this.#io.local.to(this.#name).emit("profiles", this.#profiles.message(further));
  }

  /** Encoded once, as a frame is. */
  onProfiles(message: ProfilesMessage): void {
    this.#setAsideTheSlow(this.view.position);
    this.#io.local.to(this.#name).emit("profiles", message);
  }

  /** Close those that have been behind for too long. Called once a second. */
  closeStuck(): void {
    const before = performance.now() - this.#limits.lagMsMax;
    for (const [socket, { since }] of [...this.#lagging]) {
      if (since > before) continue;
      this.remove(socket);
      this.#metrics.closedSlow.inc();
      sayBye(socket, "slow_consumer", [1_000, 5_000]);
    }
  }

  #setAsideTheSlow(position: Position): void {
    for (const socket of this.#sockets) {
      if (backlogOf(socket) <= this.#limits.lagPacketsMax) continue;
      this.#sockets.delete(socket);
      void socket.leave(this.#name);
      this.#metrics.lagging.inc();
      const stopWaiting = onDrain(socket, () => this.#drained(socket));
      this.#lagging.set(socket, { position, since: performance.now(), stopWaiting });
    }
  }

  /** One merged frame or a snapshot, then back into the room. */
  #drained(socket: GameSocket): void {
    const lagging = this.#lagging.get(socket);
    if (!lagging) return;
    this.#lagging.delete(socket);
    const missed = this.view.since(lagging.position);
    let profiles: MemberProfiles[];
    if (missed) {
      for (const frame of missed) socket.emit("frame", frame);
      profiles = this.#profiles.since(lagging.position.offset);
    } else {
      this.#metrics.snapshotsSent.inc();
      socket.emit("snapshot", this.view.snapshot());
      profiles = this.#profiles.whole();
    }
    for (const part of profiles) socket.emit("profiles", this.#profiles.message(part));
    this.add(socket);
  }
}
