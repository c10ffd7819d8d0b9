/**
 * The table of profiles: the truth. Every change of a row raises its version, its removal too. A version is at least the time in ms, so
 * that it does not go back either when the table is another one below the same cache: a restored backup, a new database.
 */
import { sql } from "kysely";
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import type { Database, Sql } from "../database/database.ts";
import type { ProfileRow } from "../database/table-types.ts";

/** What is known of one member: at version 0 there never was a profile, without `profile` there is none now. */
export type Known = { version: number; profile: Profile | undefined };
export type Written = Known & { member: string };

/** The fields to change; null takes one away. */
export type ProfileChange = { [Field in keyof Profile]?: Profile[Field] | null | undefined };

/** Called with the new versions after the statement and before the commit. */
export type BeforeCommit = (written: readonly Written[]) => Promise<void>;

const NOW = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
const NEXT_VERSION = sql<number>`greatest(profiles.version + 1, ${NOW})`;
const COLUMNS = ["member", "version", "display_name", "avatar_url", "country", "extra", "removed"] as const;
type Row = Pick<ProfileRow, (typeof COLUMNS)[number]>;

export class ProfileStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** All in one query. @returns something for each. @throws AppError unavailable */
  async read(members: readonly string[]): Promise<Map<string, Known>> {
    const rows = await this.#database.run((db) =>
      db
        .selectFrom("profiles")
        .select(COLUMNS)
        .where(sql<boolean>`member = any(${members}::text[])`)
        .execute(),
    );
    const known = new Map<string, Known>();
    for (const member of members) known.set(member, { version: 0, profile: undefined });
    for (const row of rows) known.set(row.member, knownFrom(row));
    return known;
  }

  /** Whole profiles in place of what there was, all or none. @throws AppError unavailable */
  put(profiles: ReadonlyMap<string, Profile>, beforeCommit: BeforeCommit): Promise<Written[]> {
    // In one order everywhere, so that two calls with the same members wait for each other and not both.
    const rows = [...profiles].sort(([a], [b]) => (a < b ? -1 : 1)).map(rowFrom);
    return this.#change(beforeCommit, (db) =>
      db
        .insertInto("profiles")
        .values(rows)
        .onConflict((conflict) =>
          conflict.column("member").doUpdateSet((eb) => ({
            version: NEXT_VERSION,
            display_name: eb.ref("excluded.display_name"),
            avatar_url: eb.ref("excluded.avatar_url"),
            country: eb.ref("excluded.country"),
            extra: sql`excluded.extra`,
            removed: false,
            updated_at: sql<Date>`now()`,
          })),
        )
        .returning(COLUMNS)
        .execute(),
    );
  }

  /** @returns undefined when there is no profile. @throws AppError unavailable */
  async patch(
    member: string,
    change: ProfileChange,
    beforeCommit: BeforeCommit,
  ): Promise<Written | undefined> {
    const { displayName, avatarUrl, country, extra } = change;
    const [written] = await this.#change(beforeCommit, (db) =>
      db
        .updateTable("profiles")
        .set({
          ...(displayName === undefined ? {} : { display_name: displayName }),
          ...(avatarUrl === undefined ? {} : { avatar_url: avatarUrl }),
          ...(country === undefined ? {} : { country }),
          ...(extra === undefined ? {} : { extra: extra === null ? null : JSON.stringify(extra) }),
          version: NEXT_VERSION,
          updated_at: sql<Date>`now()`,
        })
        .where("member", "=", member)
        .where("removed", "=", false)
        .returning(COLUMNS)
        .execute(),
    );
    return written;
  }

  /** @returns undefined when there is no profile. @throws AppError unavailable */
  async remove(member: string, beforeCommit: BeforeCommit): Promise<Written | undefined> {
    const gone = { display_name: null, avatar_url: null, country: null, extra: null, removed: true };
    const [written] = await this.#change(beforeCommit, (db) =>
      db
        .updateTable("profiles")
        .set({ ...gone, version: NEXT_VERSION, updated_at: sql<Date>`now()` })
        .where("member", "=", member)
        .where("removed", "=", false)
        .returning(COLUMNS)
        .execute(),
    );
    return written;
  }

  /** The statement locks its rows and tells their new versions; only then the commit. */
  #change(beforeCommit: BeforeCommit, statement: (db: Sql) => Promise<Row[]>): Promise<Written[]> {
    return this.#database.run((db) =>
      db.transaction().execute(async (transaction) => {
        const rows = await statement(transaction);
        const written = rows.map((row) => ({ member: row.member, ...knownFrom(row) }));
        if (written.length > 0) await beforeCommit(written);
        return written;
      }),
    );
  }
}

function knownFrom({ version, display_name, avatar_url, country, extra, removed }: Row): Known {
  if (removed) return { version, profile: undefined };
  const profile: Profile = {};
  if (display_name !== null) profile.displayName = display_name;
  if (avatar_url !== null) profile.avatarUrl = avatar_url;
  if (country !== null) profile.country = country;
  if (extra !== null) profile.extra = extra;
  return { version, profile };
}

function rowFrom([member, { displayName, avatarUrl, country, extra }]: [string, Profile]) {
  return {
    member,
    version: NOW,
    display_name: displayName ?? null,
    avatar_url: avatarUrl ?? null,
    country: country ?? null,
    extra: extra === undefined || extra === null ? null : JSON.stringify(extra),
  };
}
