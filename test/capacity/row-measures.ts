/** Bytes of a row of the archive's tables, with its indexes: in the orders in which the archiver writes, with ids of 12 bytes. */
import { sql } from "kysely";
import type { Database } from "../../server/database/database.ts";

const ROWS = 20_000;
/** Letters of what wide boards have behind the key, for one 64-bit column. */
const REST = "A".repeat(11);

type Table = "current_entries" | "final_entries" | "score_log";

export async function perArchivedRow(database: Database) {
  /** Rows in an order that members have nothing to do with, as hashes give it. */
  const size = (table: Table, columns: string, values: string): Promise<number> =>
    database.run(async (db) => {
      await sql`truncate ${sql.table(table)}`.execute(db);
      await sql`
        insert into ${sql.table(table)} (${sql.raw(columns)})
        select ${sql.raw(values)} from (
          select row_number() over (order by md5(i::text)) as n, 'm' || lpad(i::text, 11, '0') as member, i * 7919 % 1000000 as key
          from generate_series(1, ${sql.lit(ROWS)}) as i
        ) as shuffled order by n`.execute(db);
      const { rows } = await sql<{ bytes: number }>`select pg_total_relation_size(${table}) as bytes`.execute(
        db,
      );
      await sql`truncate ${sql.table(table)}`.execute(db);
      return Number(rows[0]!.bytes) / ROWS;
    });
  const current = (rest: string) =>
    size(
      "current_entries",
      "board, season, member, shard, key, rest, life, n",
      `'board-01', 1, member, n % 8, key, '${rest}', 1, n / 10`,
    );
  const final = (rest: string) =>
    size(
      "final_entries",
      "board, season, ordinal, rank, member, key, rest, visibility",
      `'board-01', 1, n, n, member, key, '${rest}', 0`,
    );
  const logged = (rest: string) =>
    size(
      "score_log",
      "life, shard, n, item, at, member, kind, old_key, old_rest, key, rest, id_hash",
      `1, n % 8, n / 10, n % 10, now(), member, 'submit', key, '${rest}', key, '${rest}', substr(md5(member), 1, 12)`,
    );
  // One after the other: they are measured in the same tables.
  const currentRow = await current("");
  const finalRow = await final("");
  const logRow = await logged("");
  return {
    currentRow,
    finalRow,
    logRow,
    currentRest: (await current(REST)) - currentRow,
    finalRest: (await final(REST)) - finalRow,
    logRest: (await logged(REST)) - logRow,
  };
}
