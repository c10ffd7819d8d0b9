/**
 * What gateways tell each other about players: that one is signed out, a notice for one, a hint that some have moved.
 *
 * At most once, over Socket.IO's Redis adapter; frames never travel here. Nothing depends on it: without the bus a revoked session
 * is found by the next check of sessions, a notice reaches the sockets of its own gateway only, and hints save no more than time.
 */
import { createShardedAdapter } from "@socket.io/redis-adapter";
import type { Notice } from "../../client-sdk/protocol/messages.ts";
import type { Log } from "../base/log.ts";
import { controlChannelPrefix } from "../redis/keys.ts";
import { type ControlBus, ControlClient } from "./control-client.ts";
import type { SessionChecks } from "./session-checks.ts";
import type { ControlEvents, GameServer, GameSocket } from "./socket-types.ts";

export type MovedListener = (board: string, members: string[]) => void;

const HINT_EVERY_MS = 50;
const HINTED_MAX = 200;

export class ControlPlane {
  /** For the Socket.IO server; none without a bus. */
  readonly adapter: ReturnType<typeof createShardedAdapter> | undefined;
  readonly #checks: SessionChecks;
  readonly #client: ControlClient | undefined;
  readonly #moved = new Map<string, Set<string>>();
  readonly #movedListeners = new Set<MovedListener>();
  #movedCount = 0;
  #hintTimer: NodeJS.Timeout | undefined;
  #io: GameServer | undefined;

  constructor({ bus, checks, log }: { bus?: ControlBus; checks: SessionChecks; log: Log }) {
    this.#checks = checks;
    if (!bus) return;
    this.#client = new ControlClient(bus, log);
    // Static: two channels in all. The dynamic modes subscribe once per room, and there is a room for every player.
    this.adapter = createShardedAdapter(this.#client, this.#client, {
      channelPrefix: controlChannelPrefix,
      subscriptionMode: "static",
    });
  }

  attach(io: GameServer): void {
    this.#io = io;
    io.on("signedOut", (member) => void this.#checks.check(member));
    io.on("moved", (boards) => this.#hinted(boards));
  }

  /** From here on the socket hears what is for that player. */
  join(socket: GameSocket, member: string): void {
    void socket.join(roomOf(member));
  }

  /** End the player's connections everywhere. The sessions must be revoked already: each gateway asks Redis about them again. */
  signOut(member: string): void {
    void this.#checks.check(member);
    if (this.adapter) this.#io?.serverSideEmit("signedOut", member);
  }

  /** To all sockets of the player, at most once [P-19]. */
  notify(member: string, notice: Notice): void {
    this.#io?.to(roomOf(member)).emit("notice", notice);
  }

  /** To the sockets that the player has at this gateway. */
  notifyHere(member: string, notice: Notice): void {
    this.#io?.local.to(roomOf(member)).emit("notice", notice);
  }

  /** Players who have a socket at this gateway. */
  membersHere(): string[] {
    const members = new Set<string>();
    for (const { data } of this.#io?.sockets.sockets.values() ?? []) {
      if (data.caller.role === "player") members.add(data.caller.member);
    }
    return [...members];
  }

  /** Tell the other gateways that these members have new scores, soon and not all of them when there are many. */
  hintMoved(board: string, members: Iterable<string>): void {
    // Called for every accepted submission: beyond a full message it costs no more than this.
    if (!this.adapter || this.#movedCount >= HINTED_MAX) return;
    for (const member of members) {
      if (this.#movedCount >= HINTED_MAX) break;
      const known = this.#moved.get(board) ?? new Set();
      if (known.has(member)) continue;
      this.#moved.set(board, known.add(member));
      this.#movedCount++;
    }
    if (this.#movedCount > 0) this.#hintTimer ??= setTimeout(() => this.#sendHints(), HINT_EVERY_MS);
  }

  /** Hints of the other gateways; one's own do not come back. */
  onMoved(listener: MovedListener): () => void {
    this.#movedListeners.add(listener);
    return () => void this.#movedListeners.delete(listener);
  }

  async stop(): Promise<void> {
    clearTimeout(this.#hintTimer);
    await this.#client?.close();
  }

  #sendHints(): void {
    this.#hintTimer = undefined;
    const boards = [...this.#moved].map(([board, members]): [string, string[]] => [board, [...members]]);
    this.#moved.clear();
    this.#movedCount = 0;
    this.#io?.serverSideEmit("moved", boards);
  }

  /** Another version of the server may have sent it: what is not as expected is no hint. */
  #hinted(boards: Parameters<ControlEvents["moved"]>[0]): void {
    if (!Array.isArray(boards)) return;
    for (const [board, members] of boards) {
      if (typeof board !== "string" || !Array.isArray(members)) continue;
      for (const listener of this.#movedListeners) listener(board, members);
    }
  }
}

function roomOf(member: string): string {
  return `player ${member}`;
}
