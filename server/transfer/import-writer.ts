/**
 * The writing of an import: entries to their shards, in calls of at most DIRECT_MAX, one call after the other on a shard and all shards at
 * once. A call that failed is made again: what it writes is absolute, so twice is as once.
 */
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { DIRECT_MAX, type DirectEntry, type PutOptions, putEntries } from "../leaderboard/direct-writes.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ImportEntry } from "./import-entry.ts";

/** `put` writes what the lines say, `best` only what is better than what is there, `absent` only who is not there. */
export type ImportMode = "put" | "best" | "absent";

export type WriterOptions = {
  redis: RedisStore;
  open: OpenBoard;
  hasher: Hasher;
  limits: DedupLimits;
  mode: ImportMode;
  dryRun: boolean;
  /** ms that one call is tried, and that a full score log is waited for. */
  patienceMs: number;
  /** Before each call to a shard. @throws AppError season_closed where the season takes nothing any more, board_not_found, unavailable */
  checkOpen: (open: OpenBoard) => Promise<void>;
  /** Before an entry of a banned member comes into being. */
  markBanned: (open: OpenBoard, member: string) => Promise<void> | undefined;
};

/** Of entries: what became of them. */
export type Written = { written: number; unchanged: number; skipped: number; dirty: boolean };

/** An import stops short of a full score log, so that it is not the reason why submissions find it full. */
const LOG_SHARE = 0.75;
const WAITS = { firstMs: 20, capMs: 500 };
const TRIED_AGAIN = new Set(["unavailable", "log_full"]);

export class ImportWriter {
  readonly #options: WriterOptions;
  readonly #carefully: DedupLimits;
  /** False once a log stayed full under LOG_FULL=gap: nobody reads it, so it is written to as submissions do. */
  #spares = true;

  constructor(options: WriterOptions) {
    this.#options = options;
    const { logEntriesMax, logBytesMax } = options.limits;
    this.#carefully = {
      ...options.limits,
      logEntriesMax: Math.ceil(logEntriesMax * LOG_SHARE),
      logBytesMax: Math.ceil(logBytesMax * LOG_SHARE),
      logFull: "refuse",
    };
  }

  /** @throws AppError season_closed, store_lost, store_full; unavailable, log_full after the patience */
  async write(entries: readonly ImportEntry[]): Promise<Written> {
    const { open, hasher } = this.#options;
    const shards = new Map<number, ImportEntry[]>();
    for (const one of entries) {
      const shard = hasher.shardOf(one.entry.member, open.board.shards);
      const list = shards.get(shard);
      if (list) list.push(one);
      else shards.set(shard, [one]);
    }
    const sum: Written = { written: 0, unchanged: 0, skipped: 0, dirty: false };
    const settled = await Promise.allSettled(
      [...shards].map(([shard, list]) => this.#toShard(shard, list, sum)),
    );
    for (const one of settled) if (one.status === "rejected") throw one.reason;
    return sum;
  }

  async #toShard(shard: number, list: readonly ImportEntry[], sum: Written): Promise<void> {
    for (let at = 0; at < list.length; ) {
      const { exact } = list[at]!;
      const entries: DirectEntry[] = [];
      // One call compares keys in one way.
      while (at < list.length && entries.length < DIRECT_MAX && list[at]!.exact === exact) {
        entries.push(list[at++]!.entry);
      }
      await this.#markBanned(entries);
      const { dirty, members } = await this.#put(shard, entries, exact);
      sum.dirty ||= dirty;
      for (const { outcome } of members) {
        sum[outcome === "put" ? "written" : outcome === "same" ? "unchanged" : "skipped"]++;
      }
    }
  }

  async #markBanned(entries: readonly DirectEntry[]): Promise<void> {
    const { open, markBanned, dryRun } = this.#options;
    if (dryRun) return;
    for (const { member } of entries) {
      const marked = markBanned(open, member);
      if (marked !== undefined) await marked;
    }
  }

  async #put(shard: number, entries: readonly DirectEntry[], exact: boolean) {
    const { redis, open, limits, mode, dryRun, patienceMs, checkOpen } = this.#options;
    const options: Omit<PutOptions, "limits"> = {
      onlyOpen: true,
      same: exact ? "exact" : "columns",
      ...(mode === "best" ? { onlyBetter: true } : {}),
      ...(mode === "absent" ? { onlyAbsent: true } : {}),
      ...(dryRun ? { dry: true } : {}),
    };
    const startedAt = performance.now();
    for (let attempt = 0; ; attempt++) {
      try {
        await checkOpen(open);
        const bounds = this.#spares ? this.#carefully : limits;
        return await putEntries(redis, open, shard, entries, { ...options, limits: bounds });
      } catch (error) {
        if (!(error instanceof AppError) || !TRIED_AGAIN.has(error.code)) throw error;
        if (performance.now() - startedAt > patienceMs) {
          if (error.code !== "log_full" || limits.logFull === "refuse" || !this.#spares) throw error;
          this.#spares = false;
        } else await sleep(backoffMs(attempt, WAITS));
      }
    }
  }
}
