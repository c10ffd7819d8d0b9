import type { Environment } from "../../client-sdk/environment.ts";

type Timer = { at: number; action: () => void };

/** Time that stands still until a test moves it; every random number is `chance`. */
export class ManualEnvironment implements Environment {
  #time = 0;
  #ids = 0;
  readonly #timers = new Set<Timer>();
  chance = 1;
  /** What the device's clock says at time 0. */
  wallStart = Date.parse("2026-01-01T00:00:00Z");

  readonly now = (): number => this.#time;
  readonly wall = (): number => this.wallStart + this.#time;
  readonly random = (): number => this.chance;
  readonly newId = (): string => `id-${++this.#ids}`;
  readonly after = (delayMs: number, action: () => void): (() => void) => {
    const timer = { at: this.#time + delayMs, action };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  };

  get timers(): number {
    return this.#timers.size;
  }

  /** Let `ms` pass, with every timer that is due, each after what the one before it set off. */
  async advance(ms: number): Promise<void> {
    const until = this.#time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#timers.delete(due);
      this.#time = Math.max(this.#time, due.at);
      due.action();
      await settle();
    }
    this.#time = until;
  }

  /** As a device does that sleeps: the time passes, and no timer runs before the next `advance`. */
  sleep(ms: number): void {
    this.#time += ms;
  }
}

/** Every promise that can go on has gone on. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
