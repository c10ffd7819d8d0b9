/** The seasons of boards as their table knows them. */
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

export type ArchivedSeason = {
  /** As it was stored: the rules and the season. */
  definition: unknown;
  endedAt: Date;
};

export type SeasonLine = {
  season: number;
  openedAt: Date;
  endedAt: Date | null;
  archivedAt: Date | null;
  /** Shown entries of the final table; null before there is one. */
  entries: number | null;
};

export class StoredSeasons {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Undefined while there is no final table. @throws AppError unavailable */
  async archived({ board, season }: FinalOf): Promise<ArchivedSeason | undefined> {
    const row = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .select(["definition", "ended_at", "archived_at"])
        .where("board", "=", board)
        .where("season", "=", season)
        .where("archived_at", "is not", null)
        .executeTakeFirst(),
    );
    return row && { definition: row.definition, endedAt: (row.ended_at ?? row.archived_at)! };
  }

  /** The number of the last season that had opened at an instant; undefined before the first. @throws AppError unavailable */
  async at(board: string, atMs: number): Promise<number | undefined> {
    const row = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .select("season")
        .where("board", "=", board)
        .where("opened_at", "<=", new Date(atMs))
        .orderBy("season", "desc")
        .executeTakeFirst(),
    );
    return row?.season;
  }

  /** Seasons before a number, the newest first. @throws AppError unavailable */
  async before({ board, season }: FinalOf, limit: number): Promise<SeasonLine[]> {
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .select((eb) => [
          "season",
          "opened_at",
          "ended_at",
          "archived_at",
          "entries",
          eb
            .selectFrom("final_entries")
            .select((hidden) => hidden.fn.countAll<number>().as("count"))
            .whereRef("final_entries.board", "=", "seasons.board")
            .whereRef("final_entries.season", "=", "seasons.season")
            .where("visibility", "<>", 0)
            .as("hidden"),
        ])
        .where("board", "=", board)
        .where("season", "<", season)
        .orderBy("season", "desc")
        .limit(limit)
        .execute(),
    );
    return rows.map((row) => ({
      season: row.season,
      openedAt: row.opened_at,
      endedAt: row.ended_at,
      archivedAt: row.archived_at,
      entries: row.entries === null ? null : row.entries - (row.hidden ?? 0),
    }));
  }
}
