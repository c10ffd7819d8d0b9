/**
 * One board's feed in one gateway: rows and position kept in step with Redis, repaired once for all its receivers.
 *
 * The subscribe race is closed in this order: (1) the subscription is confirmed and messages are buffered; (2) the snapshot is
 * read with its position; (3) buffered messages at or below it are dropped, later ones applied; (4) from then on every message
 * must follow the last one, else the missing frames are read once from the stream [P-6].
 */
import type { Frame, Position, Row, ViewSize } from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { RedisStore } from "../redis/store.ts";
import type { FeedMetrics } from "./feed-metrics.ts";
import { type FeedOf, readRecent, readSince, readSnapshot, type StoredRow } from "./feed-store.ts";
import { decodeMessage, type FeedMessage, isWhole, type StoredFrame } from "./stored-frame.ts";
import { type RingLimits, View } from "./view.ts";

/** What the feed must know of its board; asked anew at every load, because a season may have been opened since. */
export type FeedSource = {
  describe(): Promise<FeedOf & { season: number; rowOf(stored: StoredRow): Row }>;
};

export type BoardFeedOptions = {
  redis: RedisStore;
  source: FeedSource;
  ring: RingLimits;
  metrics: FeedMetrics;
  onError: (error: unknown) => void;
};

const BUFFER_MAX = 1_000;
const REPAIR_BACKOFF = { firstMs: 50, capMs: 2_000 };

export class BoardFeed {
  readonly #options: BoardFeedOptions;
  readonly #views = new Map<ViewSize, View>();
  readonly #stopped = new AbortController();
  #of: Awaited<ReturnType<FeedSource["describe"]>> | undefined;
  #position: Position = { epoch: "", offset: 0 };
  #rows: Row[] = [];
  #total = 0;
  #lost = false;
  #buffer: FeedMessage[] | undefined = [];
  #repairing = false;

  constructor(options: BoardFeedOptions) {
    this.#options = options;
  }

  get position(): Position {
    return this.#position;
  }

  /** The published top, best first, exact at `position`. */
  get rows(): readonly Row[] {
    return this.#rows;
  }

  get total(): number {
    return this.#total;
  }

