/**
 * A lock with an end time, renewed by its holder, with a fencing token that only grows.
 *
 * The time to live is for liveness only; what protects the data is the token, which the resource compares: the holder of a lease
 * that has run out does not know it, and must be refused where it writes.
 */
import {
  banLeaseKeys,
  importLeaseKeys,
  leaseKeys,
  logLeaseKeys,
  rewardLeaseKeys,
  seasonLeaseKeys,
  topEventsLeaseKeys,
} from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";

/** The lease under which one merger at a time works on a board; its keys are in the slot of the board's feed. */
export function mergerLease(redis: RedisStore, board: string, ttlMs: number): Lease {
  return new Lease(redis, leaseKeys(board), { ttlMs });
}

/** The lease under which one process at a time rolls a board over, or brings its old seasons into the archive. */
export function seasonLease(
  redis: RedisStore,
  board: string,
  work: "rollover" | "archive",
  ttlMs: number,
): Lease {
  return new Lease(redis, seasonLeaseKeys(board, work), { ttlMs });
}

/** The lease under which one archiver at a time reads a board's score logs. */
export function archiverLease(redis: RedisStore, board: string, ttlMs: number): Lease {
  return new Lease(redis, logLeaseKeys(board), { ttlMs });
}

/** The lease under which one process at a time carries bans out. */
export function banLease(redis: RedisStore, ttlMs: number): Lease {
  return new Lease(redis, banLeaseKeys, { ttlMs });
}

/** The lease under which one process at a time grants rewards. */
export function rewardLease(redis: RedisStore, ttlMs: number): Lease {
  return new Lease(redis, rewardLeaseKeys, { ttlMs });
}

/** The lease under which one process at a time tells of changes at the top of boards. */
export function topEventsLease(redis: RedisStore, ttlMs: number): Lease {
  return new Lease(redis, topEventsLeaseKeys, { ttlMs });
}

/** The lease under which one import at a time writes into a board. */
export function importLease(redis: RedisStore, board: string, ttlMs: number): Lease {
  return new Lease(redis, importLeaseKeys(board), { ttlMs });
}

export type LeaseKeys = { lease: string; token: string };

export class Lease {
  readonly #redis: RedisStore;
  readonly #keys: LeaseKeys;
  readonly #ttlMs: number;
  #token: string | undefined;
  #renewedAt = 0;

  constructor(redis: RedisStore, keys: LeaseKeys, { ttlMs }: { ttlMs: number }) {
    this.#redis = redis;
    this.#keys = keys;
    this.#ttlMs = ttlMs;
  }

  /** The fencing token while the lease is believed to be held. */
  get token(): string | undefined {
    return this.#token;
  }

  /** Hold the lease: take it, or renew it once a third of its time has passed. @returns false when somebody else has it */
  async hold(): Promise<boolean> {
    const now = performance.now();
    if (this.#token === undefined) return this.#acquire(now);
    if (now - this.#renewedAt < this.#ttlMs / 3) return true;
    const reply = await runScript(this.#redis, "locks/renew", [this.#keys.lease], [this.#token, this.#ttlMs]);
    if (tagged(reply, ["renewed", "lost"]).tag === "lost") {
      this.#token = undefined;
      return false;
    }
    this.#renewedAt = now;
    return true;
  }

  /** The resource refused the token: it is not ours any more. */
  lost(): void {
    this.#token = undefined;
  }

  async release(): Promise<void> {
    const token = this.#token;
    if (token === undefined) return;
    this.#token = undefined;
    await runScript(this.#redis, "locks/release", [this.#keys.lease], [token]);
  }

  async #acquire(now: number): Promise<boolean> {
    const reply = await runScript(
      this.#redis,
      "locks/acquire",
      [this.#keys.lease, this.#keys.token],
      [this.#ttlMs],
    );
    const { tag, rest } = tagged(reply, ["acquired", "held"]);
    if (tag === "held") return false;
    this.#token = String(rest[0]);
    this.#renewedAt = now;
    return true;
  }
}
