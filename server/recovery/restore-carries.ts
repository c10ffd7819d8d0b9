/**
 * A carry-over that was cut off by the loss of Redis goes on where it was: the marks of [R 18] are not in the archive, but what was
 * carried is in its log, and pages go in the order of the old season's entries, so the last of them says how far it had come.
 */
import { carriedPlaces } from "../archive/stored-carries.ts";
import type { BoardRecord } from "../leaderboard/board.ts";
import { carryMark } from "../leaderboard/carry-over.ts";
import { markCalls, writeParts } from "../leaderboard/shard-restore.ts";
import type { RestoredSeason, RestoreNeeds } from "./restore-season.ts";

/** @throws AppError unavailable, store_full, store_lost (somebody else writes the board at the same time) */
export async function restoreCarries(
  { redis, database }: Pick<RestoreNeeds, "redis" | "database">,
  { board, closing }: BoardRecord,
  restored: ReadonlyMap<number, RestoredSeason>,
): Promise<void> {
  for (const { season, carried } of closing) {
    const to = restored.get(season.number + 1)?.open;
    if (carried || !to) continue;
    const places = await carriedPlaces(database, { board: board.id, season: to.season.number });
    const calls = places.flatMap((place) => markCalls(to, place.shard, carryMark(place.from, place)));
    await writeParts(redis, to, calls);
  }
}
