/**
 * Player sessions: an opaque token, of which Redis holds only the SHA-256 of the secret, with a sliding expiry and a hard end.
 *
 * The token is `<tag>.<secret>`; the tag is a short hash of the player, so that all of a player's sessions share a slot.
 */
import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import { sessionKey } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";

export type SessionLimits = {
  /** Ends after this long without use. */
  idleMs: number;
  /** Ends at this age whatever happens. */
  maxMs: number;
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
    const tag = createHash("sha256").update(member).digest("base64url").slice(0, 8);
    const secret = randomBytes(32).toString("base64url");
    const { idleMs, maxMs } = this.#limits;
    const { rest } = await this.#run(
      "sessions/open",
      keyOf(tag, secret),
      [member, idleMs, maxMs],
      ["opened"],
    );
    return { token: `${tag}.${secret}`, member, expiresAtMs: Number(rest[0]) };
  }

  /** Whose token it is; pushes the expiry on. @throws AppError unauthorized */
  async touch(token: string): Promise<Session> {
    const parts = TOKEN.exec(token);
    if (!parts) throw new AppError("unauthorized");
    const key = keyOf(parts[1]!, parts[2]!);
    const { tag, rest } = await this.#run("sessions/touch", key, [this.#limits.idleMs], ["live", "unknown"]);
    if (tag === "unknown")
      throw new AppError("unauthorized", { message: "The session has ended or never was." });
    return { member: String(rest[0]), expiresAtMs: Number(rest[1]) };
  }

  async #run<T extends string>(
    script: `sessions/${string}`,
    key: string,
    args: (string | number)[],
    tags: readonly T[],
  ) {
    try {
      return tagged(await runScript(this.#redis, script, [key], args), tags);
    } catch (error) {
      throw fromRedisError(error);
    }
  }
}

function keyOf(tag: string, secret: string): string {
  return sessionKey(tag, createHash("sha256").update(secret).digest("hex"));
}
