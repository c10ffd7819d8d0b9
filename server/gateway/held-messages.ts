/**
 * What waits for a socket that does not read fast enough: of each subscription only the newest message, until the socket has drained.
 * One that stays behind for too long is closed.
 */
import { backlogOf, onDrain } from "./backlog.ts";
import { type GameSocket, sayBye } from "./socket-types.ts";

export type HeldLimits = { lagPacketsMax: number; lagMsMax: number };

/** Messages of one turn may wait for each other; a socket that has not drained by then is behind. */
const BEHIND_AFTER_MS = 100;

export class HeldMessages {
  readonly #socket: GameSocket;
  readonly #limits: HeldLimits;
  readonly #onBehind: () => void;
  readonly #held = new Map<unknown, () => void>();
  #since = 0;
  #behind: NodeJS.Timeout | undefined;

  constructor(socket: GameSocket, limits: HeldLimits, onBehind: () => void) {
    this.#socket = socket;
    this.#limits = limits;
    this.#onBehind = onBehind;
    socket.once("disconnect", () => clearTimeout(this.#behind));
  }

  /** Send now, or when the socket has drained unless a newer message of the same subscription comes before. */
  send(subscription: unknown, emit: () => void): void {
    const { lagPacketsMax, lagMsMax } = this.#limits;
    if (this.#held.size === 0 && backlogOf(this.#socket) <= lagPacketsMax) {
      emit();
      return;
    }
    if (this.#held.size === 0) {
      this.#since = performance.now();
      this.#behind = setTimeout(this.#onBehind, BEHIND_AFTER_MS);
      onDrain(this.#socket, () => this.#drained());
    } else if (performance.now() - this.#since > lagMsMax)
      sayBye(this.#socket, "slow_consumer", [1_000, 5_000]);
    this.#held.set(subscription, emit);
  }

  /** The subscription is over. */
  forget(subscription: unknown): void {
    this.#held.delete(subscription);
  }

  #drained(): void {
    clearTimeout(this.#behind);
    const held = [...this.#held.values()];
    this.#held.clear();
    if (this.#socket.connected) for (const emit of held) emit();
  }
}
