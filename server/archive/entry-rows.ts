/** The rows of current entries: written by the archive only, each by (life, n), of which only a larger pair changes it [R 13]. */
import { sql } from "kysely";
import type { Sql } from "../database/database.ts";
import type { EntryKey } from "./log-entry.ts";
import type { ArchivedShard } from "./positions.ts";

/** A member's entry as it is after batch `n`. */
export type EntryState = EntryKey & {
  member: string;
  n: number;
  /** Nothing is kept of a row that there may be: the member was removed in between. */
  isNew: boolean;
  /** 0 visible, 1 hidden, 2 shadow; undefined: as it was. */
  visibility: number | undefined;
  metadata: string | undefined;
};

/** What the rows of this shard are after it; those of later batches stay. */
export async function upsertEntries(
  db: Sql,
  { board, season, life, shard }: ArchivedShard,
  states: readonly EntryState[],
): Promise<void> {
  if (states.length === 0) return;
  const column = <T>(of: (state: EntryState) => T): T[] => states.map(of);
  await sql`
    insert into current_entries as present (board, season, member, shard, key, rest, visibility, metadata, life, n)
    select ${board}::text, ${season}::int, s.member, ${shard}::smallint, s.key, s.rest,
      coalesce(s.visibility, case when not s.is_new then c.visibility end, 0),
      coalesce(s.metadata, case when not s.is_new then c.metadata end), ${life}::int, s.n
    from unnest(
      ${column(({ member }) => member)}::text[], ${column(({ n }) => n)}::bigint[], ${column(({ key }) => key)}::float8[],
      ${column(({ rest }) => rest)}::text[], ${column(({ isNew }) => isNew)}::bool[],
      ${column(({ visibility }) => visibility ?? null)}::smallint[], ${column(({ metadata }) => metadata ?? null)}::text[]
    ) as s (member, n, key, rest, is_new, visibility, metadata)
    left join current_entries c on c.board = ${board} and c.season = ${season} and c.member = s.member
    on conflict (board, season, member) do update set shard = excluded.shard, key = excluded.key, rest = excluded.rest,
      visibility = excluded.visibility, metadata = excluded.metadata, life = excluded.life, n = excluded.n
    where (present.life, present.n) < (excluded.life, excluded.n)`.execute(db);
}

/** Rows of members that are gone since. */
export async function deleteEntries(
  db: Sql,
  { board, season, life }: ArchivedShard,
  removed: readonly { member: string; n: number }[],
): Promise<void> {
  if (removed.length === 0) return;
  await sql`
    delete from current_entries c
    using unnest(${removed.map(({ member }) => member)}::text[], ${removed.map(({ n }) => n)}::bigint[]) as r (member, n)
    where c.board = ${board} and c.season = ${season} and c.member = r.member and (c.life, c.n) < (${life}::int, r.n)`.execute(
    db,
  );
}
