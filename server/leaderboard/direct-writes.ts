/**
 * What changes entries without being a submission: keys put as they are to be, members hidden, shown and removed. Each call is one script
 * on one shard, goes into its score log, and takes effect in the top with the merger's next tick.
 *
 * The scripts do not ask whether the season is open: an admin may correct one that is over while Redis still holds it.
 */
import { AppError } from "../base/errors.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript, type ScriptName } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { type DedupLimits, limitsText } from "./submit-batch.ts";

/** Members of one call: about a millisecond of Redis. */
export const DIRECT_MAX = 500;

/** Who sees an entry: everybody, nobody, or nobody but the member, who is not to know. As `current_entries.visibility`. */
export const SIGHTS = { visible: 0, hidden: 1, shadow: 2 } as const;
export type Sight = (typeof SIGHTS)[keyof typeof SIGHTS];

/** What holds for a member on one board: what was done here, and by a ban everywhere. The ban's goes first. */
export type Mark = { here: Sight; ban: Sight };

export type DirectEntry = {
  member: string;
  /** The text of the key, as `keyText` makes it. */
  key: string;
  /** In place of what there was; left out, that stays. */
  metadata?: string;
  /** In place of what there was: for who brings entries back, or over from another season. */
  mark?: Mark;
  /** In place of what was done here; what a ban does goes on. */
  here?: Sight;
};

export type DirectOptions = {
  /** The bounds of the shard's score log are among them. */
  limits: DedupLimits;
};

export type PutOptions = DirectOptions & {
  /** Leave members alone who have an entry, hidden or not. */
  onlyAbsent?: boolean;
  /** Leave members alone who have a key as good, or a better one. */
  onlyBetter?: boolean;
  /**
   * A key with the same columns stays as it is, so that what comes a second time moves no tie time: for keys whose tie time is only that of
   * their writing. `exact`: keys whose tie time counts, where only the very same one is the same.
   */
  same?: "columns" | "exact";
  /** Refuse unless the season takes submissions. */
  onlyOpen?: boolean;
  /** Say what would be done. */
  dry?: boolean;
};

/** `n` is the shard's count of log entries with it; `dirty` says that the published top may change. */
export type DirectReply<T> = { n: number; dirty: boolean; members: T[] };

/** What a member had: its mark, and the text of its key unless there was no entry. */
export type Found = { mark: Mark; key: string | undefined };

const OUTCOMES = { p: "put", s: "same", k: "kept" } as const;
export type PutOutcome = (typeof OUTCOMES)[keyof typeof OUTCOMES];

/** Who sees a member with that mark. */
export function sightOf({ here, ban }: Mark): Sight {
  return ban === SIGHTS.visible ? here : ban;
}

/**
 * Put entries into their shard, whatever the operator and the rules.
 * @param entries at most DIRECT_MAX, all of this shard; those of one member one after the other
 * @throws AppError store_lost, season_closed, unavailable (all or nothing of it was done), store_full, log_full (LOG_FULL=refuse)
 */
export async function putEntries(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  entries: readonly DirectEntry[],
  asked: PutOptions,
): Promise<DirectReply<{ outcome: PutOutcome; before: string | undefined }>> {
  const withMetadata = entries.some(({ metadata }) => metadata !== undefined);
  const withMarks = entries.some(({ mark, here }) => mark !== undefined || here !== undefined);
  const letters = `${lettersOf(asked)}${withMetadata ? "m" : ""}${withMarks ? "v" : ""}-${tieLeftOut(open, asked)}`;
  const args = [open.layout.kind, limitsText(asked.limits), letters, entries.length];
  for (const { member } of entries) args.push(member);
  for (const { key } of entries) args.push(key);
  if (withMetadata) for (const { metadata = "" } of entries) args.push(metadata);
  if (withMarks) for (const entry of entries) args.push(markOf(entry));
  const { places, meta, log, metadata, entries: zset, hidden } = open.shards[shard]!;
  const keys = [zset, hidden, places, meta, log, metadata];
  const rest = await call(redis, open, "leaderboard/put_entries", { tag: "put", keys, args });
  const letterOf = String(rest[2]);
  const members = entries.map((_, i) => ({
    outcome: OUTCOMES[letterOf[i] as keyof typeof OUTCOMES],
    before: textOf(rest[3 + i]),
  }));
  return { n: Number(rest[0]), dirty: Number(rest[1]) === 1, members };
}

