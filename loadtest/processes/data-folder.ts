/** DATA_DIR of a bench's own. A smoke run names a PGlite with its tables, which is copied: making one takes two seconds. */
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @returns a new folder; whoever asks removes it */
export function newDataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "rankwire-bench-"));
  const template = process.env.BENCH_PGLITE_TEMPLATE;
  if (template) cpSync(join(template, "database"), join(folder, "database"), { recursive: true });
  return folder;
}
