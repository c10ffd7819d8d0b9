/** The table of API keys: made, listed, rotated and revoked. Secrets leave it as what is returned once, and enter it as SHA-256. */
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database, Sql } from "../database/database.ts";
import type { ApiKeyRow } from "../database/table-types.ts";
import { formatKey, newKeyId, newSecret, type Role, sha256 } from "./key-text.ts";

/** Live keys of one deployment: every process keeps all of them in memory. */
export const KEYS_MAX = 1_000;
/** Any number, the same for everybody who makes a key. */
const NEW_KEY_LOCK = 7_267_001;

export type NewKey = { name: string; role: Role; scopes: readonly string[] };

/** A key as it may be shown. */
export type ListedKey = {
  id: string;
  name: string;
  role: Role;
  scopes: string[];
  createdAt: Date;
  rotatedAt: Date | null;
  /** The secret from before the last rotation is good until then. */
  previousUntil: Date | null;
  revokedAt: Date | null;
};

export class KeyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @returns also the key itself, which is shown this once. @throws AppError too_many_items, unavailable */
  create(key: NewKey): Promise<ListedKey & { key: string }> {
    return this.#oneAtATime((db) => insert(db, key));
  }

  /** The first admin key of a deployment, made when there is no live one for all boards. @returns the key, once */
  createFirst(name: string): Promise<string | undefined> {
    return this.#oneAtATime(async (db) => {
      const admins = liveKeys(db).where("role", "=", "admin").where(sql<boolean>`cardinality(scopes) = 0`);
      if ((await admins.limit(1).execute()).length > 0) return undefined;
      return (await insert(db, { name, role: "admin", scopes: [] })).key;
    });
  }

  /** Keys are counted and made under a lock: several processes may start at once, and several admins make the last key. */
  #oneAtATime<T>(make: (db: Sql) => Promise<T>): Promise<T> {
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        await sql`select pg_advisory_xact_lock(${sql.lit(NEW_KEY_LOCK)})`.execute(within);
        return make(within);
      }),
    );
  }

  /**
   * The newest first, revoked ones too. @throws AppError unavailable
   * @param after the id of the last one of the page before: keys are never removed from the table
   */
  async list(limit: number, after?: string): Promise<ListedKey[]> {
    const rows = await this.#database.run((db) => {
      const all = db.selectFrom("api_keys").selectAll().orderBy("created_at", "desc").orderBy("id", "desc");
      if (after === undefined) return all.limit(limit).execute();
      const isAfter = sql<boolean>`(created_at, id) < (select created_at, id from api_keys where id = ${after})`;
      return all.where(isAfter).limit(limit).execute();
    });
    return rows.map(listed);
  }

  /** Everything that works now. @throws AppError unavailable */
  live(): Promise<ApiKeyRow[]> {
    return this.#database.run((db) =>
      liveKeys(db).orderBy("created_at").orderBy("id").limit(KEYS_MAX).execute(),
    );
  }

  /**
   * A new secret; the one before is good for another `overlapMs`.
   * @throws AppError not_found, unavailable
   */
  async rotate(id: string, overlapMs: number): Promise<ListedKey & { key: string }> {
    const secret = newSecret();
    const row = await this.#database.run((db) =>
      db
        .updateTable("api_keys")
        .set({
          previous_hash: sql<Buffer>`secret_hash`,
          previous_until: sql<Date>`now() + ${overlapMs} * interval '1 millisecond'`,
          secret_hash: sha256(secret),
          rotated_at: sql<Date>`now()`,
        })
        .where("id", "=", id)
        .where("revoked_at", "is", null)
        .returningAll()
        .executeTakeFirst(),
    );
    if (!row) throw noSuchKey(id);
    return { ...listed(row), key: formatKey({ role: row.role, id, secret }) };
  }

  /** Revoking it again changes nothing. @throws AppError not_found, unavailable */
  async revoke(id: string): Promise<ListedKey> {
    const row = await this.#database.run((db) =>
      db
        .updateTable("api_keys")
        .set({ revoked_at: sql<Date>`coalesce(revoked_at, now())` })
        .where("id", "=", id)
        .returningAll()
        .executeTakeFirst(),
    );
    if (!row) throw noSuchKey(id);
    return listed(row);
  }
}

function liveKeys(db: Sql) {
  return db.selectFrom("api_keys").selectAll().where("revoked_at", "is", null);
}

async function insert(db: Sql, { name, role, scopes }: NewKey): Promise<ListedKey & { key: string }> {
  const live = await liveKeys(db).clearSelect().select(sql<number>`count(*)`.as("count")).executeTakeFirst();
  if (Number(live?.count ?? 0) >= KEYS_MAX) {
    throw new AppError("too_many_items", { message: `There are ${KEYS_MAX} live keys; revoke some first.` });
  }
  const [id, secret] = [newKeyId(), newSecret()];
  const row = await db
    .insertInto("api_keys")
    .values({ id, name, role, scopes: [...scopes], secret_hash: sha256(secret) })
    .returningAll()
    .executeTakeFirstOrThrow();
  return { ...listed(row), key: formatKey({ role, id, secret }) };
}

function listed(row: ApiKeyRow): ListedKey {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: row.scopes,
    createdAt: row.created_at,
    rotatedAt: row.rotated_at,
    previousUntil: row.previous_until,
    revokedAt: row.revoked_at,
  };
}

function noSuchKey(id: string): AppError {
  return new AppError("not_found", { message: `There is no live key "${id}".` });
}
