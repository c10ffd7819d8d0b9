/**
 * Shards that are written from the archive, whole and under a new incarnation. They are opened last: until then everybody finds them
 * lost, and whoever opens or restores them meanwhile stops this one.
 */
import { AppError } from "../base/errors.ts";
import { type Call, callAll } from "../redis/batch.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { type Mark, markText } from "./direct-writes.ts";

/** An entry with what orders it, wherever it is kept. */
export type WholeEntry = {
  member: string;
  key: number;
  /** Empty on packed boards. */
  rest: string;
  /** 0 visible, 1 hidden, 2 shadow. */
  visibility: number;
};

/** `mark` is what comes to that visibility; by itself the entry was hidden on its board. */
export type RestoredEntry = WholeEntry & { mark?: Mark };

/** Values of one variadic command: below a millisecond of Redis. */
const PART = 2_000;

/** The incarnation in each shard; undefined where there is no shard. @throws AppError unavailable */
export async function incarnationsIn(redis: RedisStore, open: OpenBoard): Promise<(string | undefined)[]> {
  const calls = open.shards.map(({ meta }) => ({ command: "hget", key: meta, args: ["incarnation"] }));
  return (await send(redis, calls)).map((reply) => (reply as string | null) ?? undefined);
}

/** Empty every shard, whatever it holds. @throws AppError unavailable, store_full */
export async function beginShards(redis: RedisStore, { season, shards }: OpenBoard): Promise<void> {
  const calls = shards.map((keys) => ({
    script: "leaderboard/begin_restored_shard" as const,
    keys: Object.values(keys),
    args: [season.incarnation],
  }));
  for (const reply of await send(redis, calls)) tagged(reply, ["begun"]);
}

/** Calls that write some entries of a shard. */
export function entryCalls(open: OpenBoard, shard: number, entries: readonly RestoredEntry[]): Call[] {
  const { layout, shards } = open;
  const keys = shards[shard]!;
  const [visible, hidden, places]: string[][] = [[], [], []];
  const packed = layout.kind === "packed";
  for (const { member, key, rest, visibility, mark } of entries) {
    const score = String(key);
    // What a ban did is told apart by whoever has the bans (include/shelves.lua).
    if (visibility !== 0) places!.push(`\r${member}`, mark ? markText(mark) : `${visibility}0`);
    if (visibility === 0) visible!.push(score, packed ? member : rest + member);
    else if (packed) hidden!.push(score, member);
    if (!packed) places!.push(visibility === 0 ? member : `\n${member}`, `${score} ${rest}`);
  }
  return [
    ...partCalls(open, shard, keys.entries, "ZADD", visible!),
    ...partCalls(open, shard, keys.hidden, "ZADD", hidden!),
    ...partCalls(open, shard, keys.places, "HSET", places!),
  ];
}

/** Calls that write metadata: member, metadata, member, metadata, … */
export function metadataCalls(open: OpenBoard, shard: number, flat: readonly string[]): Call[] {
  return partCalls(open, shard, open.shards[shard]!.metadata, "HSET", flat);
}

/** Calls that note in a shard's meta what its scripts remember there: field, value, … */
export function markCalls(open: OpenBoard, shard: number, flat: readonly string[]): Call[] {
  return partCalls(open, shard, open.shards[shard]!.meta, "HSET", flat);
}

/** Calls that write hashes of ids into the running dedup window or the one before. */
export function idCalls(
  open: OpenBoard,
  shard: number,
  window: "idsNow" | "idsBefore",
  hashes: readonly string[],
): Call[] {
  return partCalls(open, shard, open.shards[shard]![window], "SADD", hashes);
}

function partCalls(
  { season, shards }: OpenBoard,
  shard: number,
  target: string,
  command: "ZADD" | "HSET" | "SADD",
  values: readonly string[],
): Call[] {
  const calls: Call[] = [];
  for (let at = 0; at < values.length; at += PART) {
    const args = [season.incarnation, command, ...values.slice(at, at + PART)];
    calls.push({ script: "leaderboard/restore_part", keys: [shards[shard]!.meta, target], args });
  }
  return calls;
}

/** @throws AppError unavailable, store_full, store_lost (somebody else writes the board at the same time) */
export async function writeParts(redis: RedisStore, { board }: OpenBoard, calls: Call[]): Promise<void> {
  for (const reply of await send(redis, calls)) {
    if (tagged(reply, ["written", "foreign"]).tag === "foreign") throw foreign(board.id);
  }
}

export type RestoredShard = { n: number; visible: number; hidden: number };

/** Let the shards take submissions, if everything is in them. @throws AppError unavailable, store_full, store_lost, internal */
export async function openShards(
  redis: RedisStore,
  { board, season, shards, layout }: OpenBoard,
  restored: readonly RestoredShard[],
): Promise<void> {
  const state = season.state === "closed" ? "closed" : "open";
  const calls = shards.map(({ entries, hidden, meta, log, places }, shard) => {
    const counts = restored[shard]!;
    return {
      script: "leaderboard/open_restored_shard" as const,
      keys: [entries, hidden, meta, log, places],
      args: [season.incarnation, state, counts.n, counts.visible, counts.hidden, layout.kind],
    };
  });
  for (const [shard, reply] of (await send(redis, calls)).entries()) {
    const { tag, rest } = tagged(reply, ["opened", "already", "foreign", "incomplete"]);
    if (tag === "foreign") throw foreign(board.id);
    if (tag === "incomplete") {
      const message = `Shard ${shard} of ${board.id} holds ${rest.join(" and ")} entries instead of ${restored[shard]!.visible} and ${restored[shard]!.hidden}.`;
      throw new AppError("internal", { message });
    }
  }
}

function foreign(board: string): AppError {
  return new AppError("store_lost", {
    message: `Somebody else opened or restored board ${board} meanwhile. Look who, and begin again.`,
  });
}

function send(redis: RedisStore, calls: Call[]): Promise<unknown[]> {
  return callAll(redis, calls).catch((error: unknown) => {
    throw fromRedisError(error);
  });
}
