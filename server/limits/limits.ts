/**
 * All rate limits of a gateway, each with its kind: quotas by fixed window, sign-ins by sliding window, submissions and connections by
 * token bucket. They are kept in Redis, so that several gateways count together; what belongs to one socket is counted in memory.
 */
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { type Quota, takeFromWindow, type WindowSize } from "./fixed-window.ts";
import type { LimitName, LimitsMetrics } from "./limits-metrics.ts";
import { type BucketSize, LocalBucket } from "./local-bucket.ts";
import { takeAttempt } from "./sliding-window.ts";
import type { ManualClock } from "./subject.ts";
import { TokenBuckets } from "./token-buckets.ts";

export type LimitSizes = {
  /** HTTP requests by who asks. */
  requests: Record<Asker["kind"], WindowSize>;
  signIns: { address: WindowSize; player: WindowSize };
  submissions: { player: BucketSize; socket: BucketSize };
  connections: BucketSize;
};

export type LimitsOptions = {
  redis: RedisStore;
  sizes: LimitSizes;
  /** What a check answers that cannot be made. */
  whenAway: "open" | "closed";
  metrics: LimitsMetrics;
  log: Log;
  clock?: ManualClock;
};

/** Who asks over HTTP. `id` is the key's own text, the player, or the counted address. */
export type Asker = { kind: "key" | "player" | "address"; id: string };

/** After a check that failed Redis is left alone for this long: requests that need no Redis shall not wait for it either. */
const AWAY_MS = 1_000;

export class Limits {
  readonly #options: LimitsOptions;
  readonly #submissions: TokenBuckets;
  readonly #connections: TokenBuckets;
  #awayUntil = 0;

  constructor(options: LimitsOptions) {
    this.#options = options;
    const { redis, sizes, clock } = options;
    this.#submissions = new TokenBuckets(redis, "submissions", sizes.submissions.player, clock);
    this.#connections = new TokenBuckets(redis, "connections", sizes.connections, clock);
  }

  /** Count one HTTP request. @returns undefined where nothing was counted. @throws AppError unavailable */
  async takeRequest({ kind, id }: Asker): Promise<Quota | undefined> {
    const size = this.#options.sizes.requests[kind];
    if (size.limit === 0) return undefined;
    const { redis, clock } = this.#options;
    const quota = await this.#ask(() => takeFromWindow(redis, `requests-${kind}`, id, size, clock));
    if (quota?.refused) this.#options.metrics.limited.inc({ limit: `requests_${kind}` });
    return quota;
  }

  /**
   * One attempt to sign in: by address, where players come from one of their own, and by player, where it is known who it is. The address
   * comes first, so that one that is refused uses up nobody's attempts. @throws AppError limited, unavailable
   */
  async takeSignIn({ address, member }: { address?: string; member?: string }): Promise<void> {
    const { signIns } = this.#options.sizes;
    if (address !== undefined) await this.#attempt("sign_ins_address", address, signIns.address);
    if (member !== undefined) await this.#attempt("sign_ins_player", member, signIns.player);
  }

  /** One submission of a player, over whichever gateway. @throws AppError limited, unavailable */
  async takeSubmission(member: string): Promise<void> {
    if (this.#options.sizes.submissions.player.perSecond === 0) return;
    const waitMs = await this.#ask(() => this.#submissions.take(member));
    if (waitMs) throw this.#limited("submissions_player", waitMs);
  }

  /** One connection from an address, before it is made. @throws AppError limited, unavailable */
  async takeConnection(address: string): Promise<void> {
    if (this.#options.sizes.connections.perSecond === 0) return;
    const waitMs = await this.#ask(() => this.#connections.take(address));
    if (waitMs) throw this.#limited("connections", waitMs);
  }

  /** The submissions of one socket: each call takes one. @throws AppError limited */
  socketSubmissions(): () => void {
    const size = this.#options.sizes.submissions.socket;
    if (size.perSecond === 0) return () => undefined;
    const bucket = new LocalBucket(size);
    return () => {
      const waitMs = bucket.take();
      if (waitMs > 0) throw this.#limited("submissions_socket", waitMs);
    };
  }

  async #attempt(limit: LimitName, subject: string, size: WindowSize): Promise<void> {
    if (size.limit === 0) return;
    const { redis, clock } = this.#options;
    const waitMs = await this.#ask(() => takeAttempt(redis, limit, subject, size, clock));
    if (waitMs) throw this.#limited(limit, waitMs);
  }

  #limited(limit: LimitName, retryAfterMs: number): AppError {
    this.#options.metrics.limited.inc({ limit });
    return new AppError("limited", { retryAfterMs, details: { limit } });
  }

  /** @returns undefined when Redis cannot be asked and LIMITS_WHEN_AWAY is `open`. @throws AppError unavailable when it is `closed` */
  async #ask<T>(check: () => Promise<T>): Promise<T | undefined> {
    if (performance.now() < this.#awayUntil) return this.#away();
    try {
      return await check();
    } catch (error) {
      const known = fromRedisError(error);
      // A full store goes on counting quotas and buckets; a sign-in, which it has no room for, is refused as `store_full`.
      if (known.code !== "unavailable") throw known;
      this.#awayUntil = performance.now() + AWAY_MS;
      this.#options.log.debug({ err: error }, "limits could not be checked");
      return this.#away();
    }
  }

  #away(): undefined {
    const answer = this.#options.whenAway;
    this.#options.metrics.unchecked.inc({ answer });
    if (answer === "open") return undefined;
    throw new AppError("unavailable", {
      message: "The limits cannot be checked while Redis is away.",
      retryAfterMs: AWAY_MS,
    });
  }
}
