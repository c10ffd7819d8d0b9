/**
 * What waits for a socket that does not read fast enough: of each subscription only the newest message, until the socket has drained.
 * One that stays behind for too long is closed.
 */
import { backlogOf, onDrain } from "./backlog.ts";
import { type GameSocket, sayBye } from "./socket-types.ts";

export type HeldLimits = { lagPacketsMax: number; lagMsMax: number };

/** Messages of one turn may wait for each other; a socket that has not drained by then is behind. */
const BEHIND_AFTER_MS = 100;

/** From the first message that had to wait until the socket has drained. */
type Wait = { since: number; behind: NodeJS.Timeout; stopWaiting: () => void };

export class UnreadMessages {
  readonly #socket: GameSocket;
  readonly #limits: HeldLimits;
  readonly #onBehind: () => void;
  readonly #held = new Map<unknown, () => void>();
  /** Lasts also when nothing is held any more: what a client stops following does not make it read. */
  #wait: Wait | undefined;
  #leaving = false;

  constructor(socket: GameSocket, limits: HeldLimits, onBehind: () => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#onBehind = onBehind;
    socket.once("disconnect", () => this.#stopWaiting());
  }

  /** Send now, or when the socket has drained unless a newer message of the same subscription comes before. */
  send(subscription: unknown, emit: () => void): void {
    if (!this.#socket.connected) return;
    const { lagPacketsMax, lagMsMax } = this.#limits;
    if (!this.#wait && backlogOf(this.#socket) <= lagPacketsMax) {
      emit();
      return;
    }
    this.#wait ??= {
      since: performance.now(),
      behind: setTimeout(this.#onBehind, BEHIND_AFTER_MS),
      stopWaiting: onDrain(this.#socket, () => this.#drained()),
    };
    this.#held.set(subscription, emit);
    if (performance.now() - this.#wait.since <= lagMsMax || this.#leaving) return;
    this.#leaving = true;
    sayBye(this.#socket, "slow_consumer", [1_000, 5_000]);
  }

  /** The subscription is over. */
  forget(subscription: unknown): void {
    this.#held.delete(subscription);
  }

  #drained(): void {
    this.#stopWaiting();
    const held = [...this.#held.values()];
    this.#held.clear();
    if (this.#socket.connected) for (const emit of held) emit();
  }

  #stopWaiting(): void {
    clearTimeout(this.#wait?.behind);
    this.#wait?.stopWaiting();
    this.#wait = undefined;
  }
}
