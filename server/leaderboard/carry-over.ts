/**
 * Entries of a season that is over become the first ones of the next, shard by shard and page by page.
 *
 * Each shard of the new season remembers for each shard of the old one up to which place it has everything; a page is applied by the mark
 * that it follows [R 18]. So whoever goes on after a crash counts nothing twice, and a frozen season reads the same again.
 */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { compareMembers } from "../../client-sdk/protocol/rows.ts";
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { entryValues, storedMember } from "./codec.ts";
import { ask, placesIn } from "./fan-out.ts";
import type { Hasher } from "./hashing.ts";
import type { Place } from "./page-cursor.ts";
import { type DedupLimits, limitsText } from "./submit-batch.ts";
import { payloadOf } from "./values.ts";

/** Entries of one page: what a script may take at once without holding Redis up. */
const PAGE = 200;
/** The mark of a shard that has everything. */
const DONE = "done";

export type CarryOptions = {
  redis: RedisStore;
  hasher: Hasher;
  limits: DedupLimits;
  /** Frozen. */
  from: OpenBoard;
  /** Open; its rules say what is carried. */
  to: OpenBoard;
  /** Before each page: throws where another one goes on with it. */
  stillOurs: () => Promise<void>;
};

/** Resolves when the new season has everything. @throws AppError store_lost, log_full, unavailable; what `stillOurs` throws */
export async function carryOver(options: CarryOptions): Promise<void> {
  if (!isCarried(options.to)) return;
  for (let shard = 0; shard < options.from.shards.length; shard++) await carryShard(options, shard);
}

async function carryShard(options: CarryOptions, shard: number): Promise<void> {
  const marks = await readMarks(options, shard);
  let after = leastOf(marks);
  while (after !== DONE) {
    await options.stillOurs();
    const { places, mark } = await readPage(options, shard, after);
    await applyPage(options, shard, { places, mark }, marks);
    after = mark;
  }
}

async function readMarks({ redis, to }: CarryOptions, shard: number): Promise<string[]> {
  const calls = to.shards.map(({ meta }) => ({ command: "hget", key: meta, args: [markOf(shard)] }));
  return ((await callAll(redis, calls)) as (string | null)[]).map((mark) => mark ?? "");
}

/** The entries of the old shard behind a mark, and the mark behind them. */
async function readPage(
  { redis, from }: CarryOptions,
  shard: number,
  after: string,
): Promise<{ places: Place[]; mark: string }> {
  const [key = "-inf", stored = ""] = after === "" ? [] : partsOf(after);
  const args = [key, stored, "0", String(PAGE + 1)];
  const [reply] = await ask(redis, from, "window", [{ shard, script: "leaderboard/window", args }]);
  const rows = placesIn(from.layout, reply as string[], 3);
  // The window begins with the place itself.
  const places = rows.filter((place) => after === "" || compareToMark(place, after) > 0);
  const last = places.at(-1);
  return { places, mark: last && rows.length > PAGE ? carryMark(shard, last)[1] : DONE };
}

async function applyPage(
  { redis, hasher, limits, to, ...options }: CarryOptions,
  shard: number,
  { places, mark }: { places: Place[]; mark: string },
  marks: string[],
): Promise<void> {
  const pages = to.shards.map((): { members: string[]; payloads: string[] } => ({
    members: [],
    payloads: [],
  }));
  for (const place of places) {
    const target = hasher.shardOf(place.member, to.shards.length);
    // An earlier run that died between two shards was further here.
    if (marks[target] === DONE || (marks[target] && compareToMark(place, marks[target]) <= 0)) continue;
    pages[target]!.members.push(place.member);
    pages[target]!.payloads.push(...carriedPayload(options.from, to, place));
  }
  const packed = to.layout.kind === "packed";
  const { operator } = to.board;
  const rule = operator === "best" || operator === "set" ? operator : "add";
  const behind = pages.map((_, target) => target).filter((target) => isBehind(marks[target]!, mark));
  const calls = behind.map((target) => {
    const { entries, hidden, places: placesKey, meta, log } = to.shards[target]!;
    const { members, payloads } = pages[target]!;
    const head = [
      to.season.incarnation,
      markOf(shard),
      marks[target]!,
      mark,
      rule,
      to.layout.argument,
      limitsText(limits),
    ];
    return {
      script: packed ? ("leaderboard/carry" as const) : ("leaderboard/carry_wide" as const),
      keys: packed ? [entries, hidden, meta, log, placesKey] : [entries, placesKey, meta, log],
      args: [...head, String(members.length), ...members, ...payloads],
    };
  });
  const replies = await callAll(redis, calls).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  replies.forEach((reply, i) => {
    const { tag } = tagged(reply, ["carried", "elsewhere", "store_lost", "season_closed", "log_full"]);
    // A repeated call of which the first was applied, or another process: the marks are read anew.
    if (tag === "elsewhere")
      throw new AppError("unavailable", { message: "Somebody else carries entries over." });
    if (tag !== "carried") throw new AppError(tag);
    marks[behind[i]!] = mark;
  });
}

