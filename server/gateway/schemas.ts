/** zod for everything that comes in, over HTTP and over sockets. What is not described here is refused. */
import { z } from "zod";
import type {
  BoardMessage,
  RankMessage,
  SubmitMessage,
  SubscribeMessage,
  UnsubscribeMessage,
} from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { boardId } from "../leaderboard/board-schema.ts";

export const MEMBER_BYTES_MAX = 128;
export const ID_BYTES_MAX = 64;
export const METADATA_BYTES_MAX = 256;
export const NOTICE_BYTES_MAX = 4_096;
export const TOP_LIMIT_MAX = 1000;
export const AROUND_LIMIT_MAX = 101;

export const plain = z
  .string()
  .min(1)
  .refine(
    (value) => !/[\p{Cc}\p{Cs}]/u.test(value),
    "must not contain control characters or lone surrogates",
  );

/** Text without control characters: they separate fields in the score log. */
function text(bytesMax: number) {
  return plain.refine(
    (value) => Buffer.byteLength(value) <= bytesMax,
    `must be at most ${bytesMax} bytes of UTF-8`,
  );
}

export const member = text(MEMBER_BYTES_MAX);
const id = text(ID_BYTES_MAX);
const season = z.int().min(1);
const ack = z.enum(["memory", "replica"]);
export const metadata = z
  .string()
  .refine(
    (value) => Buffer.byteLength(value) <= METADATA_BYTES_MAX,
    `must be at most ${METADATA_BYTES_MAX} bytes`,
  )
  .refine((value) => !/[\0\p{Cs}]/u.test(value), "must not contain NUL or lone surrogates");
/** A 64-bit integer, which a JSON number does not hold; `leaderboard/values.ts` looks at the range. */
export const integerText = z.string().regex(/^-?\d{1,19}$/, "must be a whole number");
/** zod's record would drop a key of this name in silence. */
const noProto = (value: unknown) =>
  !(typeof value === "object" && value !== null && Object.hasOwn(value, "__proto__"));
export const columns = z
  .unknown()
  .refine(noProto, "must not have a column __proto__")
  .pipe(
    z.record(
      z.string().max(32),
      z.union([z.number(), integerText], "must be a number, or a whole number as text"),
    ),
  )
  // What goes in is unknown until it is looked at; a reader of the API wants to know what comes of it.
  .meta({ type: "object", additionalProperties: { type: ["number", "string"] } });

/** HMAC-SHA256 in base64url; looked at only where the board asks for it. */
const signature = z.string().max(64).optional();
const submissionFields = {
  score: z.number(),
  columns: columns.optional(),
  id: id.optional(),
  season: season.optional(),
  metadata: metadata.optional(),
};

/** One submission of a game server; checked one by one, so that a bad one does not fail the others. */
export const memberSubmission = z.strictObject({ member, ...submissionFields });

/** The envelope of a batch. `limit` is SUBMISSIONS_MAX. */
export const submissionBatch = z.strictObject({
  submissions: z.array(z.unknown()).min(1),
  ack: ack.default("memory"),
  positions: z.boolean().default(false),
});

export const membersQuestion = z.strictObject({
  members: z.array(member).min(1),
  ranks: z.boolean().default(true),
  precision: z.enum(["fast", "exact"]).default("exact"),
});
export const playerParams = z.object({ member });
export const notice = z.strictObject({
  kind: plain.max(64),
  data: z
    .unknown()
    .default(null)
    .refine(
      (data) => Buffer.byteLength(JSON.stringify(data)) <= NOTICE_BYTES_MAX,
      `must be at most ${NOTICE_BYTES_MAX} bytes of JSON`,
    ),
});

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const seasonQuery = { season: z.coerce.number().int().min(1).optional() };

/** Of a query, where a `+` that nobody encoded is a blank: `2026-01-01T00:00:00+02:00` comes as `2026-01-01T00:00:00 02:00`. */
export const instant = z
  .preprocess(
    (text) => (typeof text === "string" ? text.replace(/ (?=\d{2}:\d{2}$)/, "+") : text),
    z.iso.datetime({ offset: true }),
  )
  .meta({ type: "string", format: "date-time" });

