/** Score logs in the database, cleared of what is older than their board keeps; in small pieces, so that nobody waits for it. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

const CHUNK = 2_000;

/**
 * Delete changes of one life that are older than `beforeMs`, oldest batches first.
 * @param goOn asked before each piece of some thousand. @returns how many went. @throws AppError unavailable
 */
export async function clearLog(
  database: Database,
  life: number,
  beforeMs: number,
  goOn: () => boolean,
): Promise<number> {
  const shards = await database.run((db) =>
    db.selectFrom("shard_positions").select("shard").where("life", "=", life).execute(),
  );
  let deleted = 0;
  for (const { shard } of shards) {
    for (let last = CHUNK; last === CHUNK && goOn(); deleted += last) {
      last = await database.run(async (db) => {
        const { numAffectedRows = 0n } = await sql`
          delete from score_log where (life, shard, n, item) in (
            select life, shard, n, item from (
              select life, shard, n, item, at from score_log where life = ${life} and shard = ${shard} order by n, item limit ${CHUNK}
            ) as oldest where at < to_timestamp(${beforeMs}::float8 / 1000)
          )`.execute(db);
        return Number(numAffectedRows);
      });
    }
  }
  return deleted;
}

/** Every life with its board and season. @throws AppError unavailable */
export function readLives(database: Database): Promise<{ life: number; board: string; season: number }[]> {
  return database.run((db) => db.selectFrom("lives").select(["life", "board", "season"]).execute());
}
