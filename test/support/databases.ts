/** The two databases that everything relational is tested on: PGlite in a folder, and a real PostgreSQL. */
import { afterAll, beforeAll, describe } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { Database } from "../../server/database/database.ts";
import { newEmbeddedFolder } from "./embedded-template.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "./postgres.ts";

const log = createLog({ level: "silent", pretty: false });

/** One place where tables are: `open` may be called several times, as by several processes. */
export type TestStore = {
  kind: "pglite" | "postgresql";
  /** Settings of a server that uses it. */
  settings(): Record<string, string>;
  /** Closed when the tests are over. */
  open(): Database;
  /** The server behind it; PGlite has none. */
  postgres: TestPostgres | undefined;
};

/** Runs the tests on both, each on tables of its own. */
export function describeOnBoth(name: string, tests: (store: TestStore) => void): void {
  describe(`${name}, on PGlite`, () => {
    const dataDir = { value: "" };
    const store = storeOf("pglite", () => ({ DATA_DIR: dataDir.value }));
    beforeAll(async () => {
      dataDir.value = await newEmbeddedFolder();
    });
    tests(store);
  });
  describe(`${name}, on PostgreSQL`, () => {
    const url = { value: "" };
    const store = storeOf("postgresql", () => ({ DATABASE_URL: url.value }));
    beforeAll(async () => {
      store.postgres = await startTestPostgres();
      url.value = await store.postgres.newDatabase();
    }, POSTGRES_INSTALL_MS);
    tests(store);
    afterAll(() => store.postgres?.stop());
  });
}

function storeOf(kind: TestStore["kind"], settings: TestStore["settings"]): TestStore {
  const opened: Database[] = [];
  afterAll(async () => {
    for (const database of opened) await database.close();
  });
  return {
    kind,
    settings,
    postgres: undefined,
    open: () => {
      const { DATABASE_URL: url, DATA_DIR: dataDir = "" } = settings();
      const database = new Database({ url, dataDir, connectionsMax: 5, timeoutMs: 5_000, log });
      opened.push(database);
      return database;
    },
  };
}
