/** Folders for PGlite that have its files and tables already: made once a run and copied, which takes a tenth of the time of making one. */
import { cp, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "../../server/base/log.ts";
import { Database } from "../../server/database/database.ts";
import { testRunFolder } from "./shared-redis.ts";

const TIMEOUT_MS = 60_000;

/** @returns a DATA_DIR of one's own, below the folder of the run */
export async function newEmbeddedFolder(): Promise<string> {
  const folder = await mkdtemp(join(testRunFolder(), "db-"));
  await cp(join(await embeddedTemplate(), "database"), join(folder, "database"), { recursive: true });
  return folder;
}

/** The folder that is copied; it stays as it is. */
export async function embeddedTemplate(): Promise<string> {
  const made = join(testRunFolder(), "embedded-template");
  if (await exists(made)) return made;
  const draft = await mkdtemp(join(testRunFolder(), "embedded-draft-"));
  const log = createLog({ level: "silent", pretty: false });
  const database = new Database({ dataDir: draft, connectionsMax: 1, timeoutMs: TIMEOUT_MS, log });
  await database.ready();
  await database.close();
  // Another worker may have been faster: its template is as good.
  await rename(draft, made).catch(() => rm(draft, { recursive: true }));
  return made;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
