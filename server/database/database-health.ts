/**
 * How a PostgreSQL is at this moment: for `rankwire doctor`. One connection of its own, a read-only transaction, nothing written: other
 * than `Database`, which brings a database up to date when it opens it.
 */
import pg from "pg";
import { migrationNames } from "./migrations.ts";

export type DatabaseHealth = {
  /** Such as 17. */
  major: number;
  /** Migrations that this version has and the database does not, and the other way round. */
  migrations: { missing: string[]; unknown: string[] };
  bytes: number;
  connections: { used: number; max: number };
  /** Its clock less this machine's, in ms, and how exact that is. */
  clock: { aheadMs: number; withinMs: number };
  /** It takes no writes: a standby, or set so. */
  readOnly: boolean;
  /** Whether this role may create tables. */
  mayCreate: boolean;
  encoding: string;
};

type Row = {
  version: string;
  bytes: string;
  used: string;
  max: string;
  read_only: boolean;
  may_create: boolean;
  encoding: string;
  table: string | null;
};

const FACTS = `
  select current_setting('server_version_num') as version,
    pg_database_size(current_database()) as bytes,
    (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as max,
    pg_is_in_recovery() or current_setting('default_transaction_read_only')::bool as read_only,
    coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create,
    current_setting('server_encoding') as encoding,
    to_regclass('kysely_migration')::text as table`;

/** @param url as DATABASE_URL. @throws whatever the driver throws */
export async function readDatabaseHealth(url: string, timeoutMs: number): Promise<DatabaseHealth> {
  const client = new pg.Client({
    connectionString: url,
    connectionTimeoutMillis: timeoutMs,
    query_timeout: timeoutMs,
    application_name: "rankwire-doctor",
  });
  // Its end during a question is told by the question.
  client.on("error", () => undefined);
  await client.connect();
  try {
    await client.query("begin transaction read only");
    const [row] = (await client.query<Row>(FACTS)).rows;
    const done = row?.table
      ? (await client.query<{ name: string }>("select name from kysely_migration")).rows
      : [];
    return {
      ...factsOf(row as Row),
      migrations: await compared(done.map(({ name }) => name)),
      clock: await clockOf(client),
    };
  } finally {
    await client.end().catch(() => undefined);
  }
}

function factsOf(row: Row): Omit<DatabaseHealth, "migrations" | "clock"> {
  return {
    major: Math.floor(Number(row.version) / 10_000),
    bytes: Number(row.bytes),
    connections: { used: Number(row.used), max: Number(row.max) },
    readOnly: row.read_only,
    mayCreate: row.may_create,
    encoding: row.encoding,
  };
}

async function compared(done: readonly string[]): Promise<DatabaseHealth["migrations"]> {
  const ours = await migrationNames();
  return {
    missing: ours.filter((name) => !done.includes(name)),
    unknown: done.filter((name) => !ours.includes(name)),
  };
}

async function clockOf(client: pg.Client): Promise<DatabaseHealth["clock"]> {
  const from = Date.now();
  const { rows } = await client.query<{ ms: string }>(
    "select extract(epoch from clock_timestamp()) * 1000 as ms",
  );
  const to = Date.now();
  return { aheadMs: Number(rows[0]?.ms) - (from + to) / 2, withinMs: (to - from) / 2 + 1 };
}
