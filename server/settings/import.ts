/** Settings of imports. */
import { z } from "zod";
import { count, ms, type Setting, setting } from "./setting.ts";

export const importSettings = {
  IMPORTS_MAX: setting(count(2), "Imports of one process at a time; more are `overloaded`."),
  IMPORT_BODY_BYTES_MAX: setting(
    z.coerce.number().int().min(0).default(0),
    "bytes. A longer body of an import is refused; 0 for no limit, since it is never held as a whole.",
  ),
  IMPORT_LINE_MAX: setting(count(16 * 1024, 256), "Characters of one line of an import."),
  IMPORT_ERRORS_MAX: setting(count(100), "Bad lines that an import lists; all are counted."),
  IMPORT_IDLE_MS: setting(ms(60_000), "ms. An import that nothing comes of for this long is broken off."),
  IMPORT_KEEP_MS: setting(ms(7 * 86_400_000), "ms. An import can be gone on with for this long."),
  IMPORT_WAIT_MS: setting(
    ms(30_000),
    "ms. An import waits this long for a score log that is three quarters full, then goes on as submissions do (LOG_FULL); and as long for Redis.",
  ),
} as const satisfies Record<string, Setting>;
