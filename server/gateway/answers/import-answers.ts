/** zod for what imports answer. */
import { z } from "zod";
import { ERROR_CODES } from "../../../client-sdk/protocol/codes.ts";
import { count, heading, instant } from "./entry-answers.ts";

const counts = {
  /** Lines with an entry, bad ones too. */
  lines: count,
  written: count,
  /** Were there as they are. */
  unchanged: count,
  /** Left alone by `mode`. */
  skipped: count,
  failed: count,
  /** The first of the lines that were not taken. */
  errors: z.array(z.strictObject({ line: count, code: z.enum(ERROR_CODES), message: z.string() })),
};
const mode = z.enum(["put", "best", "absent"]);

export const importAnswer = z.strictObject({
  ...heading,
  importId: z.string().optional(),
  mode,
  dryRun: z.boolean(),
  /** Up to which line it was done before this call. */
  resumedAfter: count,
  ...counts,
});

export const importStatus = z.strictObject({
  ...heading,
  importId: z.string(),
  mode,
  format: z.enum(["ndjson", "csv"]),
  state: z.enum(["running", "broken", "done"]),
  /** Everything up to this line of the file is in. */
  lastLine: count,
  startedAt: instant,
  updatedAt: instant,
  ...counts,
});
