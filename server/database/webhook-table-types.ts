/** The tables of webhooks as TypeScript sees them: what `migrations/0004_webhooks.sql` makes. `bigint` is read as a number. */
import type { ColumnType, Generated, GeneratedAlways, Selectable } from "kysely";

/** Written by the database where it is left out. */
type DefaultNow = ColumnType<Date, Date | undefined, Date>;

export type WebhookEndpointTable = {
  id: string;
  url: string;
  events: string[];
  boards: string[];
  description: string | null;
  secret: string;
  previous_secret: string | null;
  previous_until: Date | null;
  created_at: DefaultNow;
  rotated_at: Date | null;
  listens_since: DefaultNow;
  disabled_at: Date | null;
};

export type WebhookEventTable = {
  seq: GeneratedAlways<number>;
  id: string;
  type: string;
  board: string | null;
  season: number | null;
  cause: string;
  /** Written as JSON text, read as what it says. */
  payload: ColumnType<Record<string, unknown>, string, string>;
  at: DefaultNow;
};

export type WebhookDeliveryTable = {
  seq: GeneratedAlways<number>;
  id: string;
  event: number;
  endpoint: string;
  state: Generated<"pending" | "delivered" | "dead">;
  attempts: Generated<number>;
  next_at: DefaultNow;
  lease: string | null;
  lease_until: Date | null;
  last_status: number | null;
  last_error: string | null;
  created_at: DefaultNow;
  settled_at: Date | null;
};

export type TopWatchTable = {
  board: string;
  season: number;
  epoch: string;
  offset: number;
  size: number;
  members: string[];
  firsts: number;
  version: Generated<number>;
  updated_at: DefaultNow;
};

export type WebhookTables = {
  webhook_endpoints: WebhookEndpointTable;
  webhook_events: WebhookEventTable;
  webhook_deliveries: WebhookDeliveryTable;
  top_watches: TopWatchTable;
};
export type WebhookEndpointRow = Selectable<WebhookEndpointTable>;
export type TopWatchRow = Selectable<TopWatchTable>;
