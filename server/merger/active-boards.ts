/**
 * The boards that the merger ticks at present, each with its lease and when its next turn is due.
 *
 * A board that changes has a turn every tick. One that has rested for a second has one a second, unless it is hinted; one that
 * has rested for long is let go, and its lease given back.
 */
import type { OpenBoard } from "../leaderboard/board.ts";
import { type Lease, mergerLease } from "../locks/lease.ts";
import type { RedisStore } from "../redis/store.ts";
import type { BoardMerger } from "./board-merger.ts";

const REST_AFTER_MS = 1_000;
const FAILURES_MAX = 5;

export type ActiveBoard = {
  board: string;
  lease: Lease;
  /** Made when the lease is held; gone when anything went wrong, because its state is derived. */
  merger: BoardMerger | undefined;
  changedAt: number;
  /** Let go after this, unless it changes. */
  until: number;
  dueAt: number;
  hinted: boolean;
  failures: number;
  /** The incarnation of the season whose turn failed last: another one does not wait out its pause. */
  failedLife: string | undefined;
};

export type ActiveOptions = { redis: RedisStore; leaseTtlMs: number; quietMs: number };

export class ActiveBoards {
  readonly #options: ActiveOptions;
  readonly #boards = new Map<string, ActiveBoard>();

  constructor(options: ActiveOptions) {
    this.#options = options;
  }

  has(board: string): boolean {
    return this.#boards.has(board);
  }

  /** The fencing token of a board whose lease is held here. */
  tokenOf(board: string): string | undefined {
    return this.#boards.get(board)?.lease.token;
  }

  /** Look at a board at the next tick. @param forMs how long to keep it if it turns out not to change */
  wake(board: string, forMs = this.#options.quietMs): void {
    const now = performance.now();
    let active = this.#boards.get(board);
    if (!active) {
      const lease = mergerLease(this.#options.redis, board, this.#options.leaseTtlMs);
      active = {
        board,
        lease,
        merger: undefined,
        changedAt: now,
        until: 0,
        dueAt: now,
        hinted: false,
        failures: 0,
        failedLife: undefined,
      };
      this.#boards.set(board, active);
    }
    active.hinted = true;
    active.until = Math.max(active.until, now + forMs);
  }

  /** Those whose turn it is and whose lease is held now. One that another process holds is tried again a little later. */
  async turns(known: ReadonlyMap<string, OpenBoard>): Promise<ActiveBoard[]> {
    const now = performance.now();
    const held = [...this.#boards.values()].map(async (active) => {
      const open = known.get(active.board);
      const isRestored = active.failedLife !== undefined && active.failedLife !== open?.season.incarnation;
      const waiting = active.dueAt > now && !(active.hinted && active.merger) && !isRestored;
      if (!open || waiting) return undefined;
      active.failedLife = undefined;
      if (await active.lease.hold()) return active;
      active.merger = undefined;
      active.dueAt = now + this.#options.leaseTtlMs / 6;
      return undefined;
    });
    const boards = (await Promise.all(held)).filter((active) => active !== undefined);
    // A hint that comes while the turn is on is for the next one.
    for (const active of boards) active.hinted = false;
    return boards;
  }

  /** The turn went well. */
  done(active: ActiveBoard, changed: boolean): void {
    const now = performance.now();
    active.failures = 0;
    if (changed) {
      active.changedAt = now;
      active.until = Math.max(active.until, now + this.#options.quietMs);
    }
    active.dueAt = now - active.changedAt > REST_AFTER_MS ? now + REST_AFTER_MS : 0;
  }

  /** The lease turned out to be another's. */
  fenced(active: ActiveBoard): void {
    active.merger = undefined;
    active.lease.lost();
    active.dueAt = performance.now() + this.#options.leaseTtlMs / 6;
  }

  /** The turn failed: begin anew after a pause, and after several failures let another process try. */
  async failed(active: ActiveBoard, { season }: OpenBoard, pauseMs: number): Promise<void> {
    active.merger = undefined;
    active.failedLife = season.incarnation;
    active.dueAt = performance.now() + pauseMs;
    if (++active.failures < FAILURES_MAX) return;
    active.failures = 0;
    active.dueAt += 2 * this.#options.leaseTtlMs;
    await active.lease.release().catch(() => undefined);
  }

  async letQuietOnesGo(): Promise<void> {
    const now = performance.now();
    for (const [board, active] of this.#boards) {
      if (active.until >= now) continue;
      this.#boards.delete(board);
      await active.lease.release();
    }
  }

  async releaseAll(): Promise<void> {
    const released = [...this.#boards.values()].map(({ lease }) => lease.release().catch(() => undefined));
    await Promise.all(released);
    this.#boards.clear();
  }
}
