/**
 * What sockets follow besides views: ranks of members, windows round them, lists of members.
 * Each answer is given in the turn from which on changes follow.
 */
import type { ErrorBody } from "../../client-sdk/protocol/codes.ts";
import type {
  LiveWindow,
  MeReply,
  ProfileField,
  Standing,
  SubscriptionName,
  WindowReply,
} from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { boardInfo } from "../leaderboard/board-info.ts";
import type { WindowQuestion } from "../standings/live-windows.ts";
import type { Follower, Release } from "../standings/standings.ts";
import { type Gateway, mayRead, privateBoard, stillThere } from "./gateway.ts";
import type { ChangedProfiles } from "./profile-changes.ts";
import type { GameServer, GameSocket } from "./socket-types.ts";
import { WindowProfiles } from "./window-profiles.ts";

export type LiveName = Exclude<SubscriptionName, { kind: "top" }>;

/** One subscription of one socket; `release` comes once the standings follow. `ended`: the client was told that it is over. */
export type LiveSubscription = {
  name: LiveName;
  release: Release | undefined;
  ended: boolean;
  /** Of a window. */
  profiles?: WindowProfiles;
};

/** Members of one look-up. */
const LOOKED_UP_MAX = 500;

/** What one socket follows live, by name. */
export type LiveFollowing = Map<string, LiveSubscription>;

export class LiveSubscriptions {
  readonly #io: GameServer;
  readonly #gateway: Gateway;

  constructor(io: GameServer, gateway: Gateway) {
    this.#io = io;
    this.#gateway = gateway;
    gateway.registry.onChange((open) => this.#endForbidden(open));
    gateway.profileChanges.onChanges((changed) => this.#tellProfiles(changed));
    gateway.profileChanges.onMissed(() => void this.#tellAllProfiles().catch(() => undefined));
  }

  /** Follow a member's rank. @throws AppError too_many_subscriptions, store_lost, unavailable */
  async followMember(
    socket: GameSocket,
    open: OpenBoard,
    name: LiveName,
    { member, isOwn, reply }: { member: string; isOwn: boolean; reply: (answer: MeReply) => void },
  ): Promise<void> {
    await this.#begin(socket, name, (subscription) => {
      const emit = (standing: Standing): void => {
        this.#gateway.counters.ranksSent.inc();
        socket.emit("rank", standing);
      };
      const follower = { ...this.#follower(socket, subscription, emit), isOwn };
      const answer = (standing: Standing): void => {
        this.#checkReadable(socket, subscription, open);
        reply({ info: boardInfo(open), standing });
      };
      return this.#gateway.standings.followMember(open, member, follower, answer);
    });
  }

  /** Follow a window. @throws AppError too_many_subscriptions, store_lost, unavailable */
  async followWindow(
    socket: GameSocket,
    open: OpenBoard,
    name: LiveName,
    { question, reply }: { question: WindowQuestion; reply: (answer: WindowReply) => void },
  ): Promise<void> {
    const profiles = new WindowProfiles(this.#gateway.profileChanges);
    const shown = (window: LiveWindow): LiveWindow => profiles.show(window, this.#fieldsOf(name.board));
    await this.#begin(socket, name, (subscription) => {
      subscription.profiles = profiles;
      const emit = (window: LiveWindow): void => {
        this.#gateway.counters.windowsSent.inc();
        socket.emit("window", shown(window));
      };
      const follower = this.#follower(socket, subscription, emit);
      const answer = (window: LiveWindow): void => {
        this.#checkReadable(socket, subscription, open);
        reply({ info: boardInfo(open), window: shown(window) });
      };
      return this.#gateway.standings.followWindow(open, question, follower, answer);
    });
  }

  unfollow(socket: GameSocket, name: LiveName): void {
    this.#end(socket, keyOf(name));
  }

  leaveAll(socket: GameSocket): void {
    for (const key of [...socket.data.live.keys()]) this.#end(socket, key);
  }

  /** The same name again takes the place of what it named before. */
  async #begin(
    socket: GameSocket,
    name: LiveName,
    start: (subscription: LiveSubscription) => Promise<Release>,
  ): Promise<void> {
    const { live, following } = socket.data;
    const key = keyOf(name);
    this.#end(socket, key);
    const { subscriptionsMax } = this.#gateway.limits;
    if (live.size + following.size >= subscriptionsMax) {
      const message = `A socket may follow ${subscriptionsMax} views, ranks and windows.`;
      throw new AppError("too_many_subscriptions", { message });
    }
    const subscription: LiveSubscription = { name, release: undefined, ended: false };
    live.set(key, subscription);
    try {
      const release = await start(subscription);
      subscription.release = release;
      // Ended, replaced or disconnected in the meantime.
      if (live.get(key) !== subscription || !socket.connected) release();
    } catch (error) {
      if (live.get(key) === subscription) live.delete(key);
      throw error;
    }
  }

  #follower<T>(socket: GameSocket, subscription: LiveSubscription, emit: (value: T) => void): Follower<T> {
    return {
      onChange: (value) => {
        socket.data.unread.send(subscription, () => emit(value));
      },
      onEnded: (error) => this.#tellEnd(socket, subscription, error),
    };
  }

