/** Questions to every shard of a board, in one pipeline per round. */
import { AppError } from "../base/errors.ts";
import { callAll } from "../redis/batch.ts";
import type { ShardKeys } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { fromStored, placeFrom, storedMember } from "./codec.ts";
import type { Layout } from "./layout.ts";
import type { Place } from "./page-cursor.ts";

/** Places or members in one script call, so that Redis is not held for more than about a millisecond. */
export const CHUNK = 64;
/** Questions of one pipeline: a large one must not fill the connection that all requests share. */
const ROUND = 64;

/** How "before" is meant: by columns alone (shared ties), or by the whole place. */
export type By = "key" | "place";

export function byOf({ board }: OpenBoard): By {
  return board.ties === "shared" ? "key" : "place";
}

/** One script call on one shard. @param keys by default the entries and the meta */
type Question = { shard: number; script: `leaderboard/${string}`; keys?: string[]; args: string[] };

/**
 * Ask in one pipeline.
 * @returns the reply of each question without its tag
 * @throws AppError store_lost, unavailable
 */
export async function ask(
  redis: RedisStore,
  open: OpenBoard,
  tag: string,
  questions: Question[],
): Promise<unknown[][]> {
  if (questions.length === 0) return [];
  // In rounds: one large question must not fill the connection that all requests share, nor run into its timeout.
  if (questions.length > ROUND) {
    const replies: unknown[][] = [];
    for (let at = 0; at < questions.length; at += ROUND)
      replies.push(...(await ask(redis, open, tag, questions.slice(at, at + ROUND))));
    return replies;
  }
  const calls = questions.map(({ shard, script, keys, args }) => {
    const { entries, meta } = open.shards[shard] as ShardKeys;
    return { script, keys: keys ?? [entries, meta], args: [open.season.incarnation, ...args] };
  });
  const replies = await callAll(redis, calls).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  return replies.map((reply) => {
    const { tag: got, rest } = tagged(reply, [tag, "store_lost"]);
    if (got === "store_lost")
      throw new AppError("store_lost", { message: `Board ${open.board.id} lost a shard.` });
    return rest;
  });
}

export type Standing = { place: Place; before: number; shard: number };

/**
 * Places of members that are on one shard, with how many entries of that shard come before each.
 * @param by "none" for the places alone
 */
export async function standings(
  redis: RedisStore,
  open: OpenBoard,
  byShard: Map<number, string[]>,
  by: By | "none",
): Promise<{ found: Map<string, Standing>; members: Map<number, number> }> {
  const questions: (Question & { asked: string[] })[] = [];
  for (const [shard, members] of byShard) {
    for (let at = 0; at < members.length; at += CHUNK) {
      const asked = members.slice(at, at + CHUNK);
      questions.push({ shard, ...rankOf(open, shard), args: [by, ...asked], asked });
    }
  }
  const found = new Map<string, Standing>();
  const total = new Map<number, number>();
  const replies = await ask(redis, open, "ranked", questions);
  replies.forEach((reply, q) => {
    const { asked, shard } = questions[q]!;
    total.set(shard, Number(reply[0]));
    asked.forEach((member, i) => {
      const key = reply[2 + 2 * i] as string;
      if (key === "") return;
      const before = Number(reply[3 + 2 * i]);
      found.set(member, { shard, place: placeFrom(open.layout, key, member), before });
    });
  });
  return { found, members: total };
}

function rankOf({ layout, shards }: OpenBoard, shard: number): Pick<Question, "script" | "keys"> {
  if (layout.kind === "packed") return { script: "leaderboard/rank_of" };
  const { entries, meta, places } = shards[shard]!;
  return { script: "leaderboard/rank_of_wide", keys: [entries, meta, places] };
}

/**
 * How many entries of the given shards come before each place, added up, and how many members those shards have.
 * @param skip for each place the shard that has answered it already
 */
export async function countBefore(
  redis: RedisStore,
  open: OpenBoard,
  places: (Place & { skip?: number })[],
  by: By,
): Promise<{ counts: number[]; members: Map<number, number> }> {
  // Nothing of the same columns comes before their bare rest, because every entry has its member behind it.
  const scriptBy = open.layout.restLength > 0 ? "place" : by;
  const questions: (Question & { asked: number[] })[] = [];
  for (let shard = 0; shard < open.shards.length; shard++) {
    const asked = places.flatMap((place, i) => (place.skip === shard ? [] : [i]));
    for (let at = 0; at < asked.length; at += CHUNK) {
      const chunk = asked.slice(at, at + CHUNK);
      const args = chunk.flatMap((i) => {
        const place = places[i]!;
        return [String(place.key), by === "key" ? place.rest : storedMember(place)];
      });
      questions.push({ shard, script: "leaderboard/count_before", args: [scriptBy, ...args], asked: chunk });
    }
  }
  const counts = new Array<number>(places.length).fill(0);
  const members = new Map<number, number>();
  const replies = await ask(redis, open, "counted", questions);
  replies.forEach((reply, q) => {
    const { asked, shard } = questions[q]!;
    members.set(shard, Number(reply[0]));
    asked.forEach((i, j) => {
      counts[i]! += Number(reply[2 + j]);
    });
  });
  return { counts, members };
}

/** Members on the whole board. */
export async function countMembers(redis: RedisStore, open: OpenBoard): Promise<number> {
  const questions = open.shards.map(
    (_, shard): Question => ({ shard, script: "leaderboard/count_before", args: ["key"] }),
  );
  const replies = await ask(redis, open, "counted", questions);
  return replies.reduce((sum, reply) => sum + Number(reply[0]), 0);
}

export type ShardWindow = { before: number; rows: Place[] };

/** The rows of every shard round one place. @param place undefined for the top of the board */
export async function windows(
  redis: RedisStore,
  open: OpenBoard,
  place: Place | undefined,
  size: { before: number; after: number },
): Promise<{ shards: ShardWindow[]; total: number }> {
  const args = [
    place ? String(place.key) : "-inf",
    place ? storedMember(place) : "",
    String(size.before),
    String(size.after),
  ];
  const questions = open.shards.map((_, shard): Question => ({ shard, script: "leaderboard/window", args }));
  const replies = await ask(redis, open, "window", questions);
  let total = 0;
  const shards = replies.map((reply): ShardWindow => {
    total += Number(reply[0]);
    return { before: Number(reply[1]), rows: placesIn(open.layout, reply as string[], 3) };
  });
  return { shards, total };
}

/** `member, score, member, score, …` of a ZSET, from `from` on. */
export function placesIn(layout: Layout, flat: readonly string[], from: number): Place[] {
  const places: Place[] = [];
  for (let i = from; i + 1 < flat.length; i += 2)
    places.push(fromStored(layout, flat[i]!, Number(flat[i + 1])));
  return places;
}
