/**
 * Player sessions: an opaque token, of which Redis holds only the SHA-256 of the secret, with a sliding expiry and a hard end.
 *
 * The token is `<tag>.<secret>`; the tag is a short hash of the player. [R 11] All sessions of a tag are one HASH in one slot, so that
 * opening, the cap, and revoking one or all of them are one script each, and none can slip through between two calls. A session's
 * public id is the beginning of that SHA-256: it names the session to people and opens nothing.
 */
import { createHash, randomBytes } from "node:crypto";
import { AppError } from "../base/errors.ts";
import { settleAll } from "../redis/batch.ts";
import type { Call } from "../redis/call.ts";
import { sessionsKey } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import { runScript, type ScriptName } from "../redis/scripts.ts";
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

/** `evicted`: how many sessions of the player it pushed out. */
export type OpenedSession = Session & { token: string; id: string; evicted: number };

/** By whom or what the player was signed in. */
export type SignInWay = "server" | "jwt" | "device";

/** As Redis keeps them: a session's text is short, so that Redis can keep it in little memory. */
const LETTERS: Record<SignInWay, string> = { server: "s", jwt: "j", device: "d" };
const WAYS = Object.fromEntries(Object.entries(LETTERS).map(([way, letter]) => [letter, way as SignInWay]));

/** A session as it may be shown. Times in ms since the Unix epoch, by Redis's clock. */
export type ListedSession = {
  id: string;
  how: SignInWay;
  createdAtMs: number;
  usedAtMs: number;
  expiresAtMs: number;
  /** Whatever happens. */
  endsAtMs: number;
};

const TOKEN = /^([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{43})$/;
const ID_LENGTH = 16;
const LISTED_FIELDS = 6;

export class Sessions {
  readonly #redis: RedisStore;
  readonly #limits: SessionLimits;

  constructor(redis: RedisStore, limits: SessionLimits) {
    this.#redis = redis;
    this.#limits = limits;
  }

  /** @returns the token, which is shown this once */
  async open(member: string, how: SignInWay = "server"): Promise<OpenedSession> {
    const tag = tagOf(member);
    const secret = randomBytes(32).toString("base64url");
    const hash = sha256(secret);
    const { idleMs, maxMs, keptMax } = this.#limits;
    const args = [hash, member, LETTERS[how], idleMs, maxMs, keptMax];
    const { rest } = await this.#run("sessions/open", tag, args, ["opened"]);
    const [expiresAtMs, evicted] = rest.map(Number) as [number, number];
    return { token: `${tag}.${secret}`, id: idOf(hash), member, expiresAtMs, evicted };
  }

  /** Whose token it is; pushes the expiry on. @throws AppError unauthorized */
  async touch(token: string): Promise<Session> {
    const { tag, hash } = partsOf(token);
    const answer = await this.#run("sessions/touch", tag, [hash, this.#limits.idleMs], ["live", "unknown"]);
    if (answer.tag === "unknown") {
      throw new AppError("unauthorized", { message: "The session has ended or never was." });
    }
    return { member: String(answer.rest[0]), expiresAtMs: Number(answer.rest[1]) };
  }

  /**
   * As `touch`, for many tokens in one round trip to each Redis. Never rejects.
   * @returns for each that its session is over, or when it expires unless it is used; undefined where Redis did not answer
   */
  async touchAll(tokens: readonly string[]): Promise<("over" | number | undefined)[]> {
    const calls = tokens.map((token): Call => {
      const { tag, hash } = partsOf(token);
      const keys = [sessionsKey(tag)];
      return { script: "sessions/touch", keys, args: [hash, this.#limits.idleMs] };
    });
    const outcomes = await settleAll(this.#redis, calls);
    return outcomes.map((outcome) => {
      if (!("reply" in outcome)) return undefined;
      const { tag, rest } = tagged(outcome.reply, ["live", "unknown"]);
      return tag === "unknown" ? "over" : Number(rest[1]);
    });
  }

  /** The player's live sessions, the last used one first. Looking is not using. */
  async list(member: string): Promise<ListedSession[]> {
    const { rest } = await this.#run("sessions/list", tagOf(member), [member], ["sessions"]);
    const flat = rest as string[];
    const listed: ListedSession[] = [];
    for (let at = 0; at < flat.length; at += LISTED_FIELDS) {
      const [hash = "", created, used, expires, ends, letter = ""] = flat.slice(at, at + LISTED_FIELDS);
      listed.push({
        id: idOf(hash),
        how: WAYS[letter] ?? "server",
        createdAtMs: Number(created),
        usedAtMs: Number(used),
        expiresAtMs: Number(expires),
        endsAtMs: Number(ends),
      });
    }
    return listed.sort((a, b) => b.usedAtMs - a.usedAtMs || (a.id < b.id ? -1 : 1));
  }

  /** End one of the player's sessions by its public id. @returns how many there were, 0 or 1 */
  async revoke(member: string, id: string): Promise<number> {
    const { rest } = await this.#run("sessions/revoke", tagOf(member), [member, id], ["revoked"]);
    return Number(rest[0]);
  }

  /** From here on no token of the player works. @returns how many sessions there were */
  async revokeAll(member: string): Promise<number> {
    const { rest } = await this.#run("sessions/revoke_all", tagOf(member), [member], ["revoked"]);
    return Number(rest[0]);
  }

  async #run<T extends string>(
    script: ScriptName,
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

/** The public id of a token's session. @throws AppError unauthorized when it is none */
export function sessionIdOf(token: string): string {
  return idOf(partsOf(token).hash);
}

/** Under what Redis knows a token's session. @throws AppError unauthorized when it is none */
export function sessionHashOf(token: string): string {
  return partsOf(token).hash;
}

function partsOf(token: string): { tag: string; hash: string } {
  const [, tag, secret] = TOKEN.exec(token) ?? [];
  if (tag === undefined || secret === undefined) throw new AppError("unauthorized");
  return { tag, hash: sha256(secret) };
}

function idOf(hash: string): string {
  return hash.slice(0, ID_LENGTH);
}

function tagOf(member: string): string {
  return createHash("sha256").update(member).digest("base64url").slice(0, 8);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
