/**
 * What waits for a socket that does not read fast enough: of each subscription only the newest message, until the socket has drained.
 * One that stays behind for too long is closed.
 */
import { backlogOf, onDrain } from "./backlog.ts";
import { type GameSocket, sayBye } from "./socket-types.ts";

export type HeldLimits = { lagPacketsMax: number; lagMsMax: number };

export class HeldMessages {
  readonly #socket: GameSocket;
  readonly #limits: HeldLimits;
  readonly #held = new Map<unknown, () => void>();
  #since = 0;

  constructor(socket: GameSocket, limits: HeldLimits) {
    this.#socket = socket;
    this.#limits = limits;
  }

  /**
   * Send now, or when the socket has drained unless a newer message of the same subscription comes before.
   * @returns false when the message is held
   */
  send(subscription: unknown, emit: () => void): boolean {
    const { lagPacketsMax, lagMsMax } = this.#limits;
    if (this.#held.size === 0 && backlogOf(this.#socket) <= lagPacketsMax) {
      emit();
      return true;
    }
    if (this.#held.size === 0) {
      this.#since = performance.now();
      onDrain(this.#socket, () => this.#drained());
    } else if (performance.now() - this.#since > lagMsMax)
      sayBye(this.#socket, "slow_consumer", [1_000, 5_000]);
    this.#held.set(subscription, emit);
    return false;
  }

  /** The subscription is over. */
  forget(subscription: unknown): void {
    this.#held.delete(subscription);
  }

  #drained(): void {
    const held = [...this.#held.values()];
    this.#held.clear();
    if (this.#socket.connected) for (const emit of held) emit();
  }
}
