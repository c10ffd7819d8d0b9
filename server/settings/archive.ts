/** Settings of the score log, and of the archiver that brings it to the database. */
import { z } from "zod";
import { bytes, count, ms, type Setting, setting } from "./setting.ts";

export const archiveSettings = {
  LOG_ENTRIES_MAX: setting(
    count(10_000),
    "Entries (batches) of a shard's score log that wait for the archiver, about…",
  ),
  LOG_BYTES_MAX: setting(bytes(16 * 1024 * 1024), "bytes, about. …and what they may take together."),
  LOG_FULL: setting(
    z.enum(["gap", "refuse"]).default("gap"),
    "When a score log is full because the database is away: `gap` drops its oldest entries, which history will lack; `refuse` answers submissions with `log_full`.",
  ),
  ARCHIVE_MS: setting(ms(250), "ms. Boards that are written to are archived this often."),
  ARCHIVE_BATCH_ENTRIES: setting(
    count(50),
    "Log entries of one shard that one transaction of the archiver takes, at most.",
  ),
  ARCHIVE_SWEEP_SHARDS_PER_SECOND: setting(
    count(32),
    "Shards a second that the archiver looks at on boards which nobody announced.",
  ),
  ARCHIVE_LAG_MS_MAX: setting(ms(60_000), "ms. An archive further behind makes `/readyz` say `archive`."),
  ARCHIVE_RETENTION_MS: setting(
    ms(600_000),
    "ms. Score logs in the database are cleared of what is older than their board keeps this often.",
  ),
} as const satisfies Record<string, Setting>;