  /** Read the snapshot; the subscription is already confirmed. @throws AppError store_lost */
  async start(): Promise<void> {
    await this.#load();
    if (!this.#drainBuffer()) this.#repair();
  }

  stop(): void {
    this.#stopped.abort();
  }

  view(size: ViewSize): View {
    let view = this.#views.get(size);
    if (!view) {
      const identity = () => ({ board: this.#of!.board, season: this.#of!.season });
      view = new View(size, identity, this.#options.ring);
      view.begin(this.#position, { rows: this.#rows, total: this.#total });
      this.#views.set(size, view);
    }
    return view;
  }

  onMessage(bytes: Buffer): void {
    const message = decodeMessage(bytes.toString());
    if (!this.#buffer) {
      this.#take(message);
      return;
    }
    this.#buffer.push(message);
    // The buffer may forget: what is missing then is a gap, and read from the stream.
    if (this.#buffer.length > BUFFER_MAX) this.#buffer.shift();
  }

  /** True from when Redis had no such feed until it was read again: the rows are the last ones known, and stay with their receivers. */
  get lost(): boolean {
    return this.#lost;
  }

  /** False until its first snapshot is there. */
  get isStarted(): boolean {
    return this.#of !== undefined;
  }

  /** Whether what it knows is of this life of the season. */
  isOf({ season }: { season: { incarnation: string } }): boolean {
    return this.#of?.incarnation === season.incarnation;
  }

  /** Another life of the season began: what is known here is of the one before. */
  readAnew(): void {
    this.#repair();
  }

  /** The idle position check: RedisStore says how far the feed is, or that it has none. */
  check(position: Position | undefined): void {
    if (position === undefined) this.#lost = true;
    if (this.#buffer || !position) return;
    const isBehind = position.epoch !== this.#position.epoch || position.offset > this.#position.offset;
    if (!isBehind && !this.#lost) return;
    this.#options.metrics.idleCheckBehind.inc();
    this.#repair();
  }

  #take(message: FeedMessage): void {
    const { epoch, offset } = this.#position;
    if (message.epoch === epoch && message.offset <= offset) return;
    if (message.epoch === epoch && message.offset === offset + 1 && isWhole(message)) {
      this.#apply(message);
      return;
    }
    // A position alone says "read it": a large frame or a fresh epoch. A whole frame that does not follow is a loss.
    if (message.epoch === epoch && isWhole(message)) this.#options.metrics.gaps.inc();
    this.#repair();
  }

  #apply(frame: StoredFrame): void {
    this.#rows = applyRows(this.#rows, frame.set, frame.drop);
    this.#total = frame.total;
    this.#position = { epoch: frame.epoch, offset: frame.offset };
    for (const view of this.#views.values())
      view.advance(frame.offset, { rows: this.#rows, total: this.#total });
  }

  /** One repair at a time, for all receivers of this gateway. Messages are buffered meanwhile. */
  #repair(): void {
    this.#buffer ??= [];
    if (this.#repairing) return;
    this.#repairing = true;
    void this.#repairUntilDone().then(() => {
      this.#repairing = false;
    });
  }

  /** Never rejects. */
  async #repairUntilDone(): Promise<void> {
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      try {
        await this.#catchUp();
        if (this.#drainBuffer()) return;
      } catch (error) {
        this.#options.onError(error);
        await sleep(backoffMs(attempt, REPAIR_BACKOFF) + 10, this.#stopped.signal);
      }
    }
  }

  async #catchUp(): Promise<void> {
    const { redis, metrics, ring } = this.#options;
    metrics.reads.inc();
    const frames = await readSince(redis, this.#of!, this.#position, ring.framesMax);
    if (!frames) return this.#load();
    for (const frame of frames) this.#apply(frame);
    this.#lost = false;
  }

  /** Take the snapshot. Within the epoch it is one more merged frame to the views; else they restart. */
  async #load(): Promise<void> {
    const { redis, source, metrics, ring } = this.#options;
    const of = await source.describe();
    metrics.reads.inc();
    const snapshot = await readSnapshot(redis, of);
    if (snapshot === "store_lost")
      throw new AppError("store_lost", { message: `The feed of "${of.board}" is missing.` });
    const sameLife = this.#of?.incarnation === of.incarnation && snapshot.epoch === this.#position.epoch;
    this.#of = of;
    this.#position = { epoch: snapshot.epoch, offset: snapshot.offset };
    this.#rows = snapshot.rows.map((stored) => of.rowOf(stored));
    this.#total = snapshot.total;
    this.#lost = false;
    const top = { rows: this.#rows, total: this.#total };
    for (const view of this.#views.values()) {
      if (!sameLife || snapshot.offset < view.position.offset) view.restart(this.#position, top);
      else if (snapshot.offset > view.position.offset) view.advance(snapshot.offset, top);
    }
    if (!this.#views.has("all")) {
      metrics.reads.inc();
      this.view("all").recall(this.#asFrames(await readRecent(redis, of, this.#position, ring.framesMax)));
    }
  }

  #asFrames(stored: StoredFrame[]): Frame[] {
    const { board, season } = this.#of!;
    return stored.map((frame) => ({ board, season, view: "all", after: frame.offset - 1, ...frame }));
  }

  /** Apply what was buffered. @returns false when there is a gap in it, so that another repair is due */
  #drainBuffer(): boolean {
    const buffered = this.#buffer ?? [];
    this.#buffer = undefined;
    for (const message of buffered) {
      const { epoch, offset } = this.#position;
      if (message.epoch === epoch && message.offset <= offset) continue;
      if (message.epoch !== epoch || message.offset !== offset + 1 || !isWhole(message)) {
        this.#buffer = [];
        return false;
      }
      this.#apply(message);
    }
    return true;
  }
}