  /** The board may have become private while the answer was made: nothing of it may follow `ended`. @throws AppError forbidden */
  #checkReadable(socket: GameSocket, { ended }: LiveSubscription, open: OpenBoard): void {
    const now = stillThere(this.#gateway, open);
    if (ended || !mayRead(now, socket.data.caller)) throw privateBoard(now);
  }

  /** A board that became private ends for those who may not see it [P-16]. */
  #endForbidden(open: OpenBoard): void {
    for (const socket of this.#io.sockets.sockets.values()) {
      if (mayRead(open, socket.data.caller)) continue;
      for (const subscription of [...socket.data.live.values()]) {
        if (subscription.name.board !== open.board.id) continue;
        this.#tellEnd(socket, subscription, privateBoard(open).body());
      }
    }
  }

  #fieldsOf(board: string): readonly ProfileField[] {
    return this.#gateway.registry.boards.get(board)?.board.profileFields ?? [];
  }

  /** To each window that shows one of them [P-22]. One that waits for its socket to drain is told what holds then. */
  #tellProfiles(changed: ChangedProfiles): void {
    for (const socket of this.#io.sockets.sockets.values()) {
      for (const { name, profiles } of socket.data.live.values()) {
        if (!profiles?.change(changed, this.#fieldsOf(name.board))) continue;
        socket.data.unread.send(profiles, () => {
          for (const part of profiles.take()) socket.emit("profiles", { ...name, profiles: part });
        });
      }
    }
  }

  /** Notices were missed: whoever is shown in a window is looked up again. */
  async #tellAllProfiles(): Promise<void> {
    const members = new Set<string>();
    for (const socket of this.#io.sockets.sockets.values()) {
      for (const { profiles } of socket.data.live.values()) {
        for (const member of profiles?.members ?? []) members.add(member);
      }
    }
    const all = [...members];
    for (let first = 0; first < all.length; first += LOOKED_UP_MAX) {
      const began = performance.now();
      const found = await this.#gateway.profiles.look(all.slice(first, first + LOOKED_UP_MAX));
      const { profileChanges } = this.#gateway;
      this.#tellProfiles(
        new Map(Array.from(found, ([m, profile]) => [m, profileChanges.newest(m, profile, began)])),
      );
    }
  }

  #tellEnd(socket: GameSocket, subscription: LiveSubscription, error: ErrorBody): void {
    const key = keyOf(subscription.name);
    if (socket.data.live.get(key) !== subscription) return;
    this.#end(socket, key);
    subscription.ended = true;
    socket.emit("ended", { ...subscription.name, error });
  }

  #end(socket: GameSocket, key: string): void {
    const subscription = socket.data.live.get(key);
    if (!subscription) return;
    socket.data.live.delete(key);
    socket.data.unread.forget(subscription);
    socket.data.unread.forget(subscription.profiles);
    subscription.release?.();
  }
}

function keyOf(name: LiveName): string {
  return JSON.stringify([name.board, name.kind, name.kind === "members" ? name.list : (name.member ?? null)]);
}
