/** Settings of exports: how many at once, how long they wait for the archive, and what they may take of the disk. */
import { bytes, count, ms, type Setting, setting } from "./setting.ts";

export const exportSettings = {
  EXPORTS_MAX: setting(count(2), "Exports that a process makes at the same time."),
  EXPORT_WAIT_MS: setting(
    ms(5_000),
    "ms. An export waits this long for the archive to come up to what the board had when it was asked for; then it says how far it is.",
  ),
  EXPORT_SPOOL_BYTES_MAX: setting(
    bytes(4 * 1024 * 1024 * 1024),
    "bytes. What one export may write to DATA_DIR before it is sent; about 60 an entry with short ids.",
  ),
  EXPORT_CHANGES_MAX: setting(
    count(500_000),
    "Members who change while an export reads the tables, in memory until it is sent; with more of them it is refused.",
  ),
} as const satisfies Record<string, Setting>;
