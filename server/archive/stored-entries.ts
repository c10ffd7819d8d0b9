/** The current entries of a season as the tables have them: all of them in big chunks, or those of some members. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

export type StoredEntry = {
  member: string;
  key: number;
  /** What a wide board has behind the key; empty on packed ones. */
  rest: string;
  /** 0 visible, 1 hidden, 2 shadow. */
  visibility: number;
};

/** Of one shard, in a chunk. */
export type ShardEntries = { entries: StoredEntry[]; metadata: [member: string, metadata: string][] };

type SeasonOf = { board: string; season: number };

/** Rows of one question: a few hundredths of a second, so that others who use the same PGlite come in between. */
const CHUNK = 20_000;

type ChunkRow = { shard: number; last: string; lines: string; metadata: [string, string][] | null };

/**
 * Every entry once, shard by shard within each chunk, in no order that matters. Members and rests hold no control characters, so the
 * database joins the rows of a shard to one text: a row of the driver for each entry would cost more than all the rest.
 * @throws AppError unavailable
 */
export async function* storedEntries(
  database: Database,
  { board, season }: SeasonOf,
  chunk = CHUNK,
): AsyncGenerator<Map<number, ShardEntries>> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    const from: string = after;
    const { rows } = await database.run((db) =>
      db.transaction().execute(async (transaction) => {
        // In the order of the primary key: of a large season the planner would rather sort everything, anew for each chunk.
        await sql`set local enable_sort = off`.execute(transaction);
        return sql<ChunkRow>`
        select shard, max(member) as last,
          string_agg(concat_ws(chr(9), member, key, rest, visibility), chr(10)) as lines,
          json_agg(json_build_array(member, metadata)) filter (where metadata is not null) as metadata
        from (
          select member, shard, key, rest, visibility, metadata from current_entries
          where board = ${board} and season = ${season} and member > ${from}
          order by member limit ${chunk}
        ) chunk
        group by shard`.execute(transaction);
      }),
    );
    if (rows.length === 0) return;
    let count = 0;
    const shards = new Map<number, ShardEntries>();
    after = undefined;
    for (const { shard, last, lines, metadata } of rows) {
      const entries = lines.split("\n").map(entryOf);
      count += entries.length;
      shards.set(shard, { entries, metadata: metadata ?? [] });
      if (after === undefined || isBefore(after, last)) after = last;
    }
    yield shards;
    if (count < chunk) return;
  }
}

/** As the database orders members. */
function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

function entryOf(line: string): StoredEntry {
  const [member = "", key, rest = "", visibility] = line.split("\t");
  return { member, key: Number(key), rest, visibility: Number(visibility) };
}

/** Current entries of some boards, or of all. @throws AppError unavailable */
export async function countEntries(database: Database, boards?: readonly string[]): Promise<number> {
  const { count } = await database.run((db) => {
    const all = db.selectFrom("current_entries").select((e) => e.fn.countAll<number>().as("count"));
    return (boards ? all.where("board", "in", boards) : all).executeTakeFirstOrThrow();
  });
  return count;
}

/** The entries of some members, with the life and the batch that they are of. @throws AppError unavailable */
export async function entriesOf(
  database: Database,
  { board, season }: SeasonOf,
  members: readonly string[],
): Promise<Map<string, StoredEntry & { life: number; n: number }>> {
  const rows = await database.run((db) =>
    db
      .selectFrom("current_entries")
      .select(["member", "key", "rest", "visibility", "life", "n"])
      .where("board", "=", board)
      .where("season", "=", season)
      .where("member", "=", sql<string>`any(${members}::text[])`)
      .execute(),
  );
  return new Map(rows.map((row) => [row.member, row]));
}
