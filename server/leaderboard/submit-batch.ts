/** One call of `submit.lua`, or of its sisters for wide and for judged boards: a batch of one producer for one shard. */
import { assert } from "../base/assert.ts";
import { callOnce } from "../redis/batch.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { placeFrom } from "./codec.ts";
import type { Place } from "./page-cursor.ts";
import { isJudged, rulesArgument, type Verdict, verdictFrom } from "./score-rules.ts";

/** One submission as a shard takes it; `payload` is from `payloadOf`, `idHash` empty without an id. */
export type ShardEvent = {
  member: string;
  idHash: string;
  metadata: string;
  payload: string[];
  /** On judged boards: "h" and the id under which it may be held, with a space and the record where it may; "a" and the id that it approves. */
  hold?: string;
};

export type DedupLimits = {
  /** How long an id is remembered at least. */
  dedupWindowMs: number;
  /** Most ids in one window of one shard. */
  idsMax: number;
  /** Most entries and bytes of a shard's score log that are not yet archived, about. */
  logEntriesMax: number;
  logBytesMax: number;
  /** A full log drops its oldest entries, or refuses batches. */
  logFull: "gap" | "refuse";
  /** A producer that sent nothing for this long is forgotten. */
  producerIdleMs: number;
  /** Most submissions that one shard holds for review. */
  heldMax: number;
};

/** `atMs` is the time of the score rules, in place of Redis's: for tests. */
export type Batch = { producer: string; seq: number; events: ShardEvent[]; atMs?: number };

/** `a` accepted, `u` unchanged, `d` duplicate, `r` rejected, `v` violates a rule, `h` held for review, `g` is not held any more. */
export type EventStatus = "a" | "u" | "d" | "r" | "v" | "h" | "g";

export type BatchReply =
  | {
      tag: "applied";
      n: number;
      dirty: boolean;
      statuses: EventStatus[];
      places: (Place | undefined)[];
      /** Events of hidden members, by their number: nobody is to be told of their places. Absent where there are none. */
      hidden?: ReadonlySet<number>;
      /** Of events that violate a rule, by their number; absent where none does. */
      verdicts?: Map<number, Verdict>;
    }
  | { tag: "gap"; last: number }
  | { tag: "store_lost" | "season_closed" | "overloaded" | "log_full" };

const TAGS = [
  "applied",
  "duplicate",
  "gap",
  "store_lost",
  "season_closed",
  "overloaded",
  "log_full",
] as const;

/**
 * @returns per event its status and the place that the member has after it
 * @throws AppError unavailable (it may or may not have been applied), store_full (it was not)
 */
export async function submitBatch(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  batch: Batch,
  limits: DedupLimits,
): Promise<BatchReply> {
  const { entries, hidden, meta, log, idsNow, idsBefore, metadata, places, rules, held } =
    open.shards[shard]!;
  const packed = open.layout.kind === "packed";
  const plain = packed ? "leaderboard/submit" : "leaderboard/submit_wide";
  const judged = isJudged(open.board) || batch.events.some(({ hold }) => hold !== undefined);
  const script = judged ? (`${plain}_judged` as const) : plain;
  const keys = [entries, packed ? hidden : places, meta, log, idsNow, idsBefore, metadata];
  if (judged) keys.push(rules, held);
  if (packed) keys.push(places);
  const args = submitArguments(open, batch, limits, judged);
  // Sent once: only the shard's pipe knows in which order batches of unknown end may be sent again [R 2].
  const reply = await callOnce(redis, { script, keys, args }).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  const { tag, rest } = tagged(reply, TAGS);
  switch (tag) {
    case "applied":
      return applied(open, batch, rest[0] as string);
    case "duplicate":
      return replayed(open, batch, rest[0] as string);
    case "gap":
      return { tag, last: Number(rest[0]) };
    default:
      return { tag };
  }
}

/** As the scripts take them. */
export function limitsText(limits: DedupLimits): string {
  const { dedupWindowMs, idsMax, logEntriesMax, logBytesMax, logFull, producerIdleMs } = limits;
  return `${dedupWindowMs} ${idsMax} ${logEntriesMax} ${logBytesMax} ${logFull} ${producerIdleMs}`;
}

function submitArguments(
  open: OpenBoard,
  { producer, seq, events, atMs }: Batch,
  limits: DedupLimits,
  judged: boolean,
): string[] {
  const { board, season, layout } = open;
  const withIds = events.some((event) => event.idHash !== "");
  const withMetadata = events.some((event) => event.metadata !== "");
  const withHolds = judged && events.some(({ hold }) => hold !== undefined);
  const repeats = new Set(events.map(({ member }) => member)).size < events.length;
  const rule = board.operator === "best" || board.operator === "set" ? board.operator : "add";
  const args = [
    season.incarnation,
    producer,
    String(seq),
    rule,
    layout.argument,
    limitsText(limits),
    String(events.length),
    `${withIds ? "i" : ""}${withMetadata ? "m" : ""}${withHolds ? "h" : ""}${repeats ? "r" : ""}-${judged ? ` ${rulesArgument(open, limits.heldMax, atMs)}` : ""}`,
  ];
  for (const { member } of events) args.push(member);
  if (withIds) for (const { idHash } of events) args.push(idHash);
  if (withMetadata) for (const { metadata } of events) args.push(metadata);
  if (withHolds) for (const { hold } of events) args.push(hold ?? "");
  for (const { payload } of events) args.push(...payload);
  return args;
}

function applied({ board, layout }: OpenBoard, { events }: Batch, packed: string): BatchReply {
  // The keys of wide boards have a space inside.
  const [, n, dirty, letters, ...keyList] = packed.split(" ");
  assert(letters?.length === events.length, "submit.lua answers every event");
  const statuses = letters.toLowerCase();
  const hidden = statuses === letters ? undefined : capitalsIn(letters);
  const told = keyList.join(" ").split(",");
  let next = 0;
  const verdicts = new Map<number, Verdict>();
  const ownKey = board.operator === "best" || board.operator === "set";
  return {
    tag: "applied",
    n: Number(n),
    dirty: dirty === "1",
    statuses: [...statuses] as EventStatus[],
    places: events.map(({ member, payload }, i) => {
      let key = ownKey && statuses[i] === "a" ? payload[0]! : told[next++]!;
      if (statuses[i] === "v" || statuses[i] === "h") {
        const [before = "", verdict = ""] = key.split("|");
        key = before;
        verdicts.set(i, verdictFrom(board, verdict));
      }
      return key === "" ? undefined : placeFrom(layout, key, member);
    }),
    ...(verdicts.size > 0 ? { verdicts } : {}),
    ...(hidden ? { hidden } : {}),
  };
}

function capitalsIn(letters: string): Set<number> {
  return new Set([...letters].flatMap((letter, i) => (letter === letter.toLowerCase() ? [] : [i])));
}

/** A replay whose reply is no longer kept: it was applied before, and these are the keys as they are now. */
function replayed({ layout }: OpenBoard, { events }: Batch, keyList: string): BatchReply {
  const keys = keyList.split(",");
  const statuses = events.map((): EventStatus => "d");
  const places = events.map(({ member }, i) =>
    keys[i] === "" ? undefined : placeFrom(layout, keys[i]!, member),
  );
  return { tag: "applied", n: 0, dirty: false, statuses, places };
}