/** @returns the payload of a submission that brings a member from nothing to the carried values */
function carriedPayload(from: OpenBoard, to: OpenBoard, place: Place): string[] {
  const { carryOver } = to.board.season;
  let values = entryValues(from, place);
  if (carryOver?.rule === "decay") values = decayed(to, values, carryOver.factor);
  // A submission of `decr` takes away.
  if (to.board.operator === "decr") values = mapValues(values, (value) => 0 - Number(value));
  return payloadOf(to, values, to.season.openedAtMs);
}

/** Rounded to the decimals of each column, and held to its range. */
function decayed({ layout }: OpenBoard, values: EntryValues, factor: number): EntryValues {
  return mapValues(values, (value, i) => {
    const column = layout.columns[i]!;
    if (column.type !== "decimal") return value;
    const scaled = Math.round(Number(value) * factor * column.scale);
    return Math.min(Math.max(scaled, column.scaledMin), column.scaledMax) / column.scale;
  });
}

type Value = number | string;

function mapValues({ score, columns }: EntryValues, map: (value: Value, i: number) => Value): EntryValues {
  const others = Object.entries(columns ?? {}).map(([name, value], i) => [name, map(value, i + 1)] as const);
  return { score: map(score, 0) as number, ...(columns ? { columns: Object.fromEntries(others) } : {}) };
}

/** The field and the value that say that everything of an old shard up to this place is here. */
export function carryMark(shard: number, place: Place): [field: string, mark: string] {
  return [markOf(shard), `${place.key}\t${storedMember(place)}`];
}

/** Whether a season begins with entries of the one before. */
export function isCarried({ board: { season } }: OpenBoard): boolean {
  return (season.carryOver?.rule ?? "none") !== "none";
}

/** Whether what is carried is added to what is there, so that it must not come twice. */
export function isAdded(to: OpenBoard): boolean {
  return isCarried(to) && (to.board.operator === "incr" || to.board.operator === "decr");
}

function markOf(shard: number): string {
  return `carried:${shard}`;
}

function partsOf(mark: string): [key: string, stored: string] {
  const tab = mark.indexOf("\t");
  return [mark.slice(0, tab), mark.slice(tab + 1)];
}

/** Where the shard that has the least goes on. */
function leastOf(marks: readonly string[]): string {
  return marks.reduce((least, mark) => (isBehind(mark, least) ? mark : least), DONE);
}

function isBehind(mark: string, other: string): boolean {
  if (mark === other || mark === DONE || other === "") return false;
  if (mark === "" || other === DONE) return true;
  const [key, stored] = partsOf(mark);
  const [otherKey, otherStored] = partsOf(other);
  return (
    Number(key) - Number(otherKey) < 0 ||
    (Number(key) === Number(otherKey) && compareMembers(stored, otherStored) < 0)
  );
}

/** In the order of the ZSET. */
function compareToMark(place: Place, mark: string): number {
  const [key, stored] = partsOf(mark);
  return place.key - Number(key) || compareMembers(storedMember(place), stored);
}
