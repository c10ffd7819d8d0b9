/**
 * Current entries straight from a shard, page by page: after a hole in its log, or an entry that could not be read.
 *
 * Each page says of which batch it is at least, and is refused when the tables are further than that: they may have removed who is in it.
 * Who was there all the time has been in some page; a row that is older than the scan's beginning is of somebody who is gone.
 */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";
import { isUnstorable } from "./dead-letters.ts";
import type { ScannedMember } from "./log-reader.ts";
import { type ArchivedShard, lockPosition } from "./positions.ts";

export class ShardMirror {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Write a page as of batch `n`. What cannot be stored of it is left out.
   * @returns `stale` when the tables are past that batch: read the page again. @throws AppError unavailable
   */
  async write(
    shard: ArchivedShard,
    n: number,
    members: readonly ScannedMember[],
  ): Promise<"written" | "stale"> {
    if (members.length === 0) return "written";
    try {
      return await this.#database.run((db) =>
        db.transaction().execute(async (within) => {
          if ((await lockPosition(within, shard)).n > n) return "stale";
          await upsertScanned(within, shard, n, members);
          return "written";
        }),
      );
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      if (members.length === 1) return "written";
      const half = members.length >> 1;
      const first = await this.write(shard, n, members.slice(0, half));
      return first === "stale" ? first : this.write(shard, n, members.slice(half));
    }
  }

  /** After a whole scan that began at batch `n`. @throws AppError unavailable */
  async deleteGone({ board, season, life, shard }: ArchivedShard, n: number): Promise<void> {
    await this.#database.run((db) =>
      sql`
        delete from current_entries
        where board = ${board} and season = ${season} and shard = ${shard} and (life, n) < (${life}::int, ${n}::bigint)`.execute(
        db,
      ),
    );
  }
}

async function upsertScanned(
  db: Parameters<typeof lockPosition>[0],
  { board, season, life, shard }: ArchivedShard,
  n: number,
  members: readonly ScannedMember[],
): Promise<void> {
  // A scan may show a member twice.
  const rows = [...new Map(members.map((one) => [one.member, one])).values()];
  const column = <T>(of: (row: ScannedMember) => T): T[] => rows.map(of);
  await sql`
    insert into current_entries as present (board, season, member, shard, key, rest, visibility, metadata, life, n)
    select ${board}::text, ${season}::int, s.member, ${shard}::smallint, s.key, s.rest, s.visibility, s.metadata, ${life}::int, ${n}::bigint
    from unnest(
      ${column(({ member }) => member)}::text[], ${column(({ key }) => key)}::float8[], ${column(({ rest }) => rest)}::text[],
      ${column(({ sight }) => sight)}::smallint[], ${column(({ metadata }) => metadata ?? null)}::text[]
    ) as s (member, key, rest, visibility, metadata)
    on conflict (board, season, member) do update set shard = excluded.shard, key = excluded.key, rest = excluded.rest,
      visibility = excluded.visibility,
      metadata = excluded.metadata, life = excluded.life, n = excluded.n
    where (present.life, present.n) <= (excluded.life, excluded.n)`.execute(db);
}
