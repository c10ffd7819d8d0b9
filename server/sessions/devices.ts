/**
 * Anonymous sign-in: a device shows a secret that it chose itself, and is the same member each time. Later it can be linked to a named
 * player and is that player from then on. The table holds the SHA-256 of the secret. Scores stay with the member who earned them.
 */
import { randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import type { Database, Sql } from "../database/database.ts";
import type { DeviceRow } from "../database/table-types.ts";
import { sha256 } from "./key-text.ts";

export const ANONYMOUS_PREFIX = "anon-";

export type DeviceMember = { member: string; anonymous: boolean };

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
