/**
 * What the top of a season was when it was last told of. It changes in one transaction with the events that say how, and only from the
 * version that they were reckoned from, so that each change is told once, whoever tells it and whenever it dies.
 */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { TopWatchRow } from "../database/webhook-table-types.ts";
import { type NewEvent, note } from "./outbox.ts";

export type { TopWatchRow } from "../database/webhook-table-types.ts";
/** As it shall be; its version is the next one. */
export type NewWatch = Omit<TopWatchRow, "version" | "updated_at">;

class Outdated extends Error {}

export class TopWatches {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @throws AppError unavailable */
  get(board: string, season: number): Promise<TopWatchRow | undefined> {
    return this.#database.run((db) =>
      db
        .selectFrom("top_watches")
        .selectAll()
        .where("board", "=", board)
        .where("season", "=", season)
        .executeTakeFirst(),
    );
  }

  /**
   * @param version that was gone on from; 0 where there was none
   * @returns the version that it has now; undefined when somebody else went on from there, and then nothing was noted
   * @throws AppError unavailable
   */
  async advance(watch: NewWatch, version: number, events: readonly NewEvent[]): Promise<number | undefined> {
    try {
      return await this.#database.run((db) =>
        db.transaction().execute(async (within) => {
          const columns = { ...watch, version: version + 1, updated_at: sql<Date>`now()` };
          const written =
            version === 0
              ? await within
                  .insertInto("top_watches")
                  .values(columns)
                  .onConflict((conflict) => conflict.doNothing())
                  .executeTakeFirst()
              : await within
                  .updateTable("top_watches")
                  .set(columns)
                  .where("board", "=", watch.board)
                  .where("season", "=", watch.season)
                  .where("version", "=", version)
                  .executeTakeFirst();
          const count =
            "numUpdatedRows" in written ? written.numUpdatedRows : written.numInsertedOrUpdatedRows;
          if (Number(count) !== 1) throw new Outdated();
          for (const event of events) await note(within, event);
          return version + 1;
        }),
      );
    } catch (error) {
      if (error instanceof Outdated) return undefined;
      throw error;
    }
  }

  /** Seasons of a board from before `season` are told of no more. @throws AppError unavailable */
  async forgetBefore(board: string, season: number): Promise<void> {
    await this.#database.run((db) =>
      db.deleteFrom("top_watches").where("board", "=", board).where("season", "<", season).execute(),
    );
  }
}
