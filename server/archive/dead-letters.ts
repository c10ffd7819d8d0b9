/** Log entries that could not be read or stored: kept for people, while the archive goes on. */
import type { Sql } from "../database/database.ts";
import type { LogEntry } from "./log-entry.ts";
import type { ArchivedShard } from "./positions.ts";

/** SQLSTATE: the data is wrong (class 22), or the row is there already; nothing that another try would change. */
const UNSTORABLE = /^(22|23505)/;

/** Whether a statement failed by what it was to store, and not because of the database or the tables. */
export function isUnstorable(error: unknown): boolean {
  return UNSTORABLE.test(String((error as { code?: unknown }).code ?? ""));
}

/** With the transaction that moves the position over them. */
export async function saveDeadLetters(
  db: Sql,
  { life, shard }: ArchivedShard,
  entries: readonly LogEntry[],
): Promise<void> {
  if (entries.length === 0) return;
  const rows = entries.map(({ id, fields, error = "" }) => ({
    life,
    shard,
    entry_id: id,
    entry: jsonText(fields),
    error: error.replaceAll("\0", "\ufffd").slice(0, 1_000),
  }));
  await db.insertInto("dead_letters").values(rows).execute();
}

/** PostgreSQL's JSON holds no NUL. */
function jsonText(fields: readonly string[]): string {
  return JSON.stringify(fields.map((text) => text.replaceAll("\0", "\ufffd")));
}
