/** What is kept about players beyond one board: the database, and what stands on it. */
import type { Lifecycle } from "./base/lifecycle.ts";
import type { Log } from "./base/log.ts";
import type { Config } from "./config.ts";
import { Database } from "./database/database.ts";
import * as options from "./options.ts";

/** PGlite opens when it is first needed; a PostgreSQL of the settings must be there now. @throws AppError unavailable */
export async function startDatabase(config: Config, log: Log, parts: Lifecycle): Promise<Database> {
  const database = await parts.start(
    "database",
    () => new Database({ ...options.databaseOptions(config), log }),
    (started) => started.close(),
  );
  if (config.DATABASE_URL !== undefined) await database.ready();
  return database;
}