function lettersOf({ onlyAbsent, onlyBetter, same, onlyOpen, dry }: PutOptions): string {
  const asked = [
    [onlyAbsent, "a"],
    [onlyBetter, "b"],
    [same !== undefined, "c"],
    [onlyOpen, "o"],
    [dry, "d"],
  ] as const;
  return asked.map(([is, letter]) => (is === true ? letter : "")).join("");
}

/** What `include/better.lua` leaves out of a key. */
function tieLeftOut({ layout }: OpenBoard, { same }: PutOptions): number {
  if (layout.kind === "wide") return same === "columns" ? layout.tieLength : 0;
  return same === "columns" ? layout.tieRadix : 1;
}

function markOf({ mark, here }: DirectEntry): string {
  if (mark) return markText(mark);
  return here === undefined ? "" : `${here}-`;
}

/**
 * Who sees these members of one shard from now on. By `ban` also those who have no entry yet; by `board` they are left alone.
 * @returns what each had before it
 * @throws AppError store_lost, unavailable, store_full
 */
export async function setSight(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  members: readonly string[],
  { by, sight, limits }: { by: "board" | "ban"; sight: Sight } & DirectOptions,
): Promise<DirectReply<Found>> {
  const { entries, hidden, places, meta, log } = open.shards[shard]!;
  const keys = [entries, hidden, places, meta, log];
  const args = [open.layout.kind, limitsText(limits), by, sight, ...members];
  const rest = await call(redis, open, "leaderboard/set_sight", { tag: "set", keys, args });
  const found = members.map((_, i) => foundFrom(rest[2 + 2 * i], rest[3 + 2 * i]));
  return { n: Number(rest[0]), dirty: Number(rest[1]) === 1, members: found };
}

/** Delete entries, hidden ones too. @returns what each was. @throws AppError store_lost, unavailable */
export async function removeEntries(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  members: readonly string[],
  { limits }: DirectOptions,
): Promise<DirectReply<Found & { metadata: string | undefined }>> {
  const { entries, hidden, places, meta, log, metadata } = open.shards[shard]!;
  const keys = [entries, hidden, places, meta, log, metadata];
  const args = [open.layout.kind, limitsText(limits), ...members];
  const rest = await call(redis, open, "leaderboard/remove_entries", { tag: "removed", keys, args });
  const removed = members.map((_, i) => ({
    ...foundFrom(rest[2 + 3 * i], rest[3 + 3 * i]),
    metadata: textOf(rest[4 + 3 * i]),
  }));
  return { n: Number(rest[0]), dirty: Number(rest[1]) === 1, members: removed };
}

/** Entries wherever they stand: for those who may know what is hidden. @throws AppError store_lost, unavailable */
export async function lookUp(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  members: readonly string[],
): Promise<Found[]> {
  const { entries, hidden, places, meta } = open.shards[shard]!;
  const keys = [entries, hidden, places, meta];
  const args = [open.layout.kind, ...members];
  const rest = await call(redis, open, "leaderboard/look_up", { tag: "found", keys, args });
  return members.map((_, i) => foundFrom(rest[1 + 2 * i], rest[2 + 2 * i]));
}

async function call(
  redis: RedisStore,
  open: OpenBoard,
  script: ScriptName,
  { tag, keys, args }: { tag: string; keys: string[]; args: (string | number)[] },
): Promise<unknown[]> {
  const reply = await runScript(redis, script, keys, [open.season.incarnation, ...args]).catch(
    (error: unknown) => {
      throw fromRedisError(error);
    },
  );
  const { tag: got, rest } = tagged(reply, [tag, "store_lost", "season_closed", "log_full"]);
  if (got === "log_full") throw new AppError("log_full", { retryAfterMs: 5_000 });
  if (got === "season_closed") throw new AppError("season_closed");
  if (got === "store_lost")
    throw new AppError("store_lost", { message: `Board ${open.board.id} lost a shard.` });
  return rest;
}

function foundFrom(mark: unknown, key: unknown): Found {
  const [here, ban] = [...String(mark)].map(Number) as [Sight, Sight];
  return { mark: { here, ban }, key: textOf(key) };
}

/** As `include/shelves.lua` keeps it: two digits. */
export function markText({ here, ban }: Mark): string {
  return `${here}${ban}`;
}

/** Empty is nothing. */
function textOf(value: unknown): string | undefined {
  return value === "" || value === undefined ? undefined : String(value);
}
