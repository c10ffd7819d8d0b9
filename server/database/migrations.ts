/**
 * Brings a database to the tables that this version of Rankwire needs: the SQL files of `migrations/`, in order of their names, each once.
 *
 * Several processes may start at once: Kysely's migrator holds a lock of the database meanwhile, and what fails is rolled back whole.
 */
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Kysely, type Migration, Migrator, sql } from "kysely";

const FOLDER = fileURLToPath(new URL("migrations/", import.meta.url));

/** @throws Error naming the file that failed, or one that the database has and this version does not know */
export async function migrate(db: Kysely<unknown>): Promise<string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: migrationsOf } });
  const { error, results } = await migrator.migrateToLatest();
  if (error) {
    const failed = results?.find(({ status }) => status === "Error")?.migrationName;
    const where = failed === undefined ? "" : ` in ${failed}`;
    throw new Error(`The database could not be brought up to date${where}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return (results ?? []).map(({ migrationName }) => migrationName);
}

/** Of this version, in their order. */
export async function migrationNames(): Promise<string[]> {
  return (await migrationFiles()).map(nameOf);
}

async function migrationFiles(): Promise<string[]> {
  return (await readdir(FOLDER)).filter((name) => name.endsWith(".sql")).sort();
}

function nameOf(file: string): string {
  return file.replace(/\.sql$/, "");
}

async function migrationsOf(): Promise<Record<string, Migration>> {
  const entries = (await migrationFiles()).map(async (file): Promise<[string, Migration]> => {
    const text = await readFile(`${FOLDER}${file}`, "utf8");
    const up = async (db: Kysely<unknown>): Promise<void> => {
      for (const statement of statementsOf(text)) await sql.raw(statement).execute(db);
    };
    return [nameOf(file), { up }];
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** One statement ends with a semicolon at the end of a line: the extended protocol takes one at a time. */
function statementsOf(text: string): string[] {
  return text
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replaceAll(/--[^\n]*/g, "").trim() !== "");
}
