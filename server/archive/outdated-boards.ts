/**
 * Boards that Redis has an older copy of than the archive: it came back from a backup, or somebody made them anew in an emptied one. Nothing
 * of them is archived until they are rebuilt, and what is done to them in Redis is undone by that.
 */
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { BoardRepository } from "../leaderboard/board-repository.ts";
import { BoardMirror } from "./board-mirror.ts";

/**
 * The archive is asked first: it is never ahead of a Redis that is asked later, unless that has lost something.
 * @throws AppError unavailable
 */
export async function isOutdated(
  { database, repository }: { database: Database; repository: Pick<BoardRepository, "get"> },
  board: string,
): Promise<boolean> {
  const archived = await new BoardMirror(database).revisionOf(board);
  if (archived === undefined) return false;
  const stored = await repository.get(board);
  return stored !== undefined && stored.record.revision < archived;
}

/** What is answered where such a board cannot be worked on. */
export function outdated(board: string): AppError {
  return new AppError("store_lost", {
    message: `Redis has an older copy of "${board}" than the database, and nothing of it is archived. Bring it back first: rankwire rebuild --board ${board} --force`,
  });
}
