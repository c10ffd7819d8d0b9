/** The tables as TypeScript sees them: what `migrations/` makes, column by column. */
import type { ColumnType, Generated, Insertable, Selectable } from "kysely";
import type { ArchiveTables } from "./archive-table-types.ts";
import type { HistoryTables } from "./history-table-types.ts";
import type { ModerationTables } from "./moderation-table-types.ts";
import type { RewardTables } from "./reward-table-types.ts";
import type { WebhookTables } from "./webhook-table-types.ts";

/** Written by the database where it is left out. */
type CreatedAt = ColumnType<Date, Date | undefined, never>;

export type ApiKeyTable = {
  id: string;
  name: string;
  role: "read" | "server" | "admin";
  scopes: Generated<string[]>;
  secret_hash: Buffer;
  previous_hash: Buffer | null;
  previous_until: Date | null;
  created_at: CreatedAt;
  rotated_at: Date | null;
  revoked_at: Date | null;
};

export type DeviceTable = {
  device_hash: Buffer;
  member: string;
  anonymous: boolean;
  created_at: CreatedAt;
  linked_at: Date | null;
};

export type ProfileTable = {
  member: string;
  /** Whole, and read as a number: a profile does not change 2^53 times. */
  version: number;
  display_name: string | null;
  avatar_url: string | null;
  country: string | null;
  /** Written as JSON text. */
  extra: ColumnType<unknown, string | null, string | null>;
  removed: Generated<boolean>;
  updated_at: Generated<Date>;
};

export type Tables = ArchiveTables &
  ModerationTables &
  RewardTables &
  WebhookTables &
  HistoryTables & {
    api_keys: ApiKeyTable;
    devices: DeviceTable;
    profiles: ProfileTable;
  };

export type ApiKeyRow = Selectable<ApiKeyTable>;
export type NewApiKeyRow = Insertable<ApiKeyTable>;
export type DeviceRow = Selectable<DeviceTable>;
export type ProfileRow = Selectable<ProfileTable>;
