/** Archived feeds and samples of rank indexes, cleared of what is older than their board keeps; in small pieces, so that nobody waits for it. */
import { sql } from "kysely";
import type { Database } from "../database/database.ts";

/** Parts have a few KB each. */
const CHUNK = 500;

/**
 * Delete what one life has from before an instant. The last whole top before it stays with the frames behind it, because it is what stood at
 * that instant, unless the life is over and has nothing newer.
 * @param goOn asked before each piece. @returns how many rows went. @throws AppError unavailable
 */
export async function clearHistory(
  database: Database,
  { life, isOver }: { life: number; isOver: boolean },
  beforeMs: number,
  goOn: () => boolean,
): Promise<number> {
  const below = await firstKept(database, life, isOver, beforeMs);
  const parts = await inPieces(goOn, () =>
    database.run((db) =>
      sql`
        delete from feed_parts where life = ${life} and part in (
          select part from feed_parts where life = ${life} and part < ${below} order by part limit ${CHUNK}
        )`.execute(db),
    ),
  );
  const samples = await inPieces(goOn, () =>
    database.run((db) =>
      sql`
        delete from rank_samples where life = ${life} and at in (
          select at from rank_samples where life = ${life} and at < ${beforeMs} order by at limit ${CHUNK}
        )`.execute(db),
    ),
  );
  return parts + samples;
}

async function firstKept(
  database: Database,
  life: number,
  isOver: boolean,
  beforeMs: number,
): Promise<number> {
  const { rows } = await database.run((db) =>
    sql<{ below: number | null; newest: number | null; last: number | null }>`
      select (select max(part) from feed_parts where life = ${life} and kind = 'top' and first_at <= ${beforeMs}) as below,
        max(last_at) as newest, max(part) as last from feed_parts where life = ${life}`.execute(db),
  );
  const { below, newest, last } = rows[0]!;
  if (isOver && newest !== null && newest < beforeMs) return last! + 1;
  return below ?? 0;
}

async function inPieces(
  goOn: () => boolean,
  piece: () => Promise<{ numAffectedRows?: bigint }>,
): Promise<number> {
  let deleted = 0;
  for (let last = CHUNK; last === CHUNK && goOn(); deleted += last) {
    last = Number((await piece()).numAffectedRows ?? 0n);
  }
  return deleted;
}
