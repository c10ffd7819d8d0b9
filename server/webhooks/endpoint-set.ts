/**
 * The endpoints as a process that delivers knows them: read again when Redis says that they have changed, and once a minute in case whoever
 * changed them died before it could say so. While there are none nothing asks the database, so that one which nobody needs stays closed.
 */
import type { Database } from "../database/database.ts";
import type { WebhookEndpointRow } from "../database/webhook-table-types.ts";
import { webhooksVersionKey } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";
import type { EndpointStore } from "./endpoint-store.ts";
import { listensTo } from "./event-types.ts";

export type EndpointSetOptions = {
  redis: RedisStore;
  database: Database;
  store: EndpointStore;
  /** Asking the database costs nothing to speak of: it is a PostgreSQL. */
  asksAlways: boolean;
};

const NONE = "none";
const READ_ANYWAY_MS = 60_000;

export class EndpointSet {
  readonly #options: EndpointSetOptions;
  #enabled = new Map<string, WebhookEndpointRow>();
  #size = 0;
  #version: string | null = null;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(options: EndpointSetOptions) {
    this.#options = options;
  }

  /** Those that are not disabled, by id. */
  get enabled(): ReadonlyMap<string, WebhookEndpointRow> {
    return this.#enabled;
  }

  /** Of all, disabled ones too. */
  get size(): number {
    return this.#size;
  }

  /** Whether somebody would hear of such an event. */
  isHeard(type: string, board: string): boolean {
    for (const endpoint of this.#enabled.values()) if (listensTo(endpoint, type, board)) return true;
    return false;
  }

  /** Since when somebody has heard of such events, ms since the Unix epoch; undefined when nobody does. */
  heardSince(types: readonly string[], board: string): number | undefined {
    let since: number | undefined;
    for (const endpoint of this.#enabled.values()) {
      if (!types.some((type) => listensTo(endpoint, type, board))) continue;
      since = Math.min(since ?? Number.POSITIVE_INFINITY, endpoint.listens_since.getTime());
    }
    return since;
  }

  /** One GET when nothing changed. @throws AppError unavailable, what Redis throws */
  async refresh(): Promise<void> {
    const { redis, database, store, asksAlways } = this.#options;
    const version = await redis.get(webhooksVersionKey);
    const isOld = performance.now() - this.#readAt > READ_ANYWAY_MS;
    if (version === this.#version && version !== null && (version === NONE || !isOld)) return;
    // A Redis that was emptied, or nobody ever made an endpoint.
    if (version === null && !database.isOpen && !asksAlways) return;
    const rows = version === NONE ? [] : await store.all();
    if (version === null) await redis.set(webhooksVersionKey, rows.length === 0 ? NONE : "found", "NX");
    this.#readAt = performance.now();
    this.#version = version;
    this.#size = rows.length;
    this.#enabled = new Map(rows.filter((row) => row.disabled_at === null).map((row) => [row.id, row]));
  }
}
