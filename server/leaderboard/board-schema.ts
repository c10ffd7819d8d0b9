/** A board's definition as people write it: zod schema, defaults, and the rules between fields. */
import { z } from "zod";
import { PROFILE_FIELDS } from "../../client-sdk/protocol/messages.ts";
import { newEpoch, newId } from "../base/ids.ts";
import type { Board, Season } from "./board.ts";
import { columnDefinition, columnFrom, invalid, order, storedColumn } from "./column-schema.ts";
import { rewardRules } from "./reward-rules.ts";
import { checkRules, rulesDefinition } from "./score-rules.ts";
import { nextEnd } from "./season-schedule.ts";
import { type SeasonRules, seasonRules } from "./season-schema.ts";

export const COLUMNS_MAX = 8;
export const SHARDS_MAX = 64;
export const TOP_SIZE_MAX = 1000;
export const WEBHOOK_TOP_MAX = 100;

export const boardId = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "1–64 letters, digits, _ or -");

export const boardDefinition = z.strictObject({
  order: order.default("desc"),
  operator: z.enum(["best", "set", "incr", "decr"]),
  columns: z
    .array(columnDefinition)
    .min(1)
    .max(COLUMNS_MAX)
    .default([{ name: "score", type: "decimal" }]),
  ties: z.enum(["shared", "earliest", "latest"]).default("shared"),
  tieResolutionMs: z.int().min(1).max(86_400_000).default(1),
  writers: z.enum(["server", "player"]).default("server"),
  shards: z
    .int()
    .min(1)
    .max(SHARDS_MAX)
    .refine((n) => (n & (n - 1)) === 0, "must be a power of two")
    .default(8),
  topSize: z.int().min(1).max(TOP_SIZE_MAX).default(TOP_SIZE_MAX),
  rules: rulesDefinition.exactOptional(),
  rewards: rewardRules.exactOptional(),
  webhookTop: z.int().min(1).max(WEBHOOK_TOP_MAX).exactOptional(),
  visibility: z.enum(["public", "private"]).default("public"),
  metadata: z.boolean().default(false),
  profileFields: z
    .array(z.enum(PROFILE_FIELDS))
    .max(PROFILE_FIELDS.length)
    .refine((fields) => new Set(fields).size === fields.length, "names a field twice")
    .default([]),
  logRetentionDays: z.int().min(0).max(36_500).default(30),
  historyRetentionDays: z.int().min(0).max(36_500).default(30),
  endsAt: z.iso.datetime({ offset: true }).optional(),
  season: seasonRules.default({ schedule: "manual" }),
});

export type BoardDefinition = z.input<typeof boardDefinition>;
type ParsedDefinition = z.output<typeof boardDefinition>;

/** What cannot change while a season is open, because stored scores would lie. */
export const FIXED_FIELDS = [
  "order",
  "operator",
  "columns",
  "ties",
  "tieResolutionMs",
  "shards",
  "endsAt",
] as const;

/**
 * A definition with every default filled in.
 * @throws AppError board_invalid
 */
export function boardFrom(id: string, definition: ParsedDefinition): Board {
  const { endsAt, ...rest } = definition;
  const columns = definition.columns.map((column, i) => columnFrom(column, i, definition));
  const names = new Set(columns.map((column) => column.name));
  if (names.size !== columns.length) throw invalid("two columns have the same name");
  checkRules(definition.rules, columns);
  checkSeasonRules(definition);
  return { ...rest, id, columns, ...(endsAt === undefined ? {} : { endsAt }) };
}

function checkSeasonRules({ season, endsAt, columns }: ParsedDefinition): void {
  if (endsAt !== undefined && ("timeZone" in season || season.endsAt !== undefined)) {
    throw invalid(
      "endsAt is the end of one season: with a schedule give `season.endsAt`, the end of the last one",
    );
  }
  if (season.carryOver?.rule === "decay" && columns.some(({ type = "decimal" }) => type !== "decimal")) {
    throw invalid('carryOver "decay" needs columns of type decimal');
  }
}

/**
 * A first or next season that opens at an instant; a first one when its board says, which may be long ago: entries that are imported
 * then keep the times at which they were reached.
 */
export function newSeason(board: Board, number: number, atMs: number): Season {
  const { startsAt } = board.season;
  const openedAtMs = number === 1 && startsAt !== undefined ? Date.parse(startsAt) : atMs;
  const fromMs = Math.max(atMs, openedAtMs);
  const endsAtMs = board.endsAt === undefined ? nextEnd(board.season, fromMs) : Date.parse(board.endsAt);
  const over = endsAtMs === undefined ? board.season.endsAt !== undefined : endsAtMs <= fromMs;
  if (over) throw invalid("endsAt is in the past");
  const ids = { incarnation: newEpoch(), salt: newId() };
  return { number, ...ids, state: "opening", openedAtMs, ...(endsAtMs === undefined ? {} : { endsAtMs }) };
}

const boardSeason = z.object({
  board: boardDefinition.extend({
    id: boardId,
    columns: z.array(storedColumn),
    // Checked when it was taken: what a newer library refuses must still be read.
    season: z.custom<SeasonRules>().default({ schedule: "manual" }),
  }),
  season: z.object({
    number: z.int(),
    incarnation: z.string(),
    salt: z.string(),
    state: z.enum(["opening", "open", "closed"]),
    openedAtMs: z.number(),
    endsAtMs: z.number().optional(),
    closesAtMs: z.number().optional(),
  }),
});

const storedRecord = boardSeason.extend({
  // Records of versions that knew one season only have none of these.
  revision: z.int().default(0),
  next: boardSeason.exactOptional(),
  closing: z
    .array(
      boardSeason.extend({
        carried: z.literal(true).exactOptional(),
        archived: z.literal(true).exactOptional(),
      }),
    )
    .default([]),
  staged: boardSeason.shape.board.exactOptional(),
  deleted: z
    .object({
      atMs: z.number(),
      archive: z.enum(["keep", "delete"]),
      removed: z.literal(true).exactOptional(),
    })
    .exactOptional(),
});

/** A record as it was stored. @throws when it is not one: the store was written by something else */
export function parseRecord(text: string): z.output<typeof storedRecord> {
  return storedRecord.parse(JSON.parse(text));
}

/** One season of a board, as the archive keeps it. @throws when it is not one */
export function parseSeason(stored: unknown): z.output<typeof boardSeason> {
  return boardSeason.parse(stored);
}
