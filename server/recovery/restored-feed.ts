/**
 * The feed of a season that came from the archive, with its top as the first frame.
 *
 * A feed begins empty, and stays so until a merger has come to the board. Of a season that is full of entries that would be a false top,
 * which readers are given as exact and the archiver keeps as history; so whoever restores the season publishes its first top.
 */
import { openFeed } from "../feed/feed-store.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { rowOf, storedMember } from "../leaderboard/codec.ts";
import { windows } from "../leaderboard/fan-out.ts";
import { comparePlaces } from "../leaderboard/reader.ts";
import type { RedisStore } from "../redis/store.ts";

/**
 * The shards are open, and the record does not say so yet: nobody writes, so what is read from them one by one is one instant.
 * @throws AppError unavailable, store_full, store_lost (somebody else writes the board at the same time)
 */
export async function openRestoredFeed(redis: RedisStore, open: OpenBoard): Promise<void> {
  const { board, season, feed } = open;
  const { shards, total } = await windows(redis, open, undefined, { before: 0, after: board.topSize });
  const places = shards
    .flatMap(({ rows }) => rows)
    .sort(comparePlaces)
    .slice(0, board.topSize);
  const rows = places.map((place) => rowOf(open, place));
  const adds = places.flatMap((place) => [place.key, storedMember(place)]);
  const of = { board: board.id, incarnation: season.incarnation, keys: feed };
  await openFeed(redis, of, { rows, total, adds });
}
