/** The PostgreSQL of the settings. An embedded database is not opened: one process alone bears its files, and opening it writes. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { lockOwner } from "../../base/machine/instance-lock.ts";
import type { Config } from "../../config.ts";
import { type DatabaseHealth, readDatabaseHealth } from "../../database/database-health.ts";
import { sizeText } from "../capacity-table.ts";
import { clockFinding } from "./clock-checks.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("database");

const OLDEST_MAJOR = 14;

export async function checkDatabase(config: Config): Promise<Finding[]> {
  const { DATABASE_URL, DATABASE_TIMEOUT_MS } = config;
  if (DATABASE_URL === undefined) return [await embedded(config)];
  try {
    const health = await readDatabaseHealth(DATABASE_URL, DATABASE_TIMEOUT_MS);
    return [ok("reachable", "yes"), ...databaseFindings(health, config)];
  } catch (error) {
    const change =
      "Start it, or set DATABASE_URL to where it is; see its user and password, and pg_hba.conf.";
    return [
      problem("reachable", (error as Error).message || (error as NodeJS.ErrnoException).code || "no", change),
    ];
  }
}

async function embedded({ DATA_DIR }: Config): Promise<Finding> {
  const folder = resolve(DATA_DIR);
  const owner = await lockOwner(join(folder, "database.lock"));
  const there = existsSync(join(folder, "database")) ? "there" : "not there yet";
  const held =
    owner === undefined ? "no process has it open" : `process ${owner} has it open, and tells how it is`;
  return ok("embedded", `PGlite in ${DATA_DIR} is ${there}; ${held}`);
}

/** Pure, for what cannot be had on a test's PostgreSQL. */
export function databaseFindings(
  health: DatabaseHealth,
  { DATABASE_CONNECTIONS_MAX }: Pick<Config, "DATABASE_CONNECTIONS_MAX">,
): Finding[] {
  const { major, bytes, connections, readOnly, encoding } = health;
  const left = connections.max - connections.used;
  const free = `${left} of ${connections.max} left, and a process takes up to ${DATABASE_CONNECTIONS_MAX}`;
  const fewer = "Raise max_connections, or lower DATABASE_CONNECTIONS_MAX.";
  return [
    major >= OLDEST_MAJOR
      ? ok("version", `PostgreSQL ${major}`)
      : problem("version", `PostgreSQL ${major} is too old`, `Upgrade to ${OLDEST_MAJOR} or newer.`),
    ...migrationFindings(health),
    ok("size", sizeText(bytes)),
    left >= DATABASE_CONNECTIONS_MAX
      ? ok("connections", free)
      : left > 0
        ? warning("connections", free, fewer)
        : problem("connections", free, fewer),
    ...(readOnly
      ? [problem("writes", "it takes none: a standby, or read-only", "Point DATABASE_URL at the primary.")]
      : []),
    ...(encoding === "UTF8"
      ? []
      : [problem("encoding", encoding, "Make a database with ENCODING 'UTF8': names of members are UTF-8.")]),
    clockFinding("postgresql", health.clock),
  ];
}

function migrationFindings({ migrations: { missing, unknown }, mayCreate }: DatabaseHealth): Finding[] {
  if (unknown.length > 0) {
    const found = `the database has ${unknown.join(", ")}, which this version does not know`;
    const change =
      "Run the version that made them, or restore the backup of before: docs/operations.md, Upgrade.";
    return [problem("migrations", found, change)];
  }
  if (missing.length === 0) return [ok("migrations", "as this version has them")];
  const found = `${missing.join(", ")} missing`;
  if (!mayCreate) {
    const change = "Let the user of DATABASE_URL create tables: GRANT CREATE ON SCHEMA public.";
    return [problem("migrations", `${found}, and this user may not create tables`, change)];
  }
  return [warning("migrations", found, "Make a backup; the next start of Rankwire makes them.")];
}
