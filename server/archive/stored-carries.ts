/** How far entries of a season have come into the next one, told by the log of the next: it is in the tables with the entries it changed. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { EntryKey } from "./log-entry.ts";

/** The last entry of shard `from` of the season before that shard `shard` has taken over. */
export type CarriedPlace = EntryKey & { shard: number; from: number; member: string };

/**
 * The entries of the season before have to be in the tables as they were when they were carried: of a frozen season, whole.
 * @param season the one that takes over
 * @throws AppError unavailable
 */
export async function carriedPlaces(
  database: Database,
  { board, season }: { board: string; season: number },
): Promise<CarriedPlace[]> {
  const { rows } = await database.run((db) =>
    sql<CarriedPlace>`
      select distinct on (l.shard, e.shard) l.shard as shard, e.shard as from, e.key, e.rest, e.member
      from score_log l
      join lives on lives.life = l.life
      join current_entries e on e.board = lives.board and e.season = lives.season - 1 and e.member = l.member
      where lives.board = ${board} and lives.season = ${season} and l.kind = 'carry'
      order by l.shard, e.shard, e.key desc, e.rest desc, e.member desc`.execute(db),
  );
  return rows;
}
