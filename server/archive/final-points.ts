/** What a member came to in each archived season of a board, from the final tables. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";
import type { EntryKey } from "./log-entry.ts";

export type FinalPoint = {
  season: number;
  endedAtMs: number;
  /** As it is shown: without hidden entries before it. */
  rank: number;
  /** Entries that are shown. */
  total: number;
  key: number;
  rest: string;
};

/** The newest season first; those where the member is hidden or has no entry are left out. @throws AppError unavailable */
export async function finalPoints(
  database: Database,
  board: string,
  member: string,
  { before, limit }: { before: number; limit: number },
): Promise<FinalPoint[]> {
  const hidden = sql`select count(*) from final_entries h where h.board = f.board and h.season = f.season and h.visibility <> 0`;
  const { rows } = await database.run((db) =>
    sql<FinalPoint & { ended: Date }>`
      select f.season, coalesce(s.ended_at, s.archived_at) as ended, f.key, f.rest,
        f.rank - (${hidden} and h.ordinal < f.rank) as rank, coalesce(s.entries, 0) - (${hidden}) as total
      from seasons s join final_entries f on f.board = s.board and f.season = s.season and f.member = ${member}
      where s.board = ${board} and s.season < ${before} and s.archived_at is not null and f.visibility = 0
      order by f.season desc limit ${limit}`.execute(db),
  );
  return rows.map(({ ended, ...point }) => ({ ...point, endedAtMs: ended.getTime() }));
}

/** Where an entry of an archived season stood at its end, hidden or not; undefined where there is none. @throws AppError unavailable */
export function finalEntry(
  database: Database,
  { board, season }: FinalOf,
  member: string,
): Promise<EntryKey | undefined> {
  return database.run((db) =>
    db
      .selectFrom("final_entries as f")
      .innerJoin("seasons as s", (on) =>
        on.onRef("s.board", "=", "f.board").onRef("s.season", "=", "f.season"),
      )
      .select(["f.key", "f.rest"])
      .where("f.board", "=", board)
      .where("f.season", "=", season)
      .where("f.member", "=", member)
      .where("s.archived_at", "is not", null)
      .executeTakeFirst(),
  );
}
