/** Deliverers on one database and Redis, with a clock of their own, and what tests of webhooks look at. */
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import type { Database } from "../../server/database/database.ts";
import { Deliverer, type DelivererOptions } from "../../server/webhooks/deliverer.ts";
import { DeliveryStore } from "../../server/webhooks/delivery-store.ts";
import { EndpointSet } from "../../server/webhooks/endpoint-set.ts";
import { EndpointStore, type NewEndpoint } from "../../server/webhooks/endpoint-store.ts";
import { note } from "../../server/webhooks/outbox.ts";
import { resolveByDns } from "../../server/webhooks/target.ts";
import { createWebhookMetrics } from "../../server/webhooks/webhook-metrics.ts";
import { silentLog } from "./builders.ts";

export type Row = {
  id: string;
  state: string;
  attempts: number;
  status: number | null;
  error: string | null;
};

export class WebhookDesk {
  readonly endpoints: EndpointStore;
  readonly deliveries: DeliveryStore;
  /** What time it is for all deliverers, ms. */
  now = Date.now();
  readonly #redis: Redis;
  readonly #database: Database;
  #events = 0;

  constructor(redis: Redis, database: Database) {
    this.#redis = redis;
    this.#database = database;
    this.endpoints = new EndpointStore({ redis, database, endpointsMax: 100 });
    this.deliveries = new DeliveryStore(database);
  }

  /** Not started: it works when a test calls `step`. */
  deliverer(more: Partial<DelivererOptions> & { privateTargets?: boolean } = {}): Deliverer {
    const { privateTargets = true, ...options } = more;
    return new Deliverer({
      endpoints: this.set(),
      store: this.deliveries,
      limits: { timeoutMs: 5_000, responseBytesMax: 65_536, privateTargets, resolve: resolveByDns },
      backOff: { firstMs: 1_000, capMs: 8_000 },
      attemptsMax: 4,
      concurrency: 4,
      pollMs: 10,
      leaseMs: 60_000,
      now: () => this.now,
      random: () => 1,
      metrics: createWebhookMetrics(new Registry()),
      log: silentLog,
      ...options,
    });
  }

  set(): EndpointSet {
    const store = this.endpoints;
    return new EndpointSet({ redis: this.#redis, database: this.#database, store, asksAlways: true });
  }

  /** One that hears of everything on one board. */
  endpoint(url: string, board: string, more: Partial<NewEndpoint> = {}) {
    return this.endpoints.create({ url, events: [], boards: [board], ...more });
  }

  /** As many as are asked for, each of its own. */
  async tell(board: string, count = 1): Promise<void> {
    await this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        for (let i = 0; i < count; i++) {
          const cause = `event ${++this.#events} of ${board}`;
          await note(within, {
            type: "season.closed",
            board,
            season: 1,
            cause,
            payload: { name: "Ünïcode 🏎" },
          });
        }
      }),
    );
  }

  /** Begin what is due, and wait for what comes of it. */
  async deliver(deliverer: Deliverer): Promise<void> {
    await deliverer.step();
    await deliverer.idle();
  }

  async rows(endpoint: string): Promise<Row[]> {
    const rows = await this.deliveries.list(endpoint, { limit: 500 });
    return rows.map((row) => ({
      id: row.id,
      state: row.state,
      attempts: row.attempts,
      status: row.last_status,
      error: row.last_error,
    }));
  }
}
