/** What keeps the tables of webhooks small: old events go, and of too many that wait for an endpoint the oldest are given up. It counts too. */
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Database } from "../database/database.ts";
import type { DeliveryStore } from "./delivery-store.ts";
import type { EndpointSet } from "./endpoint-set.ts";
import { purgeEvents } from "./outbox.ts";
import type { WebhookMetrics } from "./webhook-metrics.ts";

export type WebhookKeepingOptions = {
  database: Database;
  endpoints: EndpointSet;
  store: DeliveryStore;
  /** ms. */
  keepMs: number;
  pendingMax: number;
  everyMs: number;
  now: () => number;
  metrics: WebhookMetrics;
  log: Log;
};

export class WebhookKeeping {
  readonly #options: WebhookKeepingOptions;
  readonly #loop: Loop;

  constructor(options: WebhookKeepingOptions) {
    this.#options = options;
    this.#loop = new Loop({
      everyMs: options.everyMs,
      step: (signal) => this.step(signal),
      onError: (error) => options.log.warn({ err: error }, "webhooks"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** @throws AppError unavailable */
  async step(signal?: AbortSignal): Promise<void> {
    const { database, endpoints, store, keepMs, pendingMax, now, metrics } = this.#options;
    // Events are noted without endpoints too; a database that nobody needs stays closed.
    if (endpoints.size === 0 && !database.isOpen) return;
    const before = new Date(now() - keepMs);
    while (!signal?.aborted && (await purgeEvents(database, before)) > 0);
    const ids = [...endpoints.enabled.keys()];
    for (const id of ids) while (!signal?.aborted && (await store.giveUpBeyond(id, pendingMax)) > 0);
    for (const state of ["pending", "dead"] as const)
      metrics.deliveries.set({ state }, ids.length === 0 ? 0 : await store.count(ids, state));
  }
}
