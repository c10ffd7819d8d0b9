/**
 * The merger of all boards: paced ticks over the active ones under a lease each, a slow sweep over the rest.
 *
 * A board is active when ingest has marked or hinted it, or when the sweep finds its versions changed; after some quiet time its
 * lease is given back and it costs nothing but its share of the sweep.
 */
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { FeedLimits } from "../feed/feed-store.ts";
import { activeSince, listenForHints, MARK_EVERY_MS } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type BoardState, FencedError, readStates } from "../leaderboard/top-reader.ts";
import type { Channels } from "../redis/channels.ts";
import type { RedisStore } from "../redis/store.ts";
import { type ActiveBoard, ActiveBoards } from "./active-boards.ts";
import { BoardMerger } from "./board-merger.ts";
import { IndexKeeper } from "./index-keeper.ts";
import type { MergerMetrics } from "./merger-metrics.ts";
import { Sweep } from "./sweep.ts";

export type MergerOptions = {
  redis: RedisStore;
  channels: Channels;
  /** Every known board, by id. */
  boards: () => ReadonlyMap<string, OpenBoard>;
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
  /** From one rank index of a board to the next, at least. */
  indexMs: number;
  /** What rank indexes may take of a Redis's time. */
  indexShare: number;
};

/** A board that only the sweep found is looked at for this long: most have nothing new. */
const SWEPT_MS = 1_000;
const SWEEP_EVERY_MS = 500;

export class Merger {
  readonly #options: MergerOptions;
  readonly #active: ActiveBoards;
  readonly #sweep: Sweep;
  readonly #indexes: IndexKeeper;
  readonly #loop: Loop;
  #marksReadAt = Number.NEGATIVE_INFINITY;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(options: MergerOptions) {
    this.#options = options;
    this.#active = new ActiveBoards(options);
    this.#sweep = new Sweep(options);
    this.#indexes = new IndexKeeper({ ...options, active: this.#active });
    const onError = (error: unknown): void => options.log.warn({ err: error }, "merger tick failed");
    this.#loop = new Loop({ everyMs: options.tickMs, step: () => this.#tick(), onError });
  }

  start(): void {
    listenForHints(this.#options.channels, (board) => this.#active.wake(board));
    this.#loop.start();
    this.#indexes.start();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#loop.stop(), this.#indexes.stop()]);
    await this.#active.releaseAll();
  }

  async #tick(): Promise<void> {
    const startedAt = performance.now();
    const boards = this.#options.boards();
    await this.#readMarks(startedAt, boards);
    await this.#sweepOn(startedAt, boards);
    // Of those whose turn it was one may have been deleted meanwhile.
    const turns = (await this.#active.turns(boards)).filter(({ board }) => boards.has(board));
    if (turns.length > 0) {
      const open = turns.map(({ board }) => boards.get(board)!);
      const states = await readStates(this.#options.redis, open);
      await Promise.all(turns.map((active, i) => this.#takeTurn(active, open[i]!, states[i]!)));
      this.#options.metrics.tickSeconds.observe((performance.now() - startedAt) / 1000);
    }
    await this.#active.letQuietOnesGo();
  }

  /** Once a second: boards that ingest marked, whether or not their hints arrived. */
  async #readMarks(nowMs: number, boards: ReadonlyMap<string, OpenBoard>): Promise<void> {
    if (nowMs - this.#marksReadAt < 1_000) return;
    const marked = await activeSince(this.#options.redis, this.#options.now() - 2 * MARK_EVERY_MS);
    this.#marksReadAt = nowMs;
    for (const board of marked) if (boards.has(board)) this.#active.wake(board);
  }

  /** Twice a second is enough for what nobody announced, and costs less than a look at every tick. */
  async #sweepOn(nowMs: number, boards: ReadonlyMap<string, OpenBoard>): Promise<void> {
    if (nowMs - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = nowMs;
    for (const board of await this.#sweep.changed(boards, this.#active)) this.#active.wake(board, SWEPT_MS);
  }

  async #takeTurn(active: ActiveBoard, open: OpenBoard, state: BoardState): Promise<void> {
    const { redis, feed, metrics, log } = this.#options;
    try {
      if (!active.merger?.isFor(open)) active.merger = undefined;
      active.merger ??= new BoardMerger({ redis, open, token: active.lease.token!, limits: feed });
      const result = await active.merger.tick(open, state);
      if (result === "published") metrics.frames.inc();
      this.#active.done(active, result === "published");
      this.#sweep.seen(open, state);
    } catch (error) {
      if (error instanceof FencedError) {
        metrics.fenced.inc();
        this.#active.fenced(active);
        return;
      }
      const lost = error instanceof AppError && error.code === "store_lost";
      const message = lost ? "the board's data is missing in Redis" : "merge failed";
      log.warn({ board: open.board.id, err: error }, message);
      await this.#active.failed(active, open, lost ? 1_000 : 100);
    }
  }
}
