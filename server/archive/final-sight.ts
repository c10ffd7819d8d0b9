/** Who sees an entry of a final table: what an admin hides, shows or removes in a season that is over. */
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

export type FinalSight = {
  /** As `final_entries.visibility`: 0 visible, 1 hidden, 2 shadow. */
  before: number;
};

/**
 * Set who sees it.
 * @returns what it was; `no_season` when the season is not in the archive, `no_member` when the member is not in its table
 * @throws AppError unavailable
 */
export function setFinalSight(
  database: Database,
  { board, season }: FinalOf,
  member: string,
  visibility: number,
): Promise<FinalSight | "no_season" | "no_member"> {
  return database.run((db) =>
    db.transaction().execute(async (within) => {
      const archived = await within
        .selectFrom("seasons")
        .select(sql<number>`1`.as("one"))
        .where("board", "=", board)
        .where("season", "=", season)
        .where("archived_at", "is not", null)
        .executeTakeFirst();
      if (!archived) return "no_season";
      const entry = await within
        .selectFrom("final_entries")
        .select("visibility")
        .where("board", "=", board)
        .where("season", "=", season)
        .where("member", "=", member)
        .forUpdate()
        .executeTakeFirst();
      if (!entry) return "no_member";
      await within
        .updateTable("final_entries")
        .set({ visibility })
        .where("board", "=", board)
        .where("season", "=", season)
        .where("member", "=", member)
        .execute();
      return { before: entry.visibility };
    }),
  );
}

/**
 * Bring who sees the entries of a final table up to what the mirror still has, and hide what its log says was removed. Seldom needed: of
 * moderation in the moment in which the table was finished.
 * @throws AppError unavailable
 */
export async function alignFinalSight(database: Database, { board, season }: FinalOf): Promise<void> {
  await database.run((db) =>
    sql`
      update final_entries f set visibility = m.visibility from current_entries m
      where f.board = ${board} and f.season = ${season} and m.board = f.board and m.season = f.season and m.member = f.member
        and m.visibility <> f.visibility`.execute(db),
  );
  await database.run((db) =>
    sql`
      with last as (
        select distinct on (l.member) l.member, l.kind from score_log l join lives on lives.life = l.life
        where lives.board = ${board} and lives.season = ${season}
        order by l.member, lives.ordinal desc, l.n desc, l.item desc
      )
      update final_entries f set visibility = 1 from last
      where f.board = ${board} and f.season = ${season} and f.member = last.member and last.kind = 'remove' and f.visibility = 0`.execute(
      db,
    ),
  );
}

export type HiddenFinal = { member: string; key: number; rest: string; visibility: number };

/** Hidden entries of a season, by member. @throws AppError cursor_invalid, unavailable */
export async function hiddenFinals(
  database: Database,
  { board, season }: FinalOf,
  limit: number,
  cursor?: string,
): Promise<{ rows: HiddenFinal[]; cursor?: string }> {
  const after = cursor === undefined ? undefined : memberIn(cursor);
  const rows = await database.run((db) => {
    const all = db
      .selectFrom("final_entries")
      .select(["member", "key", "rest", "visibility"])
      .where("board", "=", board)
      .where("season", "=", season)
      .where("visibility", "<>", 0)
      .orderBy("member")
      .limit(limit + 1);
    return (after === undefined ? all : all.where("member", ">", after)).execute();
  });
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    rows: page,
    ...(last ? { cursor: Buffer.from(`hidden ${last.member}`).toString("base64url") } : {}),
  };
}

function memberIn(cursor: string): string {
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  if (!text.startsWith("hidden ") || text.includes("\0")) throw new AppError("cursor_invalid");
  return text.slice("hidden ".length);
}
