/**
 * The way of submissions into one shard: a bounded queue, batches in sequence, repair after trouble.
 *
 * [R 2] A batch keeps its (producer, seq) for as long as it is not known whether it was applied, and is sent again in order until it
 * is known or its deadline has passed. A batch that Redis has certainly not applied (`gap`) may go under a new producer id.
 * New batches wait while a repair is on.
 */
import { type BackoffOptions, backoffMs } from "../base/backoff.ts";
import { BoundedQueue } from "../base/bounded-queue.ts";
import { sleep } from "../base/clock.ts";
import { AppError, toAppError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { AppliedBatch } from "../leaderboard/confirm-batches.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import type { Verdict } from "../leaderboard/score-rules.ts";
import {
  type BatchReply,
  type DedupLimits,
  type EventStatus,
  type ShardEvent,
  submitBatch,
} from "../leaderboard/submit-batch.ts";
import type { RedisStore } from "../redis/store.ts";

export type PipeLimits = {
  /** Most submissions of one batch. */
  batchMax: number;
  /** Most batches under way. */
  flightsMax: number;
  /** Most submissions that wait. */
  queueMax: number;
  /** How long a batch is tried before its submissions fail with `unavailable`. */
  deadlineMs: number;
};

/** `n` is the shard's count of batches with which the place was true; of a hidden member only the member itself is told it. */
export type ShardOutcome =
  | { status: EventStatus; place: Place | undefined; n: number; verdict?: Verdict; hidden?: true }
  | { error: AppError };

export type Pending = {
  event: ShardEvent;
  /** With the batch that it was judged in, unless it came to none. */
  settle: (outcome: ShardOutcome, batch?: AppliedBatch) => void;
  /** `performance.now()` at its arrival: the deadline runs from here, also while it waits. */
  takenAt: number;
};

type Flight = AppliedBatch & {
  items: Pending[];
  firstSentAt: number;
  result?: BatchReply | AppError;
};

const REPAIR_BACKOFF: BackoffOptions = { firstMs: 20, capMs: 500 };

export class ShardPipe {
  readonly #redis: RedisStore;
  /** The board as it is now: its rules are those of the next batch. */
  readonly #open: () => OpenBoard;
  readonly #shard: number;
  readonly #limits: PipeLimits;
  readonly #dedup: DedupLimits;
  readonly #onDirty: () => void;
  readonly #queue: BoundedQueue<Pending>;
  #producer = newId();
  #nextSeq = 1;
  #flights: Flight[] = [];
  #flushScheduled = false;
  #repairing = false;
  usedAt = performance.now();
  /** Ingest has let go of it: a later submission goes through another one. */
  forgotten = false;

  constructor(options: {
    redis: RedisStore;
    open: () => OpenBoard;
    shard: number;
    limits: PipeLimits;
    dedup: DedupLimits;
    onDirty: () => void;
  }) {
    this.#redis = options.redis;
    this.#open = options.open;
    this.#shard = options.shard;
    this.#limits = options.limits;
    this.#dedup = options.dedup;
    this.#onDirty = options.onDirty;
    this.#queue = new BoundedQueue(options.limits.queueMax);
  }

  get idle(): boolean {
    return this.#queue.size === 0 && this.#flights.length === 0;
  }

  /** `settle` is called once, later. `full` when the queue is: nothing was taken. */
  push(pending: Pending): "queued" | "full" {
    if (this.#queue.push(pending) === "full") return "full";
    // One turn of the event loop is gathered into one batch.
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      setImmediate(() => {
        this.#flushScheduled = false;
        this.#flush();
      });
    }
    return "queued";
  }

  #flush(): void {
    this.usedAt = performance.now();
    // Flights of an earlier producer id land first, so that a member's submissions keep their order.
    if (this.#repairing || this.#flights.some(({ producer }) => producer !== this.#producer)) return;
    this.#giveUpWaiting();
    while (this.#flights.length < this.#limits.flightsMax && this.#queue.size > 0) {
      const flight: Flight = {
        shard: this.#shard,
        producer: this.#producer,
        seq: this.#nextSeq++,
        items: this.#queue.take(this.#limits.batchMax),
        firstSentAt: performance.now(),
      };
      this.#flights.push(flight);
      void this.#send(flight).then(() => this.#landed());
    }
  }

  /** Never rejects: what came of it is in `flight.result`. */
  async #send(flight: Flight): Promise<void> {
    delete flight.result;
    const batch = {
      producer: flight.producer,
      seq: flight.seq,
      events: flight.items.map(({ event }) => event),
    };
    try {
      flight.result = await submitBatch(this.#redis, this.#open(), this.#shard, batch, this.#dedup);
    } catch (error) {
      flight.result = toAppError(error);
    }
  }

  #landed(): void {
    if (this.#repairing) return;
    this.#flights = this.#flights.filter((flight) => !this.#settled(flight));
    const known = this.#flights.filter((flight) => flight.result !== undefined);
    // Something went wrong with some: let those under way land, then repair all of them in order.
    if (known.length === 0) this.#flush();
    else if (known.length === this.#flights.length) void this.#repair();
  }

  /** Settle a flight whose end is certain. */
  #settled(flight: Flight): boolean {
    const { result, items } = flight;
    if (result === undefined || isUnknown(result)) return false;
    if (result instanceof AppError || result.tag !== "applied") {
      if (!(result instanceof AppError) && result.tag === "gap") return false;
      this.#startOver();
      fail(items, result instanceof AppError ? result : refusal(result.tag));
      return true;
    }
    const { statuses, places, n, verdicts, hidden } = result;
    items.forEach((item, i) => {
      const verdict = verdicts?.get(i);
      const outcome = { status: statuses[i]!, place: places[i], n, ...(verdict ? { verdict } : {}) };
      item.settle(hidden?.has(i) ? { ...outcome, hidden: true } : outcome, flight);
    });
    if (result.dirty) this.#onDirty();
    return true;
  }

  async #repair(): Promise<void> {
    this.#repairing = true;
    for (let attempt = 0; this.#flights.length > 0; attempt++) {
      this.#giveUpLate();
      const unknown = this.#flights.filter(({ result }) => result !== undefined && isUnknown(result));
      if (unknown.length === 0) this.#renumber();
      else await sleep(backoffMs(attempt, REPAIR_BACKOFF));
      // While the fate of some is unknown only those are sent, as they were; what came after them waits its turn.
      await Promise.all((unknown.length > 0 ? unknown : this.#flights).map((flight) => this.#send(flight)));
      this.#flights = this.#flights.filter((flight) => !this.#settled(flight));
    }
    this.#repairing = false;
    this.#flush();
  }

  /** What has waited for the whole deadline was never sent; the queue is in order of arrival. */
  #giveUpWaiting(): void {
    const before = performance.now() - this.#limits.deadlineMs;
    for (let head = this.#queue.peek(); head && head.takenAt < before; head = this.#queue.peek()) {
      fail(this.#queue.take(1), new AppError("unavailable", { retryAfterMs: 1000 }));
    }
  }

  #giveUpLate(): void {
    this.#giveUpWaiting();
    const now = performance.now();
    this.#flights = this.#flights.filter((flight) => {
      if (now - flight.firstSentAt < this.#limits.deadlineMs) return true;
      this.#startOver();
      fail(flight.items, new AppError("unavailable", { retryAfterMs: 1000 }));
      return false;
    });
  }

  /** A sequence with a hole in it is left behind: later batches go under a new producer id. */
  #startOver(): void {
    this.#producer = newId();
    this.#nextSeq = 1;
  }

  /** None of the flights was applied: send them again as a new producer's first ones. */
  #renumber(): void {
    this.#startOver();
    for (const flight of this.#flights) {
      flight.producer = this.#producer;
      flight.seq = this.#nextSeq++;
    }
  }
}

/** True when the batch may or may not have been applied. Out of memory is refused before the script runs. */
function isUnknown(result: BatchReply | AppError): boolean {
  return result instanceof AppError && result.code === "unavailable";
}

function fail(items: Pending[], error: AppError): void {
  for (const item of items) item.settle({ error });
}

function refusal(tag: "store_lost" | "season_closed" | "overloaded" | "log_full"): AppError {
  if (tag === "log_full") return new AppError(tag, { retryAfterMs: 5_000 });
  if (tag === "overloaded") {
    const message = "The shard remembers as many ids as it may in one dedup window.";
    return new AppError(tag, { message, retryAfterMs: 5_000 });
  }
  return new AppError(tag, tag === "store_lost" ? { retryAfterMs: 1_000 } : {});
}