export const boardParams = z.object({ board: boardId });
export const memberParams = z.object({ board: boardId, member });
export const topQuery = z.strictObject({
  limit: whole(1, TOP_LIMIT_MAX).optional(),
  offset: whole(0, Number.MAX_SAFE_INTEGER).default(0),
  /** The longest place there can be, in base64. */
  cursor: z.string().max(1_024).optional(),
  /** The top as it stood then. */
  at: instant.optional(),
  ...seasonQuery,
});
const precision = z.enum(["fast", "exact"]).default("exact");
export const memberQuery = z.strictObject({ precision, ...seasonQuery });
export const aroundQuery = z.strictObject({ limit: whole(1, AROUND_LIMIT_MAX).default(11), ...seasonQuery });
export const seasonOnly = z.strictObject(seasonQuery);
/** A number as people write it in a query: empty text is none. */
export const numberText = z
  .string()
  .regex(/^[+-]?(\d|\.\d)/, "must be one number")
  .transform(Number)
  .pipe(z.number());
export const scoreQuery = z.looseObject({ score: numberText, precision, ...seasonQuery });
const percent = numberText.pipe(z.number().gt(0).max(100));
export const percentilesQuery = z.strictObject({
  percents: z
    .string()
    .default("1,5,10,25,50,75")
    .transform((list) => list.split(","))
    .pipe(z.array(percent).min(1).max(20)),
  ...seasonQuery,
});

const view = z.union([z.literal(10), z.literal(100), z.literal("all")]);
export const feedQuery = z.strictObject({
  view: z
    .enum(["10", "100", "all"])
    .default("100")
    .transform((size) => (size === "all" ? size : size === "10" ? 10 : 100)),
  ...seasonQuery,
});

const listName = text(64);
const position = z.strictObject({ epoch: z.string().min(1).max(32), offset: z.int().min(0) });

export const socketMessages = {
  submit: z.strictObject({
    board: boardId,
    ack: ack.optional(),
    ...submissionFields,
    signature,
  }) satisfies z.ZodType<SubmitMessage | unknown>,
  subscribe: z.discriminatedUnion("kind", [
    z.strictObject({
      board: boardId,
      kind: z.literal("top"),
      view: view.default("all"),
      position: position.optional(),
    }),
    z.strictObject({ board: boardId, kind: z.literal("me"), member: member.optional() }),
    z.strictObject({
      board: boardId,
      kind: z.literal("around"),
      member: member.optional(),
      limit: z.int().min(3).max(AROUND_LIMIT_MAX).default(11),
    }),
    z.strictObject({
      board: boardId,
      kind: z.literal("members"),
      list: listName,
      members: z.array(member).min(1),
    }),
  ]) satisfies z.ZodType<SubscribeMessage | unknown>,
  unsubscribe: z.discriminatedUnion("kind", [
    z.strictObject({ board: boardId, kind: z.literal("top"), view }),
    z.strictObject({ board: boardId, kind: z.enum(["me", "around"]), member: member.optional() }),
    z.strictObject({ board: boardId, kind: z.literal("members"), list: listName }),
  ]) satisfies z.ZodType<UnsubscribeMessage | unknown>,
  rank: z.strictObject({ board: boardId, member: member.optional() }) satisfies z.ZodType<
    RankMessage | unknown
  >,
  board: z.strictObject({ board: boardId }) satisfies z.ZodType<BoardMessage>,
};

export type SocketMessages = {
  [Name in keyof typeof socketMessages]: z.output<(typeof socketMessages)[Name]>;
};

/**
 * A value that has its schema.
 * @throws AppError bad_request naming each field that is wrong
 */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues
    .slice(0, 10)
    .map((issue) => ({ field: issue.path.join(".") || "(body)", problem: issue.message }));
  const message = details.map(({ field, problem }) => `${field}: ${problem}`).join("; ");
  throw new AppError("bad_request", { message, details });
}
