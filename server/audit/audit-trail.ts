/**
 * Who changed what, when and why: noted in Redis with the change (`audit-outbox.ts`), brought to the database soon, listed from there.
 *
 * Bringing a note again changes nothing, so a process may die between the commit and the removal of the note, and several may bring the same.
 */
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Database, Sql } from "../database/database.ts";
import type { RedisStore } from "../redis/store.ts";
import { type AuditEntry, type AuditNote, AuditOutbox, type AuditOutcome } from "./audit-outbox.ts";

export type AuditFilter = {
  board?: string | undefined;
  member?: string | undefined;
  actor?: string | undefined;
  action?: string | undefined;
  since?: Date | undefined;
  until?: Date | undefined;
};

/** As it is listed. `outcome` null: it was meant, and whether it was done is not known. */
export type AuditRecord = {
  at: string;
  actor: string;
  action: string;
  outcome: string | null;
  board: string | null;
  season: number | null;
  member: string | null;
  reason: string | null;
  details: unknown;
};

export type AuditTrailOptions = {
  redis: RedisStore;
  database: Database;
  log: Log;
  /** Bring notes also to a database that nothing else has opened in this process. */
  opensDatabase: boolean;
  /** ms between two looks for notes. */
  everyMs?: number;
};

const NOTES_AT_ONCE = 200;

export class AuditTrail {
  readonly #database: Database;
  readonly #outbox: AuditOutbox;
  readonly #loop: Loop;

  constructor({ redis, database, log, opensDatabase, everyMs = 1_000 }: AuditTrailOptions) {
    this.#database = database;
    this.#outbox = new AuditOutbox(redis, log);
    this.#loop = new Loop({
      everyMs,
      step: async () => {
        if (opensDatabase || database.isOpen) await this.bring();
      },
      onError: (error) => log.debug({ err: error }, "notes for the audit trail wait"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Note what is about to be done. @returns its name for `settle`. Never rejects */
  intend(entry: AuditEntry): Promise<string> {
    return this.#outbox.intend(entry);
  }

  /** Note what came of it, or more about it. Never rejects. */
  settle(request: string, came: AuditOutcome): Promise<void> {
    return this.#outbox.settle(request, came);
  }

  /** Note what is done already, by a part of Rankwire itself. Never rejects. */
  async record(entry: AuditEntry): Promise<void> {
    await this.settle(await this.intend(entry), { outcome: "done" });
  }

  /** Bring every note to the database. @throws AppError unavailable */
  async bring(): Promise<void> {
    for (;;) {
      const taken = await this.#outbox.take(NOTES_AT_ONCE);
      if (taken.length === 0) return;
      await this.#database.run((db) =>
        db.transaction().execute(async (within) => {
          for (const { note } of taken) await store(within, note);
        }),
      );
      await this.#outbox.forget(taken.map(({ id }) => id));
    }
  }

  /**
   * The newest first.
   * @param cursor of the page before
   * @throws AppError cursor_invalid, unavailable
   */
  async list(
    filter: AuditFilter,
    limit: number,
    cursor?: string,
  ): Promise<{ records: AuditRecord[]; cursor?: string }> {
    await this.bring();
    const rows = await this.#database.run((db) => {
      let query = db
        .selectFrom("audit")
        .selectAll()
        .orderBy("id", "desc")
        .limit(limit + 1);
      if (filter.board !== undefined) query = query.where("board", "=", filter.board);
      if (filter.member !== undefined) query = query.where("member", "=", filter.member);
      if (filter.actor !== undefined) query = query.where("actor", "=", filter.actor);
      if (filter.action !== undefined) query = query.where("action", "=", filter.action);
      if (filter.since !== undefined) query = query.where("at", ">=", filter.since);
      if (filter.until !== undefined) query = query.where("at", "<", filter.until);
      if (cursor !== undefined) query = query.where("id", "<", idIn(cursor));
      return query.execute();
    });
    const shown = rows.slice(0, limit);
    const records = shown.map(({ id: _, request: __, at, ...rest }) => ({ at: at.toISOString(), ...rest }));
    const last = rows.length > limit ? shown.at(-1) : undefined;
    return { records, ...(last ? { cursor: cursorAt(last.id) } : {}) };
  }

  /** What was removed last of a member in a season, as the call that removed it noted it. @throws AppError unavailable */
  async lastRemoved(board: string, season: number, member: string): Promise<unknown> {
    await this.bring();
    const row = await this.#database.run((db) =>
      db
        .selectFrom("audit")
        .select(sql<unknown>`details -> 'removed'`.as("removed"))
        .where("board", "=", board)
        .where("season", "=", season)
        .where("member", "=", member)
        .where("action", "=", "member.remove")
        .where(sql<boolean>`details -> 'removed' is not null`)
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    return row?.removed;
  }

  /**
   * The same while nothing was done to the member since: in a final table a removed entry looks like a hidden one.
   * @throws AppError unavailable
   */
  async standingRemoval(board: string, season: number, member: string): Promise<unknown> {
    await this.bring();
    const row = await this.#database.run((db) =>
      db
        .selectFrom("audit")
        .select(["action", sql<unknown>`details -> 'removed'`.as("removed")])
        .where("board", "=", board)
        .where("season", "=", season)
        .where("member", "=", member)
        .where("action", "in", [
          "member.remove",
          "member.restore",
          "member.show",
          "member.hide",
          "member.shadow",
        ])
        // A removal is noted with what it takes before it is done; of everything else only what was done counts.
        .where(sql<boolean>`(outcome = 'done' or (outcome is null and details -> 'removed' is not null))`)
        .orderBy("id", "desc")
        .limit(1)
        .executeTakeFirst(),
    );
    return row?.action === "member.remove" ? (row.removed ?? undefined) : undefined;
  }
}

async function store(db: Sql, { request, at, meant, came }: AuditNote): Promise<void> {
  if (meant) {
    const { details, ...entry } = meant;
    const row = { request, at: new Date(at), ...entry, details: details ? JSON.stringify(details) : null };
    await db
      .insertInto("audit")
      .values(row)
      .onConflict((conflict) => conflict.column("request").doNothing())
      .execute();
  }
  if (!came) return;
  const { details, ...changed } = came;
  const known = Object.fromEntries(Object.entries(changed).filter(([, value]) => value !== undefined));
  const more = details ? JSON.stringify(details) : undefined;
  if (Object.keys(known).length === 0 && more === undefined) return;
  const merged =
    more === undefined ? {} : { details: sql<string>`coalesce(details, '{}'::jsonb) || ${more}::jsonb` };
  await db
    .updateTable("audit")
    .set({ ...known, ...merged })
    .where("request", "=", request)
    .execute();
}

function cursorAt(id: number): string {
  return Buffer.from(`audit ${id}`).toString("base64url");
}

function idIn(cursor: string): number {
  const id = /^audit (\d{1,15})$/.exec(Buffer.from(cursor, "base64url").toString("utf8"))?.[1];
  if (id === undefined) throw new AppError("cursor_invalid");
  return Number(id);
}
