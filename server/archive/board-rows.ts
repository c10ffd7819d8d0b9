/**
 * What the tables have of a board that is to leave them too, in small steps. Its record stays, marked as deleted, and so do rewards and the
 * audit trail, which are not the board's alone.
 *
 * First each season's life is outlived, as by a rebuild: an archiver that has not heard of it is refused from then on [R 13].
 */
import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { BoardRecord } from "../leaderboard/board.ts";
import { BoardMirror } from "./board-mirror.ts";
import { beginNextLife } from "./stored-lives.ts";

/** Rows of one step. */
const STEP = 2_000;

/** By life. */
const LOGS = [
  "score_log",
  "dead_letters",
  "log_gaps",
  "feed_parts",
  "feed_positions",
  "rank_samples",
] as const;
/** By board. */
const ENTRIES = ["current_entries", "final_entries"] as const;

/**
 * Again is harmless, and goes on where it was.
 * @param record marked as deleted
 * @param stillOurs asked before each step; throws when somebody else goes on with it
 * @returns rows that went. @throws AppError unavailable, and what `stillOurs` throws
 */
export async function deleteBoardRows(
  database: Database,
  record: BoardRecord,
  stillOurs: () => Promise<void>,
): Promise<number> {
  const board = record.board.id;
  await new BoardMirror(database).mirror(record);
  const lives = await livesOf(database, board);
  for (const season of new Set(lives.map(({ season }) => season))) {
    await stillOurs();
    if (lives.some((life) => life.season === season && life.incarnation.startsWith(OUTLIVED))) continue;
    await beginNextLife(
      database,
      { board, season },
      { incarnation: `${OUTLIVED}${randomUUID()}`, shards: 1 },
    );
  }
  let deleted = 0;
  const whole = async (step: () => Promise<number>): Promise<void> => {
    for (let last = STEP; last === STEP; deleted += last) {
      await stillOurs();
      last = await step();
    }
  };
  for (const { life } of lives) for (const table of LOGS) await whole(() => deleteLog(database, table, life));
  for (const table of ENTRIES) await whole(() => deleteEntries(database, table, board));
  await stillOurs();
  await deleteLives(database, board);
  return deleted;
}

const OUTLIVED = "deleted-";

function livesOf(
  database: Database,
  board: string,
): Promise<{ life: number; season: number; incarnation: string }[]> {
  return database.run((db) =>
    db.selectFrom("lives").select(["life", "season", "incarnation"]).where("board", "=", board).execute(),
  );
}

function deleteLog(database: Database, table: (typeof LOGS)[number], life: number): Promise<number> {
  return deleteSome(database, table, sql`life = ${life}`);
}

function deleteEntries(database: Database, table: (typeof ENTRIES)[number], board: string): Promise<number> {
  return deleteSome(database, table, sql`board = ${board}`);
}

function deleteSome(database: Database, table: string, which: ReturnType<typeof sql>): Promise<number> {
  return database.run(async (db) => {
    const { numAffectedRows = 0n } = await sql`
      delete from ${sql.table(table)} where ctid = any(array(
        select ctid from ${sql.table(table)} where ${which} limit ${STEP}
      ))`.execute(db);
    return Number(numAffectedRows);
  });
}

/** Last, and together: from then on nothing tells that there was something. */
async function deleteLives(database: Database, board: string): Promise<void> {
  await database.run((db) =>
    db.transaction().execute(async (within) => {
      await sql`delete from shard_positions where life in (select life from lives where board = ${board})`.execute(
        within,
      );
      for (const table of ["lives", "seasons"] as const)
        await within.deleteFrom(table).where("board", "=", board).execute();
    }),
  );
}
