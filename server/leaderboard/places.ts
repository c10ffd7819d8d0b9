/** Where members stand at present: their sort keys, with the shard's count of batches at that instant. */
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { ask } from "./fan-out.ts";
import type { Place } from "./page-cursor.ts";

/** Members in one script call: about half a millisecond of Redis. */
const MEMBERS_MAX = 500;

export type ShardPlaces = {
  /** The shard's gapless count of batches: every place is at least as new as the reply to batch `n`. */
  n: number;
  /** One for each member asked for; undefined for one who is not on the board. */
  places: (Place | undefined)[];
};

/**
 * Read the places of members of one shard. Many members take several calls in one pipeline, and `n` is the smallest of theirs.
 * @throws AppError store_lost, unavailable
 */
export async function readPlaces(
  redis: RedisStore,
  open: OpenBoard,
  shard: number,
  members: readonly string[],
): Promise<ShardPlaces> {
  const questions = [];
  for (let at = 0; at < members.length || at === 0; at += MEMBERS_MAX) {
    const args = members.slice(at, at + MEMBERS_MAX);
    questions.push({ shard, script: "leaderboard/scores_at" as const, args });
  }
  const replies = await ask(redis, open, "places", questions);
  const places: ShardPlaces["places"] = [];
  let n = Number.POSITIVE_INFINITY;
  for (const [batches, ...keys] of replies as string[][]) {
    n = Math.min(n, Number(batches));
    for (const key of keys) {
      places.push(key === "" ? undefined : { key: Number(key), member: members[places.length]! });
    }
  }
  return { n, places };
}
