/** Where members stand at present: their sort keys, with the shard's count of batches at that instant. */
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { placeFrom } from "./codec.ts";
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
    questions.push({ shard, ...scriptOf(open, shard), args });
  }
  const replies = await ask(redis, open, "places", questions);
  const places: ShardPlaces["places"] = [];
  let n = Number.POSITIVE_INFINITY;
  for (const [batches, ...keys] of replies as string[][]) {
    n = Math.min(n, Number(batches));
    for (const key of keys) {
      places.push(key === "" ? undefined : placeFrom(open.layout, key, members[places.length]!));
    }
  }
  return { n, places };
}

function scriptOf({ layout, shards }: OpenBoard, shard: number) {
  if (layout.kind === "packed") return { script: "leaderboard/scores_at" as const };
  const { places, meta } = shards[shard]!;
  return { script: "leaderboard/places_at" as const, keys: [places, meta] };
}
