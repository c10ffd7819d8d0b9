/** The merger's reads of shards: versions of many boards in one pipeline, tops above a cutoff, raising the cutoff. */
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import { tagged } from "../redis/reply.ts";
import { masters } from "../redis/slot-owners.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { placesIn } from "./fan-out.ts";
import type { Layout } from "./layout.ts";
import type { Place } from "./page-cursor.ts";

export type ShardState = {
  /** Undefined when the shard is missing. */
  incarnation: string | undefined;
  /** Changes with everything at or above the cutoff. */
  version: string;
  /** Changes with every accepted batch: the shard's gapless count of them. */
  n: number;
  members: number;
};

/** All shards of one board as they stand, and the replication histories of those who said so, in one text [R 7]. */
export type BoardState = { history: string; shards: ShardState[] };

/** One round trip for all boards: one call a shard. */
export async function readStates(redis: RedisStore, boards: readonly OpenBoard[]): Promise<BoardState[]> {
  const calls = boards.flatMap(({ shards }) =>
    shards.map(({ entries, meta }) => ({
      script: "leaderboard/shard_state" as const,
      keys: [entries, meta],
      args: [],
    })),
  );
  const replies = await callAll(redis, calls);
  let at = 0;
  return boards.map(({ shards }) => {
    const histories = new Set<string>();
    const states = shards.map((): ShardState => {
      const [text] = tagged(replies[at++], ["state"]).rest as [string];
      const [replid, members, incarnation, version, n] = text.split(" ");
      histories.add(replid!);
      return {
        incarnation,
        version: version ?? "",
        n: Number(n ?? 0),
        members: Math.max(0, Number(members)),
      };
    });
    // In an order of their own: a shard that moves between two masters of the board is no news.
    return { history: [...histories].sort().join(" "), shards: states };
  });
}

/** Incarnation and version of each shard, in one text a board: for boards that most likely did not change. One command a shard. */
export async function readVersions(redis: RedisStore, boards: readonly OpenBoard[]): Promise<string[]> {
  const calls = boards.flatMap(({ shards }) =>
    shards.map(({ meta }) => ({ command: "hmget", key: meta, args: ["incarnation", "version"] })),
  );
  const replies = (await callAll(redis, calls)) as (string | null)[][];
  let at = 0;
  return boards.map(({ shards }) => shards.map(() => replies[at++]!.join(" ")).join("\n"));
}

/** The replication histories of all masters, in one text [R 7]. One command a master; one that is away has none. */
export async function readHistory(redis: RedisStore): Promise<string> {
  const infos = await Promise.all(masters(redis).map((node) => node.info("replication").catch(() => "away")));
  return infos
    .map((info) => /master_replid:(\w+)/.exec(info)?.[1] ?? "away")
    .sort()
    .join(" ");
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
  redis: RedisStore,
  open: OpenBoard,
  requests: readonly TopRequest[],
  { token, cutoff }: { token: string; cutoff: number },
): Promise<ShardTop[]> {
  const bound = cutoff === Number.POSITIVE_INFINITY ? "inf" : String(cutoff);
  const calls = requests.map(({ shard, betterMax, tiedMax }) => {
    const { entries, meta } = open.shards[shard]!;
    const args = [open.season.incarnation, token, bound, betterMax, tiedMax];
    return { script: "leaderboard/top_read" as const, keys: [entries, meta], args };
  });
  const replies = await callAll(redis, calls);
  return replies.map((reply, i) => {
    const { tag, rest } = tagged(reply, ["read", "fenced", "store_lost"]);
    refuse(open, tag);
    const places = [...placesOf(open.layout, rest[3] as string), ...placesOf(open.layout, rest[4] as string)];
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

function placesOf(layout: Layout, rows: string): Place[] {
  return rows === "" ? [] : placesIn(layout, rows.split("\n"), 0);
}

function hiddenAfterIn(
  places: Place[],
  { betterMax, tiedMax }: TopRequest,
  cutoff: number,
): Place | undefined {
  const better = places.reduce((count, { key }) => count + (key < cutoff ? 1 : 0), 0);
  if (better >= betterMax) return places[better - 1];
  if (cutoff === Number.POSITIVE_INFINITY || places.length - better < tiedMax) return undefined;
  return tiedMax > 0 ? places.at(-1) : { key: cutoff, rest: "", member: "" };
}

/** Raise the cutoff of every shard. @throws FencedError, AppError store_lost */
export async function raiseCutoffs(
  redis: RedisStore,
  open: OpenBoard,
  token: string,
  cutoff: number,
): Promise<void> {
  const calls = open.shards.map(({ meta }) => ({
    script: "leaderboard/raise_cutoff" as const,
    keys: [meta],
    args: [open.season.incarnation, token, String(cutoff)],
  }));
  for (const reply of await callAll(redis, calls)) {
    refuse(open, tagged(reply, ["raised", "kept", "fenced", "store_lost"]).tag);
  }
}

function refuse(open: OpenBoard, tag: string): void {
  if (tag === "fenced") throw new FencedError(`a later merger works on ${open.board.id}`);
  if (tag === "store_lost")
    throw new AppError("store_lost", { message: `A shard of "${open.board.id}" is missing.` });
}
