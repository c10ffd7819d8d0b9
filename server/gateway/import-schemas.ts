/** zod for imports: what the call says, and the shape of each line, the same as of a submission. */
import { z } from "zod";
import { boardId } from "../leaderboard/board-schema.ts";
import type { ImportLine } from "../transfer/import-entry.ts";
import { columns, member, metadata } from "./schemas.ts";

const FIELD = /^[A-Za-z]\w*(\.\w+)?$/;

const importId = z
  .string()
  .regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits, dots, hyphens or underscores");
const yesOrNo = z
  .enum(["true", "false"])
  .default("false")
  .transform((text) => text === "true");

/** `member=user_id,score=points`: field by field the name in the file. */
const mapping = z
  .string()
  .max(2_048)
  .transform((text) => text.split(",").map((pair) => pair.split("=")))
  .refine(
    (pairs) => pairs.every((pair) => pair.length === 2 && FIELD.test(pair[0]!) && pair[1] !== ""),
    "must be pairs such as member=user_id,score=points",
  )
  .transform((pairs) => new Map(pairs as [string, string][]));

export const importQuery = z.strictObject({
  format: z.enum(["ndjson", "csv"]).default("ndjson"),
  mode: z.enum(["put", "best", "absent"]).default("put"),
  ties: z.enum(["exact", "time"]).default("exact"),
  dryRun: yesOrNo,
  importId: importId.optional(),
  fromLine: z.coerce.number().int().min(1).default(1),
  /** CSV only. */
  map: mapping.optional(),
  delimiter: z
    .string()
    .default(",")
    .transform((text) => (text === "tab" ? "\t" : text))
    .pipe(z.enum([",", ";", "\t", "|"], "must be one of , ; | tab")),
  decimalComma: yesOrNo,
});

export const importParams = z.object({ board: boardId, import: importId });

export const importLine = z.strictObject({
  member,
  score: z.number(),
  columns: columns.optional(),
  metadata: metadata.optional(),
  reachedAt: z.union([z.string().max(64), z.number()]).optional(),
  key: z.number().optional(),
  rest: z.string().max(512).optional(),
  visibility: z.enum(["visible", "hidden", "shadow"]).optional(),
  /** Of exports of archived seasons; not looked at. */
  rank: z.number().optional(),
}) satisfies z.ZodType<ImportLine | unknown>;
