/**
 * Batches of a score log into the tables: the log itself, the entries as they are after it, what could not be read, and the position, in one
 * transaction [R 13].
 */
import { sql } from "kysely";
import type { Database, Sql } from "../database/database.ts";
import { saveDeadLetters } from "./dead-letters.ts";
import { deleteEntries, type EntryState, upsertEntries } from "./entry-rows.ts";
import { isLaterId, type LogChange, type LogEntry } from "./log-entry.ts";
import { type ArchivedShard, lockPosition, movePosition, type Position } from "./positions.ts";

export type Applied = {
  position: Position;
  /** Changes that this call has brought to the tables. */
  changes: number;
  /** Batches that the log has lost before the next of the entries, which was not applied therefore. */
  gap?: { from: number; to: number };
  /** The log has gone back to this batch: Redis has lost acknowledged batches, and nothing was applied. */
  forkedAt?: number;
};

export class ScoreLogWriter {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Entries of one shard in the order of its log; those that the tables have already are skipped.
   * @param overGaps whether lost batches are noted and passed over: when the shard's entries were read from Redis after it
   * @throws AppError unavailable; what PostgreSQL says of data that it cannot store
   */
  apply(shard: ArchivedShard, entries: readonly LogEntry[], { overGaps = false } = {}): Promise<Applied> {
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const held = await lockPosition(within, shard);
        const forked = entries.find(({ n, id }) => n <= held.n && isLaterId(id, held.entryId));
        if (forked) return { position: held, changes: 0, forkedAt: forked.n - 1 };
        const { fresh, gaps } = upToGap(entries, held.n, overGaps);
        const stoppedAt = overGaps ? undefined : gaps.at(0);
        const last = fresh.at(-1);
        const answer: Applied = { position: held, changes: 0, ...(stoppedAt ? { gap: stoppedAt } : {}) };
        if (!last) return answer;
        if (overGaps) await saveGaps(within, shard, gaps);
        await saveAll(within, shard, fresh);
        const position = { n: last.n, entryId: last.id };
        await movePosition(within, shard, position, last.atMs);
        return { ...answer, position, changes: fresh.reduce((sum, { changes }) => sum + changes.length, 0) };
      }),
    );
  }

  /** The log ends before batches up to `to` that nobody can read any more: note it, once the shard was read from Redis after them. */
  passGap(shard: ArchivedShard, to: number): Promise<Position> {
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const held = await lockPosition(within, shard);
        if (held.n >= to) return held;
        await saveGaps(within, shard, [{ from: held.n + 1, to }]);
        const position = { n: to, entryId: held.entryId };
        await movePosition(within, shard, position, Date.now());
        return position;
      }),
    );
  }

  /**
   * Redis has lost batches that are in the tables: take them out again. Entries that they changed count as older than batch `to`,
   * so that a scan replaces or removes them.
   */
  rewind(shard: ArchivedShard, to: number): Promise<Position> {
    const { life, shard: number } = shard;
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        const held = await lockPosition(within, shard);
        if (held.n <= to) return held;
        for (const table of ["score_log", "current_entries"] as const) {
          const late = sql`life = ${life} and shard = ${number} and n > ${to}`;
          if (table === "score_log") await sql`delete from score_log where ${late}`.execute(within);
          else await sql`update current_entries set n = ${to - 1} where ${late}`.execute(within);
        }
        const position = { n: to, entryId: "0-0" };
        await movePosition(within, shard, position, Date.now());
        return position;
      }),
    );
  }
}

type Gap = { from: number; to: number };

function upToGap(
  entries: readonly LogEntry[],
  after: number,
  overGaps: boolean,
): { fresh: LogEntry[]; gaps: Gap[] } {
  const fresh: LogEntry[] = [];
  const gaps: Gap[] = [];
  let last = after;
  for (const entry of entries) {
    if (entry.n <= last) continue;
    if (entry.n > last + 1) {
      gaps.push({ from: last + 1, to: entry.n - 1 });
      if (!overGaps) break;
    }
    fresh.push(entry);
    last = entry.n;
  }
  return { fresh, gaps };
}

async function saveGaps(db: Sql, { life, shard }: ArchivedShard, gaps: readonly Gap[]): Promise<void> {
  if (gaps.length === 0) return;
  await db
    .insertInto("log_gaps")
    .values(gaps.map(({ from, to }) => ({ life, shard, from_n: from, to_n: to })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

async function saveAll(db: Sql, shard: ArchivedShard, entries: readonly LogEntry[]): Promise<void> {
  await saveDeadLetters(
    db,
    shard,
    entries.filter(({ error }) => error !== undefined),
  );
  await saveLog(db, shard, entries);
  const { present, removed } = statesAfter(entries);
  await upsertEntries(db, shard, present);
  await deleteEntries(db, shard, removed);
}

async function saveLog(db: Sql, { life, shard }: ArchivedShard, entries: readonly LogEntry[]): Promise<void> {
  const rows = entries.flatMap(({ n, atMs, changes }) =>
    changes.map((change, item) => ({ n, item, atMs, ...change })),
  );
  if (rows.length === 0) return;
  const column = <T>(of: (row: (typeof rows)[number]) => T): T[] => rows.map(of);
  await sql`
    insert into score_log (life, shard, n, item, at, member, kind, old_key, old_rest, key, rest, id_hash)
    select ${life}::int, ${shard}::smallint, n, item, to_timestamp(at_ms / 1000), member, kind, old_key, old_rest, key, rest, id_hash
    from unnest(
      ${column(({ n }) => n)}::bigint[], ${column(({ item }) => item)}::smallint[], ${column(({ atMs }) => atMs)}::float8[],
      ${column(({ member }) => member)}::text[], ${column(({ kind }) => kind)}::text[],
      ${column(({ old }) => old?.key ?? null)}::float8[], ${column(({ old }) => old?.rest ?? null)}::text[],
      ${column(({ now }) => now?.key ?? null)}::float8[], ${column(({ now }) => now?.rest ?? null)}::text[],
      ${column(({ idHash }) => idHash ?? null)}::text[]
    ) as changes (n, item, at_ms, member, kind, old_key, old_rest, key, rest, id_hash)`.execute(db);
}

const VISIBILITY_AFTER: Partial<Record<LogChange["kind"], number>> = { hide: 1, shadow: 2, show: 0 };

/** What all changes together make of each member. */
function statesAfter(entries: readonly LogEntry[]): {
  present: EntryState[];
  removed: { member: string; n: number }[];
} {
  const states = new Map<string, EntryState>();
  const removed = new Map<string, number>();
  for (const { n, changes } of entries) {
    for (const { member, kind, now, metadata } of changes) {
      if (!now) {
        states.delete(member);
        removed.set(member, n);
        continue;
      }
      const before = states.get(member);
      const isNew = before?.isNew ?? removed.has(member);
      const visibility = VISIBILITY_AFTER[kind] ?? before?.visibility;
      states.set(member, { member, n, ...now, isNew, visibility, metadata: metadata ?? before?.metadata });
    }
  }
  for (const member of states.keys()) removed.delete(member);
  return {
    present: [...states.values()],
    removed: [...removed].map(([member, n]) => ({ member, n })),
  };
}
