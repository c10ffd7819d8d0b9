/** A board's entries in the tables, made by the database itself: as many as wanted, in a few seconds. */
import { sql } from "kysely";
import { newestLife } from "../../../server/archive/stored-lives.ts";
import type { Database } from "../../../server/database/database.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";

/** Rows of one statement. */
const STEP = 100_000;

/** Members are spread over the shards by their number, and each shard has taken one batch. */
export async function fillTables(database: Database, open: OpenBoard, entries: number): Promise<void> {
  const of = { board: open.board.id, season: open.season.number };
  const life = (await newestLife(database, of))!.life;
  const { restLength } = open.layout;
  const shards = open.shards.length;
  for (let from = 0; from < entries; from += STEP) {
    const to = Math.min(entries, from + STEP) - 1;
    await database.run((db) =>
      sql`
        insert into current_entries (board, season, member, shard, key, rest, life, n)
        select ${of.board}::text, ${of.season}::int, 'm' || lpad((i * 7919999 % ${entries}::int)::text, 11, '0'), i % ${shards}::int,
          i * 104729 % 1000000007, right(repeat('-', ${restLength}::int) || i, ${restLength}::int), ${life}::int, 1
        from generate_series(${from}::bigint, ${to}::bigint) as i`.execute(db),
    );
  }
  await database.run((db) =>
    sql`
      insert into shard_positions (life, shard, n, entry_id, at)
      select ${life}::int, shard, 1, '1-0', now() from generate_series(0, ${shards - 1}::int) as shard`.execute(
      db,
    ),
  );
  await database.run((db) => sql`analyze current_entries`.execute(db));
}
