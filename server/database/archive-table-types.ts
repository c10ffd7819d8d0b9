/** The tables of the archive as TypeScript sees them: what `migrations/0002_archive.sql` makes. `bigint` is read as a number. */
import type { ColumnType, Generated, GeneratedAlways } from "kysely";

/** Written as JSON text, read as what it says. */
type Json = ColumnType<unknown, string | null, string | null>;
type DefaultNow = ColumnType<Date, Date | undefined, Date | undefined>;

export type ArchiveTables = {
  boards: { board: string; record: Json; revision: number; updated_at: DefaultNow };
  seasons: {
    board: string;
    season: number;
    definition: Json;
    opened_at: Date;
    ended_at: Date | null;
    archived_at: Date | null;
    /** When the rewards of its end were granted. */
    rewarded_at: Date | null;
    entries: number | null;
  };
  lives: {
    life: GeneratedAlways<number>;
    board: string;
    season: number;
    ordinal: number;
    incarnation: string;
    began_at: DefaultNow;
  };
  shard_positions: { life: number; shard: number; n: number; entry_id: string; at: Date };
  current_entries: {
    board: string;
    season: number;
    member: string;
    shard: number;
    key: number;
    rest: Generated<string>;
    visibility: Generated<number>;
    metadata: string | null;
    life: number;
    n: number;
  };
  score_log: {
    life: number;
    shard: number;
    n: number;
    item: number;
    at: Date;
    member: string;
    kind: string;
    old_key: number | null;
    old_rest: string | null;
    key: number | null;
    rest: string | null;
    id_hash: string | null;
  };
  dead_letters: {
    id: GeneratedAlways<number>;
    life: number;
    shard: number;
    entry_id: string;
    entry: Json;
    error: string;
    at: DefaultNow;
  };
  log_gaps: { life: number; shard: number; from_n: number; to_n: number; at: DefaultNow };
  final_entries: {
    board: string;
    season: number;
    ordinal: number;
    rank: number;
    member: string;
    key: number;
    rest: string;
    visibility: number;
    metadata: string | null;
  };
  audit: {
    id: GeneratedAlways<number>;
    at: DefaultNow;
    actor: string;
    action: string;
    board: string | null;
    season: number | null;
    member: string | null;
    reason: string | null;
    details: Json;
    /** The call that it is of. */
    request: string | null;
    /** `done`, or the code of an error; null while it is not known. */
    outcome: string | null;
  };
};
