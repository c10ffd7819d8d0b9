/**
 * The copies of profiles in Redis: one hash a member, with the version below which nothing may come, and who is filling it [R 12].
 *
 * A write that the cache did not hear of is remembered here and told to it before anything is read from it again. When more of them
 * come together than may be remembered, nothing is read until every copy that they may concern has run out.
 */
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import { newId } from "../base/ids.ts";
import { type Call, type Outcome, settleAll } from "../redis/batch.ts";
import { profileKey } from "../redis/keys.ts";
import { fromRedisError, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ProfileMetrics } from "./profile-metrics.ts";
import type { Known } from "./profile-store.ts";

export type CacheTimes = {
  /** The longest life of a copy; each gets 90 to 100 % of it, so that copies made together do not go together. */
  ttlMs: number;
  /** A copy of this age (as above) is refreshed by its next reader, who does not wait for it. */
  refreshMs: number;
  /** The same as `ttlMs`, of "no such profile". */
  negativeTtlMs: number;
  /** How long one process may take to fill before another may. */
  leaseMs: number;
  /** How long the version of a write stands without a copy: longer than a transaction. */
  tombstoneMs: number;
  /** Writes to remember while the cache is away. */
  untoldMax: number;
};

export type CacheOptions = CacheTimes & {
  redis: RedisStore;
  metrics: ProfileMetrics;
  /** ms since the Unix epoch. */
  now: () => number;
  /** 0 to 1. */
  random: () => number;
};

/** `refresh` names the copy: when it is to be refreshed, in ms since the Unix epoch, as text. */
export type Copy = Known & { refresh: string };
/** `away`: the cache cannot be asked. */
export type Read = Copy | "none" | "away";
export type Taken = { token: string } | { copy: Copy } | "wait" | "away";
export type Fill = Known & { member: string; token: string };

/** After trouble, reads leave the cache alone for this long. */
const PAUSE_MS = 500;

export class ProfileCache {
  readonly #options: CacheOptions;
  /** Member → version: writes that the cache has not heard of. */
  readonly #untold = new Map<string, number>();
  #pausedUntil = 0;
  #distrustedUntil = 0;

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  /** Writes that the cache has not heard of. */
  get untold(): number {
    return this.#untold.size;
  }

  isDue({ refresh }: Copy): boolean {
    return Number(refresh) <= this.#options.now();
  }

  /** One pipeline. Never rejects. */
  async read(members: readonly string[]): Promise<Map<string, Read>> {
    if (this.#isAway()) return new Map(members.map((member) => [member, "away"]));
    const told = this.#tell();
    const calls = members.map(
      (member): Call => ({ command: "HMGET", key: profileKey(member), args: ["v", "r", "b"] }),
    );
    const outcomes = await this.#settle([...told.calls, ...calls]);
    const allTold = told.done(outcomes.splice(0, told.calls.length));
    return new Map(
      members.map((member, i): [string, Read] => {
        const outcome = outcomes[i]!;
        if (!allTold || "error" in outcome) return [member, "away"];
        return [member, copyFrom(outcome.reply as (string | null)[]) ?? "none"];
      }),
    );
  }

  /** Ask for the right to fill, for each member; `seen` is the copy that is to be refreshed. Never rejects. */
  async take(wanted: ReadonlyMap<string, Copy | undefined>): Promise<Map<string, Taken>> {
    const tokens = Array.from(wanted, ([member, seen]) => ({ member, seen, token: newId() }));
    const { leaseMs } = this.#options;
    const outcomes = await this.#settle(
      tokens.map(({ member, seen, token }) =>
        script("take", member, [token, leaseMs, seen ? seen.refresh : ""]),
      ),
    );
    return new Map(
      tokens.map(({ member, token }, i): [string, Taken] => {
        const outcome = outcomes[i]!;
        if ("error" in outcome) return [member, "away"];
        const { tag, rest } = tagged(outcome.reply, ["fill", "wait", "there"]);
        if (tag === "fill") return [member, { token }];
        if (tag === "wait") return [member, "wait"];
        return [member, { copy: copyFrom(rest as string[])! }];
      }),
    );
  }

  /** Bring what was read from the database; what must not be stored is not. Never rejects. */
  async fill(fills: readonly Fill[]): Promise<void> {
    const { ttlMs, refreshMs, negativeTtlMs, now, random, metrics } = this.#options;
    const calls = fills.map(({ member, token, version, profile }) => {
      const share = 0.9 + 0.1 * random();
      const ttl = Math.max(1, Math.round((profile ? ttlMs : negativeTtlMs) * share));
      const refresh = Math.round(now() + (profile ? refreshMs * share : ttl));
      const body = profile ? JSON.stringify(profile) : "";
      return script("fill", member, [token, version, refresh, ttl, body]);
    });
    for (const outcome of await this.#settle(calls)) {
      if ("error" in outcome) continue;
      metrics.fills.inc({ outcome: tagged(outcome.reply, ["stored", "refused"]).tag });
    }
  }

  /** Give rights to fill back. Never rejects. */
  async release(tokens: ReadonlyMap<string, string>): Promise<void> {
    await this.#settle(Array.from(tokens, ([member, token]) => script("release", member, [token])));
  }

  /** Tell of new versions, or remember to tell. Never rejects. */
  async outdate(versions: Iterable<{ member: string; version: number }>): Promise<void> {
    for (const { member, version } of versions) {
      this.#untold.set(member, Math.max(version, this.#untold.get(member) ?? 0));
    }
    await this.tell();
    if (this.#untold.size <= this.#options.untoldMax) return;
    this.#untold.clear();
    this.#distrustedUntil = this.#options.now() + this.#options.ttlMs;
  }

  /** Tell what the cache has not heard of. Never rejects. */
  async tell(): Promise<void> {
    const told = this.#tell();
    told.done(await this.#settle(told.calls));
  }

  #tell(): { calls: Call[]; done: (outcomes: Outcome[]) => boolean } {
    const versions = [...this.#untold];
    const { tombstoneMs } = this.#options;
    return {
      calls: versions.map(([member, version]) => script("outdate", member, [version, tombstoneMs])),
      done: (outcomes) => {
        for (const [i, [member, version]] of versions.entries()) {
          if ("reply" in outcomes[i]! && this.#untold.get(member) === version) this.#untold.delete(member);
        }
        return outcomes.every((outcome) => "reply" in outcome);
      },
    };
  }

  #isAway(): boolean {
    const now = this.#options.now();
    return now < this.#pausedUntil || now < this.#distrustedUntil;
  }

  async #settle(calls: readonly Call[]): Promise<Outcome[]> {
    const outcomes = await settleAll(this.#options.redis, calls);
    const failed = outcomes.filter((outcome) => "error" in outcome);
    if (failed.length > 0) this.#options.metrics.trouble.inc();
    const isAway = failed.length === outcomes.length && failed.some(({ error }) => isUnavailable(error));
    if (isAway && outcomes.length > 0) this.#pausedUntil = this.#options.now() + PAUSE_MS;
    return outcomes;
  }
}

function script(name: string, member: string, args: (string | number)[]): Call {
  return { script: `profiles/${name}`, keys: [profileKey(member)], args };
}

function copyFrom([version, refresh, body]: (string | null)[]): Copy | undefined {
  if (body == null || version == null || refresh == null) return undefined;
  const profile = body === "" ? undefined : (JSON.parse(body) as Profile);
  return { version: Number(version), profile, refresh };
}

function isUnavailable(error: unknown): boolean {
  return fromRedisError(error).code === "unavailable";
}
