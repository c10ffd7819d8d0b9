/**
 * Player sessions: an opaque token, of which Redis holds only the SHA-256 of the secret, with a sliding expiry and a hard end.
 *
 * The token is `<tag>.<secret>`; the tag is a short hash of the player. [R 11] All sessions of a tag are one HASH in one slot, so that
 * opening, the cap and revoking all of them are one script each, and none can slip through between two calls.
 */
import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import { sessionsKey } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";

export type SessionLimits = {
  /** Ends after this long without use. */
  idleMs: number;
  /** Ends at this age whatever happens. */
  maxMs: number;
  /** Sessions of one player; one more ends the one that was not used for longest. */
  keptMax: number;
};

export type Session = { member: string; expiresAtMs: number };

const TOKEN = /^([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{43})$/;

export class Sessions {
  readonly #redis: RedisStore;
  readonly #limits: SessionLimits;

  constructor(redis: RedisStore, limits: SessionLimits) {
    this.#redis = redis;
    this.#limits = limits;
  }

  /** @returns the token, which is shown this once */
  async open(member: string): Promise<Session & { token: string }> {
    const tag = tagOf(member);
    const secret = randomBytes(32).toString("base64url");
    const { idleMs, maxMs, keptMax } = this.#limits;
    const args = [sha256(secret), member, idleMs, maxMs, keptMax];
    const { rest } = await this.#run("sessions/open", tag, args, ["opened"]);
    return { token: `${tag}.${secret}`, member, expiresAtMs: Number(rest[0]) };
  }

  /** Whose token it is; pushes the expiry on. @throws AppError unauthorized */
  async touch(token: string): Promise<Session> {
    const [, tag, secret] = TOKEN.exec(token) ?? [];
    if (tag === undefined || secret === undefined) throw new AppError("unauthorized");
    const args = [sha256(secret), this.#limits.idleMs];
    const answer = await this.#run("sessions/touch", tag, args, ["live", "unknown"]);
    if (answer.tag === "unknown") {
      throw new AppError("unauthorized", { message: "The session has ended or never was." });
    }
    return { member: String(answer.rest[0]), expiresAtMs: Number(answer.rest[1]) };
  }

  /** From here on no token of the player works. @returns how many sessions there were */
  async revokeAll(member: string): Promise<number> {
    const { rest } = await this.#run("sessions/revoke_all", tagOf(member), [member], ["revoked"]);
    return Number(rest[0]);
  }

  async #run<T extends string>(
    script: `sessions/${string}`,
    tag: string,
    args: (string | number)[],
    tags: readonly T[],
  ) {
    try {
      return tagged(await runScript(this.#redis, script, [sessionsKey(tag)], args), tags);
    } catch (error) {
      throw fromRedisError(error);
    }
  }
}

function tagOf(member: string): string {
  return createHash("sha256").update(member).digest("base64url").slice(0, 8);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
