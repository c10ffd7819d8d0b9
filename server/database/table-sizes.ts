/** What the tables take on disk, with their indexes and what is stored beside them. */
import { sql } from "kysely";
import type { Database } from "./database.ts";

export type TableSize = {
  table: string;
  /** As PostgreSQL last counted; -1 where it has not yet. */
  rows: number;
  bytes: number;
};

/** Largest first. @throws AppError unavailable */
export async function tableSizes(database: Database): Promise<TableSize[]> {
  const { rows } = await database.run((db) =>
    sql<TableSize>`
      select relname as table, reltuples::bigint as rows, pg_total_relation_size(oid) as bytes
      from pg_class
      where relkind = 'r' and relnamespace = current_schema()::regnamespace
      order by 3 desc
      limit 100`.execute(db),
  );
  return rows.map(({ table, rows: count, bytes }) => ({ table, rows: Number(count), bytes: Number(bytes) }));
}
