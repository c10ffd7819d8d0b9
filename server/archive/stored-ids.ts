/** Hashes of (member, id) that the score log has seen of late: what a restored shard has to know again [R 5]. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

/** Rows of one question. */
const PAGE = 20_000;

export type RecentId = { hash: string; atMs: number };

type LogRow = { life: number; n: number; item: number; id_hash: string | null; at: Date };

/**
 * Ids of one shard of a season, newest first, over all of its lives: a life that began a minute ago goes on with the ids of the one before.
 * @param sinceMs ends the reading
 * @throws AppError unavailable
 */
export async function* recentIds(
  database: Database,
  { board, season, shard }: { board: string; season: number; shard: number },
  sinceMs: number,
): AsyncGenerator<RecentId[]> {
  const lives = await database.run((db) =>
    db
      .selectFrom("lives")
      .select("life")
      .where("board", "=", board)
      .where("season", "=", season)
      .orderBy("ordinal", "desc")
      .execute(),
  );
  for (const { life } of lives) {
    for (let before: LogRow | undefined, more = true; more; ) {
      const rows = await pageOf(database, life, shard, before);
      const recent = rows.filter(({ at }) => at.getTime() > sinceMs);
      yield recent.flatMap(({ id_hash: hash, at }) => (hash === null ? [] : [{ hash, atMs: at.getTime() }]));
      more = rows.length === PAGE && recent.length === rows.length;
      before = rows.at(-1);
    }
  }
}

function pageOf(
  database: Database,
  life: number,
  shard: number,
  before: LogRow | undefined,
): Promise<LogRow[]> {
  return database.run((db) => {
    const page = db
      .selectFrom("score_log")
      .select(["life", "n", "item", "id_hash", "at"])
      .where("life", "=", life)
      .where("shard", "=", shard)
      .orderBy("n", "desc")
      .orderBy("item", "desc")
      .limit(PAGE);
    const from = before ? page.where(sql<boolean>`(n, item) < (${before.n}, ${before.item})`) : page;
    return from.execute();
  });
}
