/** The table of bans: who may not play on any board, until when and why, and how far that has been carried out. */
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { BanRow } from "../database/moderation-table-types.ts";

export type BanMode = BanRow["mode"];
export type NewBan = {
  member: string;
  mode: BanMode;
  until?: Date | undefined;
  reason: string;
  actor: string;
};

/** Any number, the same for everybody who bans. */
const BAN_LOCK = 7_267_002;
const nextVersion = sql<number>`nextval('ban_versions')`;

export class BanStore {
  readonly #database: Database;
  readonly #bansMax: number;

  constructor(database: Database, bansMax: number) {
    this.#database = database;
    this.#bansMax = bansMax;
  }

  /** Ban, or change a ban. It is to be carried out from the first board on. @throws AppError too_many_items, unavailable */
  put({ member, mode, until, reason, actor }: NewBan): Promise<BanRow> {
    const row = { mode, until: until ?? null, reason, actor, state: "applying" as const, progress: null };
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        await sql`select pg_advisory_xact_lock(${sql.lit(BAN_LOCK)})`.execute(within);
        const others = await within
          .selectFrom("bans")
          .select(sql<number>`count(*)`.as("count"))
          .where("member", "!=", member)
          .executeTakeFirst();
        if (Number(others?.count ?? 0) >= this.#bansMax) {
          throw new AppError("too_many_items", {
            message: `There are ${this.#bansMax} bans; lift some first.`,
          });
        }
        return within
          .insertInto("bans")
          .values({ member, ...row, version: nextVersion })
          .onConflict((conflict) =>
            conflict
              .column("member")
              .doUpdateSet({ ...row, version: nextVersion, banned_at: sql<Date>`now()` }),
          )
          .returningAll()
          .executeTakeFirstOrThrow();
      }),
    );
  }

  /** It is to be lifted from the first board on. @returns undefined when there is none. @throws AppError unavailable */
  lift(member: string): Promise<BanRow | undefined> {
    return this.#database.run((db) =>
      db
        .updateTable("bans")
        .set({ state: "lifting", progress: null, version: nextVersion })
        .where("member", "=", member)
        .returningAll()
        .executeTakeFirst(),
    );
  }

  /** The newest first. @param after the place of the last one that was listed. @throws AppError unavailable */
  list(limit: number, after?: { at: Date; member: string }): Promise<BanRow[]> {
    return this.#database.run((db) => {
      let query = db
        .selectFrom("bans")
        .selectAll()
        .orderBy("banned_at", "desc")
        .orderBy("member")
        .limit(limit);
      if (after) {
        // To the millisecond, as a cursor has it.
        const at = sql<Date>`date_trunc('milliseconds', banned_at)`;
        query = query.where((eb) =>
          eb.or([eb(at, "<", after.at), eb.and([eb(at, "=", after.at), eb("member", ">", after.member)])]),
        );
      }
      return query.execute();
    });
  }

  /** @throws AppError unavailable */
  get(member: string): Promise<BanRow | undefined> {
    return this.#database.run((db) =>
      db.selectFrom("bans").selectAll().where("member", "=", member).executeTakeFirst(),
    );
  }

  /** What is still to be carried out, and what has run out. @throws AppError unavailable */
  due(limit: number): Promise<BanRow[]> {
    return this.#database.run((db) =>
      db
        .selectFrom("bans")
        .selectAll()
        .where((eb) => eb.or([eb("state", "!=", "active"), eb("until", "<=", sql<Date>`now()`)]))
        .orderBy("version")
        .limit(limit)
        .execute(),
    );
  }

  /** A board is done. @returns false when the ban was changed meanwhile. @throws AppError unavailable */
  async advance({ member, version }: BanRow, board: string): Promise<boolean> {
    const result = await this.#database.run((db) =>
      db
        .updateTable("bans")
        .set({ progress: board })
        .where("member", "=", member)
        .where("version", "=", version)
        .executeTakeFirst(),
    );
    return Number(result.numUpdatedRows) === 1;
  }

  /** All boards are done: it is active, or gone. @returns false when the ban was changed meanwhile. @throws AppError unavailable */
  async finish({ member, version, state }: BanRow): Promise<boolean> {
    return this.#database.run(async (db) => {
      if (state === "lifting") {
        const gone = await db
          .deleteFrom("bans")
          .where("member", "=", member)
          .where("version", "=", version)
          .executeTakeFirst();
        return Number(gone.numDeletedRows) === 1;
      }
      const done = await db
        .updateTable("bans")
        .set({ state: "active" })
        .where("member", "=", member)
        .where("version", "=", version)
        .executeTakeFirst();
      return Number(done.numUpdatedRows) === 1;
    });
  }

  /** All of them, for a Redis that has lost its copy: those in force are to be carried out anew. @throws AppError unavailable */
  again(): Promise<BanRow[]> {
    return this.#database.run((db) =>
      db
        .updateTable("bans")
        .set({
          state: sql<BanRow["state"]>`case state when 'active' then 'applying' else state end`,
          progress: null,
          version: nextVersion,
        })
        .returningAll()
        .execute(),
    );
  }
}
