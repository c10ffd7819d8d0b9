/**
 * How much memory and disk a deployment needs, reckoned from its numbers alone: parts, units and what they come to. Pure; the constants are in
 * `capacity-constants.ts`, the bounds of the settings come in with the question.
 */
import { COUNTER_SHARDS } from "../redis/keys.ts";
import { archiveParts } from "./capacity-archive.ts";
import { ID_BYTES, UNITS } from "./capacity-constants.ts";

export type CapacityQuestion = {
  /** Of all boards together. */
  members: number;
  /** Live sessions: about the players of the last `SESSION_IDLE_MS`. */
  sessions: number;
  boards: number;
  /** Of a board. */
  columns: number;
  shards: number;
  /** Submissions a second, over all boards, as they are for minutes. */
  rate: number;
  /** Boards are wide: each further column takes a part of every member's name. */
  wide: boolean;
  /** Submissions carry an idempotency key, and the operator is not `best`. */
  ids: boolean;
  /** Members who have a profile. */
  profiles: number;
  /** Length of a member's id. */
  idBytes: number;
  /** Past ones that the database keeps, each with as many members. */
  seasons: number;
  /** Changes of entries a second, over all boards, as they are over days. */
  meanRate: number;
  /** `logRetentionDays` of the boards. */
  logDays: number;
};

/** Settings that bound what may grow, under their names. */
export type CapacityBounds = {
  DEDUP_WINDOW_MS: number;
  DEDUP_IDS_MAX: number;
  LOG_ENTRIES_MAX: number;
  FEED_RETENTION_MS: number;
  FEED_RETENTION_BYTES: number;
  TICK_MS: number;
  BATCH_MAX: number;
  COUNTER_DAYS: number;
};

export type StoreName = "redis" | "postgresql";

/** `bytes` is the whole part, of which `unitBytes` times `units` is the most; the rest is slots of hash tables. */
export type CapacityPart = {
  store: StoreName;
  part: string;
  unit: string;
  units: number;
  unitBytes: number;
  bytes: number;
};

export type CapacityPlan = {
  parts: CapacityPart[];
  /** In bytes; the recommendation for `maxmemory` and for the database's disk is the sum with 50 % more, in whole MiB. */
  totals: Record<StoreName, { bytes: number; with30: number; with50: number; set: number }>;
};

const TOP_ROWS = 1_000;
const BOUNDARIES = 1_000;
/** With a longer one a session's text has more than 64 bytes, and Redis keeps it in a hash table. */
const SESSION_ID_MAX = 16;
/** API keys that an operator makes: what a thousand take is nothing. */
const KEYS = 1_000;
/** A sending gateway makes at most about so many batches a second for a shard, and then larger ones. */
const BATCHES_PER_SECOND = 200;
const MIB = 1024 * 1024;

/** @param question whole numbers, none negative; shards and boards at least 1 */
export function planCapacity(question: CapacityQuestion, bounds: CapacityBounds): CapacityPlan {
  const parts = [
    ...memberParts(question),
    ...writeParts(question, bounds),
    ...otherParts(question, bounds),
    ...archiveParts(question),
  ];
  return { parts, totals: { redis: totalOf(parts, "redis"), postgresql: totalOf(parts, "postgresql") } };
}

function totalOf(parts: readonly CapacityPart[], store: StoreName): CapacityPlan["totals"][StoreName] {
  const bytes = parts.reduce((sum, part) => sum + (part.store === store ? part.bytes : 0), 0);
  const with50 = Math.round(bytes * 1.5);
  return { bytes, with30: Math.round(bytes * 1.3), with50, set: Math.max(1, Math.ceil(with50 / MIB)) * MIB };
}

type PartOf = {
  part: string;
  unit: string;
  units: number;
  unitBytes: number;
  more?: number;
  store?: StoreName;
};

function partOf({ store = "redis", part, unit, units, unitBytes, more = 0 }: PartOf): CapacityPart {
  return { store, part, unit, units, unitBytes, bytes: Math.round(units * unitBytes + more) };
}

/** Bytes of the slots of so many hash tables, each of which holds an equal share. */
function slotsOf(elements: number, tables: number, perElement = 1): number {
  const each = elements / Math.max(1, tables);
  return each < 1 ? 0 : perElement * tables * UNITS.slot.bytes * 2 ** Math.ceil(Math.log2(each));
}

/** The allocator gives strings in steps of 16 bytes; a string of Redis has 2 bytes beside its text, from 32 on 4. */
function longerId(idBytes: number): number {
  const allocated = (length: number): number => 16 * Math.ceil((length + (length < 32 ? 2 : 4)) / 16);
  return allocated(idBytes) - allocated(ID_BYTES);
}

