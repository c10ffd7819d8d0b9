/**
 * Anonymous sign-in: a device shows a secret that it chose itself, and is the same member each time. Later it can be linked to a named
 * player and is that player from then on. The table holds the SHA-256 of the secret. Scores stay with the member who earned them.
 */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { AppError } from "../base/errors.ts";
import type { Database, Sql } from "../database/database.ts";
import type { DeviceRow } from "../database/table-types.ts";
import { sha256 } from "./key-text.ts";

export const ANONYMOUS_PREFIX = "anon-";

export type DeviceMember = { member: string; anonymous: boolean };

/** A device as it may be shown. The id is the beginning of the stored hash: it names the device to people and opens nothing. */
export type ListedDevice = { id: string; anonymous: boolean; createdAt: Date; linkedAt: Date | null };

const ID_LENGTH = 16;
/** Where a device stands in its member's list: when it was made, in microseconds since the Unix epoch, and its id. */
const PLACE = /^(\d{1,18}) ([0-9a-f]{16})$/;
const publicId = sql<string>`left(encode(device_hash, 'hex'), ${sql.lit(ID_LENGTH)})`;
/** To the last digit that PostgreSQL keeps: a Date has milliseconds only. */
const createdMicros = sql<string>`(extract(epoch from created_at) * 1000000)::bigint`;

export class Devices {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Whose device it is; a new one becomes an anonymous member. @throws AppError unavailable */
  signIn(secret: string): Promise<DeviceMember> {
    const hash = sha256(secret);
    return this.#database.run(async (db) => {
      const known = await deviceOf(db, hash);
      if (known) return known;
      const member = ANONYMOUS_PREFIX + randomBytes(12).toString("base64url");
      await db
        .insertInto("devices")
        .values({ device_hash: hash, member, anonymous: true })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      // Of two first sign-ins at once one has made the row.
      return (await deviceOf(db, hash)) as DeviceRow;
    });
  }

  /** @throws AppError unavailable */
  memberOf(secret: string): Promise<string | undefined> {
    return this.#database.run(async (db) => (await deviceOf(db, sha256(secret)))?.member);
  }

  /**
   * The member's devices, the newest first.
   * @param after the `place` of the last one of the page before, which may be gone meanwhile
   * @throws AppError cursor_invalid when it is no place, unavailable
   */
  list(member: string, limit: number, after?: string): Promise<(ListedDevice & { place: string })[]> {
    const [, micros, id] = PLACE.exec(after ?? "") ?? [];
    if (after !== undefined && micros === undefined) throw new AppError("cursor_invalid");
    return this.#database.run((db) => {
      const all = db
        .selectFrom("devices")
        .select([publicId.as("id"), "anonymous", "created_at as createdAt", "linked_at as linkedAt"])
        .select(sql<string>`${createdMicros} || ' ' || ${publicId}`.as("place"))
        .where("member", "=", member)
        .orderBy("created_at", "desc")
        .orderBy(publicId, "desc")
        .limit(limit);
      if (micros === undefined) return all.execute();
      return all.where(sql<boolean>`(${createdMicros}, ${publicId}) < (${micros}::bigint, ${id})`).execute();
    });
  }

  /**
   * Take a device from the member, or all of them: its secret is nobody's from then on, and would begin as a new anonymous member.
   * Sessions that it opened are not ended by this. @returns how many there were. @throws AppError unavailable
   */
  async remove(member: string, id?: string): Promise<number> {
    const { numDeletedRows } = await this.#database.run((db) => {
      const own = db.deleteFrom("devices").where("member", "=", member);
      return (id === undefined ? own : own.where(publicId, "=", id)).executeTakeFirst();
    });
    return Number(numDeletedRows);
  }

  /**
   * From here on the device is the player's. Linking it again to the same player changes nothing.
   * @param endSessions of the anonymous member that the device was; when it fails nothing is linked
   * @returns that member, undefined when there was none
   * @throws AppError device_linked when it is somebody else's, bad_request when the player is anonymous, unavailable
   */
  link(
    secret: string,
    player: string,
    endSessions: (member: string) => Promise<void>,
  ): Promise<string | undefined> {
    const hash = sha256(secret);
    return this.#database.run((db) =>
      db.transaction().execute(async (within) => {
        await refuseAnonymous(within, player);
        await within
          .insertInto("devices")
          .values({ device_hash: hash, member: player, anonymous: false, linked_at: new Date() })
          .onConflict((conflict) => conflict.doNothing())
          .execute();
        const device = await deviceOf(within, hash, "for update");
        if (!device) throw new AppError("unavailable", { message: "The device was removed meanwhile." });
        if (!device.anonymous) {
          if (device.member === player) return undefined;
          throw new AppError("device_linked");
        }
        await endSessions(device.member);
        await within
          .updateTable("devices")
          .set({ member: player, anonymous: false, linked_at: new Date() })
          .where("device_hash", "=", hash)
          .execute();
        return device.member;
      }),
    );
  }
}

function deviceOf(db: Sql, hash: Buffer, lock?: "for update"): Promise<DeviceRow | undefined> {
  const query = db.selectFrom("devices").selectAll().where("device_hash", "=", hash);
  return (lock ? query.forUpdate() : query).executeTakeFirst();
}

async function refuseAnonymous(db: Sql, player: string): Promise<void> {
  const anonymous = await db
    .selectFrom("devices")
    .select("member")
    .where("member", "=", player)
    .where("anonymous", "=", true)
    .limit(1)
    .execute();
  if (anonymous.length > 0)
    throw new AppError("bad_request", {
      message: "Link with the session of a named player, not of a device.",
    });
}
