/** Services start in order and stop in reverse, each within the time that is left. */
import { sleep } from "./clock.ts";
import type { Log } from "./log.ts";

export type Service = { name: string; start(): Promise<void>; stop(): Promise<void> };

export class Lifecycle {
  readonly #services: readonly Service[];
  readonly #log: Log;
  #started: Service[] = [];

  constructor(services: readonly Service[], log: Log) {
    this.#services = services;
    this.#log = log;
  }

  /** Start all; when one fails, those before it are stopped and its error is thrown. */
  async start(deadlineMs: number): Promise<void> {
    for (const service of this.#services) {
      try {
        await service.start();
        this.#started.push(service);
      } catch (error) {
        await this.stop(deadlineMs);
        throw error;
      }
    }
  }

  /** @param deadlineMs for all together. @returns names of the services that did not stop in time or failed. */
  async stop(deadlineMs: number): Promise<string[]> {
    const endsAt = performance.now() + deadlineMs;
    const left: string[] = [];
    for (const service of this.#started.splice(0).reverse()) {
      const givenUp = new AbortController();
      const late = sleep(Math.max(50, endsAt - performance.now()), givenUp.signal).then(() => "late" as const);
      const outcome = await Promise.race([
        late,
        service.stop().then(
          () => "stopped" as const,
          (error: unknown) => error,
        ),
      ]);
      givenUp.abort();
      if (outcome === "stopped") continue;
      left.push(service.name);
      this.#log.error({ service: service.name, err: outcome === "late" ? undefined : outcome }, "did not stop cleanly");
    }
    return left;
  }
}
