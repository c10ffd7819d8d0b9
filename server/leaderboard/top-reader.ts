/** The merger's reads of shards: versions of many boards in one pipeline, tops above a cutoff, raising the cutoff. */
import type { Redis } from "ioredis";
import { AppError } from "../base/errors.ts";
import { execAll, tagged } from "../redis/reply.ts";
import { queueScript } from "../redis/scripts.ts";
import type { OpenBoard } from "./board.ts";
import { placesIn } from "./fan-out.ts";
import type { Place } from "./page-cursor.ts";

export type ShardState = { incarnation: string | null; version: string; members: number };

/** All shards of one board as they stand, and the replication history of the Redis that said so. */
export type BoardState = { replid: string; shards: ShardState[] };

/**
 * One pipeline for all boards: 2 commands a shard, and one for the replication id on the same connection, so that what is
 * read and the history that it belongs to cannot come from different lives of Redis [R 7].
 */
export async function readStates(redis: Redis, boards: readonly OpenBoard[]): Promise<BoardState[]> {
  const pipeline = redis.pipeline().info("replication");
  for (const { shards } of boards) {
    for (const keys of shards) pipeline.hmget(keys.meta, "incarnation", "version").zcard(keys.entries);
  }
  const [info, ...replies] = await execAll(pipeline);
  const replid = /master_replid:(\w+)/.exec(info as string)?.[1] ?? "";
  let at = 0;
  return boards.map(({ shards }) => ({
    replid,
    shards: shards.map(() => {
      const [incarnation, version] = replies[at++] as [string | null, string | null];
      return { incarnation, version: version ?? "", members: Math.max(0, (replies[at++] as number) - 1) };
    }),
  }));
}

export type TopRequest = {
  shard: number;
  /** Most rows strictly better than the cutoff, and of the tie group at it. */
  betterMax: number;
  tiedMax: number;
};

export type ShardTop = {
  shard: number;
  version: string;
  members: number;
  places: Place[];
  /** Where a limit cut the answer off: rows at or above the cutoff that were not read come after this place. */
  hiddenAfter: Place | undefined;
};

/** Thrown when a later merger's token has been seen: this one must stop. */
export class FencedError extends Error {}

/**
 * Read the tops of some shards, lowering (or raising) their cutoff in the same call [R 6].
 * @param cutoff a sort key, or Infinity for everything
 * @throws FencedError, AppError store_lost
 */
export async function readTops(
  redis: Redis,
  open: OpenBoard,
  requests: readonly TopRequest[],
  { token, cutoff }: { token: string; cutoff: number },
): Promise<ShardTop[]> {
  const pipeline = redis.pipeline();
  const bound = cutoff === Number.POSITIVE_INFINITY ? "inf" : String(cutoff);
  for (const { shard, betterMax, tiedMax } of requests) {
    const keys = open.shards[shard]!;
    const args = [open.season.incarnation, token, bound, betterMax, tiedMax];
    queueScript(pipeline, "leaderboard/top_read", [keys.entries, keys.meta], args);
  }
  const replies = await execAll(pipeline);
  return replies.map((reply, i) => {
    const { tag, rest } = tagged(reply, ["read", "fenced", "store_lost"]);
    refuse(open, tag);
    const places = [...placesOf(rest[3] as string), ...placesOf(rest[4] as string)];
    const hiddenAfter = hiddenAfterIn(places, requests[i]!, cutoff);
    return {
      shard: requests[i]!.shard,
      version: String(rest[0]),
      members: Number(rest[2]),
      places,
      hiddenAfter,
    };
  });
}

function placesOf(rows: string): Place[] {
  return rows === "" ? [] : placesIn(rows.split("\n"), 0);
}

function hiddenAfterIn(
  places: Place[],
  { betterMax, tiedMax }: TopRequest,
  cutoff: number,
): Place | undefined {
  const better = places.reduce((count, { key }) => count + (key < cutoff ? 1 : 0), 0);
  if (better >= betterMax) return places[better - 1];
  if (cutoff === Number.POSITIVE_INFINITY || places.length - better < tiedMax) return undefined;
  return tiedMax > 0 ? places.at(-1) : { key: cutoff, member: "" };
}

/** Raise the cutoff of every shard. @throws FencedError, AppError store_lost */
export async function raiseCutoffs(
  redis: Redis,
  open: OpenBoard,
  token: string,
  cutoff: number,
): Promise<void> {
  const pipeline = redis.pipeline();
  for (const keys of open.shards) {
    const args = [open.season.incarnation, token, String(cutoff)];
    queueScript(pipeline, "leaderboard/raise_cutoff", [keys.meta], args);
  }
  for (const reply of await execAll(pipeline)) {
    refuse(open, tagged(reply, ["raised", "kept", "fenced", "store_lost"]).tag);
  }
}

function refuse(open: OpenBoard, tag: string): void {
  if (tag === "fenced") throw new FencedError(`a later merger works on ${open.board.id}`);
  if (tag === "store_lost")
    throw new AppError("store_lost", { message: `A shard of "${open.board.id}" is missing.` });
}
