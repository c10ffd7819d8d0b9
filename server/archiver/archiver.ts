/**
 * The archiver of all boards: the score logs of those that are written to go to the database, under a lease for each board.
 *
 * Boards are found by the marks of ingest, by its hints, and by a slow sweep; one that rests costs nothing but its share of the sweep. While the
 * database is away nothing is read from Redis, where the logs wait within their bounds (LOG_FULL).
 */
import type { LogReader } from "../archive/log-reader.ts";
import { AppError } from "../base/errors.ts";
import { inLanes } from "../base/lanes.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Database } from "../database/database.ts";
import { activeSince, listenForHints, MARK_EVERY_MS } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { archiverLease } from "../locks/lease.ts";
import type { Channels } from "../redis/channels.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ArchivedBoards } from "./archived-boards.ts";
import type { ArchiveLag, ArchiverMetrics } from "./archiver-metrics.ts";
import { BoardTurns } from "./board-turns.ts";
import type { FeedArchiverOptions } from "./feed-archiver.ts";
import { LogSweep } from "./log-sweep.ts";
import type { RankSamplerOptions } from "./rank-sampler.ts";

export type ArchiverOptions = {
  redis: RedisStore;
  channels: Channels;
  database: Database;
  boards: ArchivedBoards;
  reader: LogReader;
  metrics: ArchiverMetrics;
  feeds: FeedArchiverOptions["feeds"];
  samples: RankSamplerOptions["samples"];
  now: () => number;
  log: Log;
  everyMs: number;
  batchEntries: number;
  leaseTtlMs: number;
  /** A board without changes for this long is let go. */
  quietMs: number;
  sweepShardsPerSecond: number;
};

const SECOND_MS = 1_000;
const LANES = 4;
const JUST_MS = 60_000;

export class Archiver {
  readonly #options: ArchiverOptions;
  readonly #active = new Map<string, BoardTurns>();
  readonly #sweep: LogSweep;
  readonly #loop: Loop;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: ArchiverOptions) {
    this.#options = options;
    const { database, reader, sweepShardsPerSecond: shardsPerSecond } = options;
    this.#sweep = new LogSweep({ database, reader, shardsPerSecond });
    const onError = (error: unknown): void =>
      options.log.warn({ err: error }, "archiving failed; it goes on");
    this.#loop = new Loop({ everyMs: options.everyMs, step: (signal) => this.#step(signal), onError });
  }

  start(): void {
    listenForHints(this.#options.channels, (board) => this.#wake(board));
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all([...this.#active.values()].map((board) => board.release()));
    this.#active.clear();
  }

  /** How far behind the worst of the boards is that this process archives. */
  lag(): ArchiveLag {
    const lags = [...this.#active.values()].map((board) => board.lag(this.#options.now()));
    return {
      entries: Math.max(0, ...lags.map(({ entries }) => entries)),
      ms: Math.max(0, ...lags.map(({ ms }) => ms)),
    };
  }

  async #step(signal: AbortSignal): Promise<void> {
    await this.#lookAround();
    const due = [...this.#active.values()].filter((board) => board.isDue());
    // The first that finds the database away ends the turn of all, and the loop waits longer each time.
    await inLanes(due, LANES, (board) => this.#turn(board, signal));
    for (const [id, board] of this.#active) {
      if (!board.isQuiet()) continue;
      this.#active.delete(id);
      await board.release();
    }
    if (due.some((board) => board.wantsMore)) this.#loop.nudge();
  }

  async #turn(board: BoardTurns, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    try {
      await board.turn(this.#options.boards.seasons.get(board.id) ?? []);
    } catch (error) {
      board.failed(error);
      if (error instanceof AppError && error.code === "unavailable") throw error;
      this.#options.log.warn({ board: board.id, err: error }, "a board cannot be archived just now");
    }
  }

  /** Once a second: changed records, boards that ingest marked, and a few that nobody announced. */
  async #lookAround(): Promise<void> {
    const now = performance.now();
    if (now - this.#lookedAt < SECOND_MS) return;
    const { redis, boards } = this.#options;
    for (const board of await activeSince(redis, this.#options.now() - 2 * MARK_EVERY_MS)) this.#wake(board);
    await boards.refresh();
    for (const [board, seasons] of boards.seasons) {
      if (seasons.some(({ open }) => hasJustEnded(open, this.#options.now()))) this.#wake(board);
    }
    const behind = await this.#sweep.behind(boards.seasons, (board) => this.#active.has(board));
    for (const board of behind) this.#wake(board);
    this.#lookedAt = now;
  }

  #wake(id: string): void {
    const { redis, leaseTtlMs, boards, now } = this.#options;
    let board = this.#active.get(id);
    if (!board && boards.seasons.has(id)) {
      board = new BoardTurns(id, {
        ...this.#options,
        lease: archiverLease(redis, id, leaseTtlMs),
        startedAtMs: now(),
      });
      this.#active.set(id, board);
    }
    board?.wake();
  }
}

/** Its feed is looked at once more, so that history knows that nothing came behind the last frame. */
function hasJustEnded({ season }: OpenBoard, nowMs: number): boolean {
  const closesAtMs = season.closesAtMs ?? season.endsAtMs;
  return closesAtMs !== undefined && closesAtMs <= nowMs && nowMs - closesAtMs < JUST_MS;
}