function memberParts(question: CapacityQuestion): CapacityPart[] {
  const { members, boards, shards, columns, wide, idBytes } = question;
  const tables = boards * shards;
  const further = Math.max(0, columns - 2) * UNITS.wideColumn.bytes;
  const unitBytes = wide
    ? UNITS.wideEntry.bytes + further + 2 * longerId(idBytes)
    : UNITS.entry.bytes + longerId(idBytes);
  const perBoard = members / boards;
  const rows = Math.round(boards * Math.min(TOP_ROWS, perBoard));
  const boundaries = Math.round(boards * Math.min(BOUNDARIES, perBoard / 10));
  return [
    partOf({
      part: "entries",
      unit: "member",
      units: members,
      unitBytes,
      more: slotsOf(members, tables, wide ? 2 : 1),
    }),
    partOf({
      part: "boards",
      unit: "board",
      units: boards,
      unitBytes: UNITS.board.bytes + shards * UNITS.shard.bytes,
    }),
    partOf({
      part: "published top",
      unit: "row",
      units: rows,
      unitBytes: UNITS.topRow.bytes + longerId(idBytes),
      more: slotsOf(rows, boards),
    }),
    partOf({ part: "rank index", unit: "boundary", units: boundaries, unitBytes: UNITS.boundary.bytes }),
  ];
}

/** What grows with the rate, up to the bounds of the settings. */
function writeParts(question: CapacityQuestion, bounds: CapacityBounds): CapacityPart[] {
  const { boards, shards, rate, ids, idBytes } = question;
  const tables = boards * shards;
  const perShard = rate / tables;
  const perBatch = Math.min(bounds.BATCH_MAX, Math.max(1, perShard / BATCHES_PER_SECOND));
  const eventBytes = UNITS.logEvent.bytes + idBytes - ID_BYTES + (ids ? UNITS.logId.bytes : 0);
  // The log has its length after minutes at most, so it is reckoned as full wherever anything is submitted.
  const batches = rate > 0 ? tables * bounds.LOG_ENTRIES_MAX : 0;
  const windowIds = (rate * bounds.DEDUP_WINDOW_MS) / 1000;
  const remembered = ids ? 2 * Math.min(windowIds, tables * bounds.DEDUP_IDS_MAX) : 0;
  const ticks = bounds.FEED_RETENTION_MS / bounds.TICK_MS;
  const perBoard = rate / boards;
  const frames = Math.min(ticks, (perBoard * bounds.FEED_RETENTION_MS) / 1000);
  // As if every submission changed the published top: the most that it can be.
  const rowsOfFrame = frames === 0 ? 0 : (perBoard * bounds.FEED_RETENTION_MS) / 1000 / frames;
  const frameBytes =
    UNITS.frame.bytes + Math.min(TOP_ROWS, rowsOfFrame) * (UNITS.frameRow.bytes + idBytes - ID_BYTES);
  const kept = Math.min(frames, bounds.FEED_RETENTION_BYTES / frameBytes);
  return [
    partOf({
      part: "score log",
      unit: "event",
      units: Math.round(batches * perBatch),
      unitBytes: eventBytes,
    }),
    partOf({
      part: "dedup ids",
      unit: "id",
      units: Math.round(remembered),
      unitBytes: UNITS.id.bytes,
      more: slotsOf(remembered, 2 * tables),
    }),
    partOf({
      part: "feed frames",
      unit: "frame",
      units: Math.round(boards * kept),
      unitBytes: Math.round(frameBytes),
    }),
  ];
}

function otherParts(
  { sessions, boards, profiles, idBytes }: CapacityQuestion,
  { COUNTER_DAYS: daysBefore }: CapacityBounds,
): CapacityPart[] {
  const days = 1 + daysBefore;
  /** A key with an expiry is in two tables. */
  const keys = (part: string, unit: string, units: number, unitBytes: number): CapacityPart =>
    partOf({ part, unit, units, unitBytes, more: slotsOf(units, 1, 2) });
  const longer = longerId(idBytes);
  const session = idBytes > SESSION_ID_MAX ? UNITS.longSession : UNITS.session;
  const row = (part: string, unit: string, units: number, unitBytes: number): CapacityPart =>
    partOf({ store: "postgresql", part, unit, units, unitBytes });
  return [
    keys("sessions", "session", sessions, session.bytes + longer),
    // Every player in a window of requests and in a token bucket, which is a member of a ZSET: all at once, the most that it can be.
    keys("limits", "player", sessions, UNITS.window.bytes + UNITS.entry.bytes + 16),
    // The deployment as a whole has some too.
    partOf({
      part: "counters",
      unit: "board",
      units: boards + 1,
      unitBytes: COUNTER_SHARDS * (1 + days) * UNITS.counts.bytes + days * UNITS.playersOfDay.bytes,
    }),
    keys("profile cache", "profile", profiles, UNITS.profile.bytes + longer),
    row("profiles", "row", profiles, UNITS.profileRow.bytes + 2 * Math.max(0, idBytes - ID_BYTES)),
    row("devices", "row", sessions, UNITS.deviceRow.bytes + 2 * Math.max(0, idBytes - ID_BYTES)),
    row("API keys", "row", KEYS, UNITS.keyRow.bytes),
  ];
}
