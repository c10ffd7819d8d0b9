/** The tables of moderation as TypeScript sees them: what `migrations/0003_moderation.sql` makes. */
import type { ColumnType, Selectable } from "kysely";

export type BanTable = {
  member: string;
  mode: "hide" | "shadow";
  until: Date | null;
  reason: string | null;
  actor: string;
  banned_at: ColumnType<Date, Date | undefined, Date>;
  /** From a sequence of the database where it is left out. */
  version: ColumnType<number, number | undefined, number>;
  state: "applying" | "active" | "lifting";
  progress: string | null;
};

export type ModerationTables = { bans: BanTable };
export type BanRow = Selectable<BanTable>;
