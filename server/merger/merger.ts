/**
 * The merger of all boards: paced ticks over the active ones under a lease each, a slow sweep over the rest.
 *
 * A board is active when ingest has marked or hinted it, or when the sweep finds its versions changed; after some quiet time its
 * lease is given back and it costs nothing but its share of the sweep.
 */
import type { Redis } from "ioredis";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { FeedLimits } from "../feed/feed-store.ts";
import { activeSince, listenForHints, MARK_EVERY_MS } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type BoardState, FencedError, readStates } from "../leaderboard/top-reader.ts";
import { type Lease, mergerLease } from "../locks/lease.ts";
import { BoardMerger } from "./board-merger.ts";
import type { MergerMetrics } from "./merger-metrics.ts";
import { Sweep } from "./sweep.ts";

export type MergerOptions = {
  redis: Redis;
  subscriber: Redis;
  /** Every known board. */
  boards: () => OpenBoard[];
  now: () => number;
  log: Log;
  metrics: MergerMetrics;
  feed: FeedLimits;
  tickMs: number;
  leaseTtlMs: number;
  /** A board without changes for this long is let go. */
  quietMs: number;
  /** Every board is looked at within this time, unless the budget stretches it. */
  sweepMs: number;
  /** Shards looked at per second by the sweep, at most. */
  sweepShardsPerSecond: number;
};

type Active = { lease: Lease; merger: BoardMerger | undefined; changedAt: number; retryAt: number };

export class Merger {
  readonly #options: MergerOptions;
  readonly #active = new Map<string, Active>();
  readonly #sweep: Sweep;
  readonly #loop: Loop;
  #marksReadAt = Number.NEGATIVE_INFINITY;

  constructor(options: MergerOptions) {
    this.#options = options;
    this.#sweep = new Sweep(options);
    const onError = (error: unknown): void => options.log.warn({ err: error }, "merger tick failed");
    this.#loop = new Loop({ everyMs: options.tickMs, step: () => this.#tick(), onError });
  }

  async start(): Promise<void> {
    await listenForHints(this.#options.subscriber, (board) => this.#wake(board));
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    const released = [...this.#active.values()].map(({ lease }) => lease.release().catch(() => undefined));
    await Promise.all(released);
    this.#active.clear();
  }

  /** Boards that are ticked at present. */
  get activeBoards(): string[] {
    return [...this.#active.keys()];
  }

  #wake(board: string): void {
    const active = this.#active.get(board);
    if (active) {
      active.changedAt = performance.now();
      return;
    }
    const { redis, leaseTtlMs } = this.#options;
    const lease = mergerLease(redis, board, leaseTtlMs);
    this.#active.set(board, { lease, merger: undefined, changedAt: performance.now(), retryAt: 0 });
  }

  async #tick(): Promise<void> {
    const startedAt = performance.now();
    const boards = new Map(this.#options.boards().map((open) => [open.board.id, open]));
    await this.#readMarks(startedAt, boards);
    for (const board of await this.#sweep.changed([...boards.values()], this.#active)) this.#wake(board);
    const held = await this.#heldBoards(boards);
    if (held.length > 0) {
      const states = await readStates(this.#options.redis, held);
      await Promise.all(held.map((open, i) => this.#tickBoard(open, states[i]!)));
      this.#options.metrics.tickSeconds.observe((performance.now() - startedAt) / 1000);
    }
    await this.#letQuietOnesGo();
  }

  /** Once a second: boards that ingest marked, whether or not their hints arrived. */
  async #readMarks(nowMs: number, boards: Map<string, OpenBoard>): Promise<void> {
    if (nowMs - this.#marksReadAt < 1_000) return;
    const marked = await activeSince(this.#options.redis, this.#options.now() - 2 * MARK_EVERY_MS);
    this.#marksReadAt = nowMs;
    for (const board of marked) if (boards.has(board)) this.#wake(board);
  }

  /** The active boards whose lease this process holds. One that another holds is tried again a little later. */
  async #heldBoards(boards: Map<string, OpenBoard>): Promise<OpenBoard[]> {
    const now = performance.now();
    const held = [...this.#active].map(async ([board, active]) => {
      const open = boards.get(board);
      if (!open || active.retryAt > now) return undefined;
      if (await active.lease.hold()) return open;
      active.merger = undefined;
      active.retryAt = now + this.#options.leaseTtlMs / 6;
      return undefined;
    });
    return (await Promise.all(held)).filter((open) => open !== undefined);
  }

  async #tickBoard(open: OpenBoard, state: BoardState): Promise<void> {
    const active = this.#active.get(open.board.id)!;
    const { redis, feed, metrics, log } = this.#options;
    try {
      active.merger ??= new BoardMerger({ redis, open, token: active.lease.token!, limits: feed });
      if ((await active.merger.tick(open, state)) === "published") {
        metrics.frames.inc();
        active.changedAt = performance.now();
      }
      this.#sweep.seen(open, state);
    } catch (error) {
      // Derived state: whatever went wrong, the next turn begins with a full read.
      active.merger = undefined;
      if (error instanceof FencedError) {
        metrics.fenced.inc();
        active.lease.lost();
        return;
      }
      const lost = error instanceof AppError && error.code === "store_lost";
      active.retryAt = performance.now() + (lost ? 1_000 : 100);
      log.warn(
        { board: open.board.id, err: error },
        lost ? "the board's data is missing in Redis" : "merge failed",
      );
    }
  }

  async #letQuietOnesGo(): Promise<void> {
    const before = performance.now() - this.#options.quietMs;
    for (const [board, active] of this.#active) {
      if (active.changedAt >= before) continue;
      this.#active.delete(board);
      await active.lease.release();
    }
  }
}
