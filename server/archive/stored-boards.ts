/** Board records as PostgreSQL mirrors them, and which seasons are in the archive for good. */

import { sql } from "kysely";
import type { Database } from "../database/database.ts";

export type StoredRecord = { board: string; revision: number; text: string };

/** @param boards all of them where it is undefined @returns sorted by id @throws AppError unavailable */
export function storedRecords(database: Database, boards?: readonly string[]): Promise<StoredRecord[]> {
  return database.run((db) => {
    const query = db
      .selectFrom("boards")
      .select(["board", "revision", sql<string>`record::text`.as("text")])
      .orderBy("board");
    return (boards === undefined ? query : query.where("board", "in", boards)).execute();
  });
}

/** A copy with a lower revision, or the same, changes nothing. @throws AppError unavailable */
export async function storeRecord(
  database: Database,
  { board, revision, text }: StoredRecord,
): Promise<void> {
  await database.run((db) =>
    db
      .insertInto("boards")
      .values({ board, revision, record: text })
      .onConflict((conflict) =>
        conflict
          .column("board")
          .doUpdateSet({ revision, record: text, updated_at: new Date() })
          .where("boards.revision", "<", revision),
      )
      .execute(),
  );
}

/** Seasons of a board whose final tables are complete: Redis need not hold them. @throws AppError unavailable */
export async function archivedSeasons(database: Database, board: string): Promise<Set<number>> {
  const rows = await database.run((db) =>
    db
      .selectFrom("seasons")
      .select("season")
      .where("board", "=", board)
      .where("archived_at", "is not", null)
      .execute(),
  );
  return new Set(rows.map(({ season }) => season));
}
