/**
 * The write path: check each submission, group by shard, hand back one result per submission, in order.
 *
 * One bad submission never fails the others. What is refused here was not sent to Redis and changes nothing.
 */
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { Clock } from "../base/clock.ts";
import { AppError, toAppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { hintDirty, MARK_EVERY_MS, markActive } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { AppliedBatch } from "../leaderboard/confirm-batches.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { checkSeason, seasonChanging, takingAt } from "../leaderboard/season-choice.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import type { RedisStore } from "../redis/store.ts";
import { type MemberSubmission, resultOf, shardEvent } from "./shard-event.ts";
import { type Pending, type PipeLimits, type ShardOutcome, ShardPipe } from "./shard-pipe.ts";

/**
 * Hears of every accepted submission: where its member now is, and the shard's count of batches with it. Of a `hidden` member nobody
 * else may hear. Must not throw.
 */
export type OnAccepted = (open: OpenBoard, place: Place, n: number, hidden: boolean) => void;

/** When something arrived, and the season that takes what arrives then. */
export type Arrival = { open: OpenBoard; atMs: number };

/**
 * Asked before a submission goes to its shard; nearly always there is nothing to wait for. What it throws, or rejects with, refuses it.
 */
export type Admit = (open: OpenBoard, member: string) => Promise<void> | undefined;

export type OnApplied = (batch: AppliedBatch, submission: number, n: number) => void;

const PIPES_MAX = 10_000;
const PIPE_IDLE_MS = 60_000;
const HINT_EVERY_MS = 20;

export class Ingest {
  readonly #redis: RedisStore;
  readonly #hasher: Hasher;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: PipeLimits;
  readonly #dedup: DedupLimits;
  readonly #boards: ReadonlyMap<string, OpenBoard>;
  readonly #onAccepted: OnAccepted | undefined;
  readonly #admit: Admit | undefined;
  readonly #pipes = new Map<string, ShardPipe>();
  readonly #recent = new WeakMap<OpenBoard, ShardPipe[]>();
  readonly #markedAt = new Map<string, number>();
  readonly #dirty = new Set<string>();
  #hintTimer: NodeJS.Timeout | undefined;

  constructor(options: {
    redis: RedisStore;
    hasher: Hasher;
    clock: Clock;
    log: Log;
    limits: PipeLimits;
    dedup: DedupLimits;
    /** Every known board as it was changed last: a live view. */
    boards: ReadonlyMap<string, OpenBoard>;
    onAccepted?: OnAccepted;
    admit?: Admit;
  }) {
    this.#redis = options.redis;
    this.#hasher = options.hasher;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limits = options.limits;
    this.#dedup = options.dedup;
    this.#boards = options.boards;
    this.#onAccepted = options.onAccepted;
    this.#admit = options.admit;
  }

  /** Something for a board has arrived now. */
  arrival(asked: OpenBoard): Arrival {
    const atMs = this.#clock.now();
    return { open: takingAt(this.#boards.get(asked.board.id) ?? asked, atMs), atMs };
  }

  /**
   * Resolves when every submission has its result; never rejects.
   * @param open of the arrival, which is now where none is given
   * @param onApplied called for each submission that a shard has judged, with the batch it was in; its number among the submissions,
   *   and the shard's count of batches with it, 0 where that is not known
   */
  submit(
    open: OpenBoard,
    submissions: readonly MemberSubmission[],
    onApplied?: OnApplied,
    arrival = this.arrival(open),
  ): Promise<SubmissionResult[]> {
    const { open: taking, atMs } = arrival;
    if (submissions.length === 0) return Promise.resolve([]);
    this.#mark(open.board.id, atMs);
    return new Promise((resolve) => {
      const results = new Array<SubmissionResult>(submissions.length);
      let left = submissions.length;
      submissions.forEach((submission, i) => {
        this.#submitOne(taking, submission, atMs, (result, batch, n = 0) => {
          if (batch) onApplied?.(batch, i, n);
          results[i] = result;
          if (--left === 0) resolve(results);
        });
      });
    });
  }

  /** One submission that arrived long ago: its time decides ties. Never rejects. */
  submitAsOf(open: OpenBoard, submission: MemberSubmission, arrivedAtMs: number): Promise<SubmissionResult> {
    this.#mark(open.board.id, this.#clock.now());
    return new Promise((resolve) => this.#submitOne(open, submission, arrivedAtMs, resolve));
  }

  #submitOne(
    asked: OpenBoard,
    submission: MemberSubmission,
    arrivedAtMs: number,
    done: (result: SubmissionResult, batch?: AppliedBatch, n?: number) => void,
  ): void {
    const open = this.#asItIs(asked);
    const refuse = (error: unknown): void => {
      done({ outcome: "rejected", error: toAppError(error).body() });
    };
    try {
      checkSeason(
        open,
        submission.season,
        submission.approves === undefined ? arrivedAtMs : this.#clock.now(),
      );
      const event = shardEvent(open, submission, arrivedAtMs, this.#hasher);
      const pipe = this.#pipe(open, this.#hasher.shardOf(submission.member, open.board.shards));
      const pending: Pending = {
        event,
        settle: (outcome, batch) => {
          if ("status" in outcome && outcome.status === "a" && outcome.place) {
            this.#onAccepted?.(open, outcome.place, outcome.n, outcome.hidden === true);
          }
          const result = resultOf(open, event.idHash !== "", inTime(open, submission, outcome));
          done(result, batch, "n" in outcome ? outcome.n : 0);
        },
        takenAt: performance.now(),
      };
      const admitted = this.#admit?.(open, submission.member);
      if (!admitted) pushTo(pipe, pending);
      else admitted.then(() => pushTo(pipe, pending)).catch(refuse);
    } catch (error) {
      refuse(error);
    }
  }

  /** A caller may have waited since it asked for the board: its rules may be older than those that others go by already. */
  #asItIs(open: OpenBoard): OpenBoard {
    const known = this.#boards.get(open.board.id);
    return known?.season.incarnation === open.season.incarnation ? known : open;
  }

  /** The pipes of a board object, without making a name for every submission. */
  #pipe(open: OpenBoard, shard: number): ShardPipe {
    let known = this.#recent.get(open);
    if (!known) {
      known = [];
      this.#recent.set(open, known);
    }
    const pipe = known[shard];
    if (pipe && !pipe.forgotten) return pipe;
    const found = this.#pipeByName(open, shard);
    known[shard] = found;
    return found;
  }

  #pipeByName(open: OpenBoard, shard: number): ShardPipe {
    const { board, season } = open;
    const id = `${board.id} ${season.number} ${season.incarnation} ${shard}`;
    let pipe = this.#pipes.get(id);
    if (!pipe) {
      if (this.#pipes.size >= PIPES_MAX) this.#forgetIdlePipes();
      pipe = new ShardPipe({
        redis: this.#redis,
        open: () => this.#asItIs(open),
        shard,
        limits: this.#limits,
        dedup: this.#dedup,
        onDirty: () => {
          // The mark that came before the batch may have been lost with the connection.
          this.#mark(board.id, this.#clock.now());
          this.#hint(board.id);
        },
      });
      this.#pipes.set(id, pipe);
    }
    return pipe;
  }

  #forgetIdlePipes(): void {
    const before = performance.now() - PIPE_IDLE_MS;
    for (const [id, pipe] of this.#pipes) {
      if (!pipe.idle || pipe.usedAt >= before) continue;
      pipe.forgotten = true;
      this.#pipes.delete(id);
    }
  }

  /** Announce the board as active, on the same connection and so ahead of the batches that make it dirty. */
  #mark(board: string, nowMs: number): void {
    const last = this.#markedAt.get(board);
    if (last !== undefined && Math.abs(nowMs - last) < MARK_EVERY_MS) return;
    this.#markedAt.set(board, nowMs);
    markActive(this.#redis, board, nowMs).catch((error: unknown) => {
      this.#markedAt.delete(board);
      this.#log.debug({ err: error, board }, "could not mark the board as active");
    });
  }

  /** One hint for all boards that became dirty within a few milliseconds. */
  #hint(board: string): void {
    this.#dirty.add(board);
    this.#hintTimer ??= setTimeout(() => {
      this.#hintTimer = undefined;
      const boards = [...this.#dirty];
      this.#dirty.clear();
      hintDirty(this.#redis, boards).catch((error: unknown) => {
        this.#log.debug({ err: error }, "could not hint at dirty boards");
      });
    }, HINT_EVERY_MS);
  }

  /** Wait until everything that was taken has its result. */
  async drain(): Promise<void> {
    while ([...this.#pipes.values()].some((pipe) => !pipe.idle))
      await new Promise((resolve) => setTimeout(resolve, 5));
    clearTimeout(this.#hintTimer);
    this.#hintTimer = undefined;
    if (this.#dirty.size > 0) await hintDirty(this.#redis, [...this.#dirty]).catch(() => undefined);
  }
}

/** A shard that is frozen refuses by the season; what named none, and came from a process that knew no better, may come again. */
function inTime(
  open: OpenBoard,
  { season, approves }: MemberSubmission,
  outcome: ShardOutcome,
): ShardOutcome {
  const closed = "error" in outcome && outcome.error.code === "season_closed";
  return closed && season === undefined && approves === undefined ? { error: seasonChanging(open) } : outcome;
}

/** @throws AppError overloaded */
function pushTo(pipe: ShardPipe, pending: Pending): void {
  if (pipe.push(pending) === "full") throw new AppError("overloaded", { retryAfterMs: 250 });
}
