/** One call of `submit.lua`: a batch of one producer for one shard. */
import { assert } from "../base/assert.ts";
import { callOnce } from "../redis/batch.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";

/** One submission as a shard takes it; `payload` is from `payloadOf`, `idHash` empty without an id. */
export type ShardEvent = { member: string; idHash: string; metadata: string; payload: string[] };

export type DedupLimits = {
  /** How long an id is remembered at least. */
  dedupWindowMs: number;
  /** Most ids in one window of one shard. */
  idsMax: number;
  /** Most entries of a shard's score log, until the archiver trims it. */
  logEntriesMax: number;
  /** A producer that sent nothing for this long is forgotten. */
  producerIdleMs: number;
};

export type Batch = { producer: string; seq: number; events: ShardEvent[] };

/** `a` accepted, `u` unchanged, `d` duplicate, `r` rejected. */
export type EventStatus = "a" | "u" | "d" | "r";

export type BatchReply =
  | { tag: "applied"; n: number; dirty: boolean; statuses: EventStatus[]; keys: (number | undefined)[] }
  | { tag: "gap"; last: number }
  | { tag: "store_lost" | "season_closed" | "overloaded" };

const TAGS = ["applied", "duplicate", "gap", "store_lost", "season_closed", "overloaded"] as const;

/**
 * @returns per event its status and the key that the member has after it
 * @throws AppError unavailable (it may or may not have been applied), store_full (it was not)
 */
export async function submitBatch(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  batch: Batch,
  limits: DedupLimits,
): Promise<BatchReply> {
  const keys = Object.values(open.shards[shard]!);
  const args = submitArguments(open, batch, limits);
  // Sent once: only the shard's pipe knows in which order batches of unknown end may be sent again [R 2].
  const call = { script: "leaderboard/submit" as const, keys, args };
  const reply = await callOnce(redis, call).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  const { tag, rest } = tagged(reply, TAGS);
  switch (tag) {
    case "applied":
      return applied(open, batch, rest[0] as string);
    case "duplicate":
      return replayed(batch, rest[0] as string);
    case "gap":
      return { tag, last: Number(rest[0]) };
    default:
      return { tag };
  }
}

function submitArguments(
  { board, season, layout }: OpenBoard,
  { producer, seq, events }: Batch,
  limits: DedupLimits,
): string[] {
  const withIds = events.some((event) => event.idHash !== "");
  const withMetadata = events.some((event) => event.metadata !== "");
  const repeats = new Set(events.map(({ member }) => member)).size < events.length;
  const rule = board.operator === "best" || board.operator === "set" ? board.operator : "add";
  const args = [
    season.incarnation,
    producer,
    String(seq),
    rule,
    layout.argument,
    `${limits.dedupWindowMs} ${limits.idsMax} ${limits.logEntriesMax} ${limits.producerIdleMs}`,
    String(events.length),
    `${withIds ? "i" : ""}${withMetadata ? "m" : ""}${repeats ? "r" : ""}-`,
  ];
  for (const { member } of events) args.push(member);
  if (withIds) for (const { idHash } of events) args.push(idHash);
  if (withMetadata) for (const { metadata } of events) args.push(metadata);
  for (const { payload } of events) args.push(...payload);
  return args;
}

function applied({ board }: OpenBoard, { events }: Batch, packed: string): BatchReply {
  const [, n, dirty, statuses, keyList] = packed.split(" ");
  assert(statuses?.length === events.length, "submit.lua answers every event");
  const told = keyList!.split(",");
  let next = 0;
  const ownKey = board.operator === "best" || board.operator === "set";
  return {
    tag: "applied",
    n: Number(n),
    dirty: dirty === "1",
    statuses: [...statuses] as EventStatus[],
    keys: events.map(({ payload }, i) => keyOf(ownKey && statuses[i] === "a" ? payload[0]! : told[next++]!)),
  };
}

/** A replay whose reply is no longer kept: it was applied before, and these are the keys as they are now. */
function replayed(batch: Batch, keyList: string): BatchReply {
  const statuses = batch.events.map((): EventStatus => "d");
  return { tag: "applied", n: 0, dirty: false, statuses, keys: keyList.split(",").map(keyOf) };
}

function keyOf(text: string): number | undefined {
  return text === "" ? undefined : Number(text);
}
