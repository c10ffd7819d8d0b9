/** A final table from its first entry to its last, hidden ones among them, a page at a time: for who takes all of it. */
import type { Database } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

export type FinalEntry = {
  member: string;
  key: number;
  rest: string;
  /** 0 visible, 1 hidden, 2 shadow. */
  visibility: number;
  metadata: string | null;
  /** Among those who are shown; undefined for who is not. */
  rank: number | undefined;
};

const PAGE = 2_000;

/** In the board's order. Ranks are those of what was read so far, so that they fit each other. @throws AppError unavailable */
export async function* finalPages(
  database: Database,
  { board, season }: FinalOf,
): AsyncGenerator<FinalEntry[]> {
  let [shown, storedRank, rank] = [0, 0, 0];
  for (let after = 0; ; ) {
    const rows = await database.run((db) =>
      db
        .selectFrom("final_entries")
        .select(["ordinal", "rank", "member", "key", "rest", "visibility", "metadata"])
        .where("board", "=", board)
        .where("season", "=", season)
        .where("ordinal", ">", after)
        .orderBy("ordinal")
        .limit(PAGE)
        .execute(),
    );
    yield rows.map(({ ordinal: _, rank: stored, ...row }): FinalEntry => {
      if (row.visibility !== 0) return { ...row, rank: undefined };
      if (stored !== storedRank) [storedRank, rank] = [stored, shown + 1];
      shown++;
      return { ...row, rank };
    });
    if (rows.length < PAGE) return;
    after = rows.at(-1)!.ordinal;
  }
}

/** Entries of a complete final table, hidden ones among them; undefined while there is none. @throws AppError unavailable */
export async function finalCount(
  database: Database,
  { board, season }: FinalOf,
): Promise<number | undefined> {
  const row = await database.run((db) =>
    db
      .selectFrom("seasons")
      .select("entries")
      .where("board", "=", board)
      .where("season", "=", season)
      .where("archived_at", "is not", null)
      .executeTakeFirst(),
  );
  return row?.entries ?? undefined;
}
