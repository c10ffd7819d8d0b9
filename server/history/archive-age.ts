/** Up to when everything of a season is in the tables, so that answers about the past can say of when they are. */
import { archivedPositions } from "../archive/archived-positions.ts";
import { LogReader } from "../archive/log-reader.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { RedisStore } from "../redis/store.ts";

/**
 * The instant of the oldest change that no archiver has brought yet, or now.
 * @returns ms since the Unix epoch. @throws AppError not_available where no archiver has ever come, unavailable
 */
export async function archivedUntil(
  redis: RedisStore,
  database: Database,
  { board, season, shards }: OpenBoard,
): Promise<number> {
  const nowMs = Date.now();
  const heads = await new LogReader(redis, "history").heads(shards);
  const positions = await archivedPositions(database, season.incarnation);
  const ages = heads.map(({ n }, shard) => {
    const archived = positions.get(shard);
    return n <= (archived?.n ?? 0) ? nowMs : (archived?.at.getTime() ?? season.openedAtMs);
  });
  if (positions.size === 0 && heads.some(({ n }) => n > 0)) {
    const message = `Nothing of season ${season.number} of "${board.id}" is archived: that needs a process with the role archiver.`;
    throw new AppError("not_available", { message });
  }
  return Math.min(nowMs, ...ages);
}
