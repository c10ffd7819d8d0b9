/**
 * The rank indexes of the boards whose ranks somebody looks at, within a share of Redis's time.
 *
 * One board at a time, the one that is due longest first; after each turn the keeper rests for so long that what Redis has worked stays
 * within the share: its own time, not that of the way to it and back. With much to count the period therefore stretches, and `asOf` says
 * so. On a cluster the work of all masters counts as that of one.
 */
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { readStates } from "../leaderboard/top-reader.ts";
import { publishIndex, wantedBoards } from "../rank-index/index-store.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ActiveBoards } from "./active-boards.ts";
import { IndexBuilder } from "./index-builder.ts";
import type { MergerMetrics } from "./merger-metrics.ts";

export type IndexKeeperOptions = {
  redis: RedisStore;
  boards: () => ReadonlyMap<string, OpenBoard>;
  active: Pick<ActiveBoards, "wake" | "tokenOf">;
  now: () => number;
  log: Log;
  metrics: MergerMetrics;
  /** From one index of a board to the next, at least. */
  indexMs: number;
  /** Of the time of one Redis, at most. */
  indexShare: number;
};

type Kept = { builder: IndexBuilder; dueAt: number; token: string; publishedAt: number };

const STEP_MS = 50;
const LOOK_MS = 1_000;
/** An index that did not change is published again after this long: `asOf` goes on. */
const REPEAT_MS = 5_000;
const REST_MS_MAX = 10_000;
/** Reading how a shard stands, which the merger does all the time. */
const STATE_MS = 0.02;

export class IndexKeeper {
  readonly #options: IndexKeeperOptions;
  readonly #loop: Loop;
  readonly #kept = new Map<string, Kept>();
  #wanted: string[] = [];
  #lookedAt = Number.NEGATIVE_INFINITY;
  #restUntil = 0;

  constructor(options: IndexKeeperOptions) {
    this.#options = options;
    this.#loop = new Loop({
      everyMs: STEP_MS,
      step: (signal) => this.#step(signal),
      onError: (error) => options.log.warn({ err: error }, "rank index failed"),
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** As many turns as the share allows. */
  async #step(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const now = performance.now();
      if (now - this.#lookedAt >= LOOK_MS) await this.#look(now);
      const due = now < this.#restUntil ? undefined : this.#mostDue(now);
      if (!due) return;
      const { open, kept } = due;
      kept.dueAt = now + this.#options.indexMs;
      const { work } = kept.builder;
      const before = work.ms;
      try {
        await this.#refresh(open, kept);
      } finally {
        const worked = work.ms - before + STATE_MS * open.shards.length;
        // From when it might have begun: a step that comes a little late loses nothing, and gains no more than a step.
        const from = Math.max(this.#restUntil, now - STEP_MS);
        this.#restUntil = from + Math.min(REST_MS_MAX, worked / this.#options.indexShare);
      }
    }
  }

  /** Which boards are wanted; each is kept active, so that its lease is held by some merger. */
  async #look(now: number): Promise<void> {
    this.#lookedAt = now;
    const known = this.#options.boards();
    this.#wanted = (await wantedBoards(this.#options.redis)).filter((board) => known.has(board));
    for (const board of this.#wanted) this.#options.active.wake(board);
    const wanted = new Set(this.#wanted);
    for (const board of this.#kept.keys()) if (!wanted.has(board)) this.#kept.delete(board);
  }

  /** Of the boards whose lease is held here. A new lease begins with a new builder: what the last one knew may be old. */
  #mostDue(now: number): { open: OpenBoard; kept: Kept } | undefined {
    let first: { open: OpenBoard; kept: Kept } | undefined;
    for (const board of this.#wanted) {
      const open = this.#options.boards().get(board);
      const token = this.#options.active.tokenOf(board);
      if (!open || token === undefined) continue;
      let kept = this.#kept.get(board);
      if (kept?.token !== token) {
        const { redis, now: clock } = this.#options;
        kept = { builder: new IndexBuilder({ redis, now: clock, token }), dueAt: now, token, publishedAt: 0 };
        this.#kept.set(board, kept);
      }
      if (kept.dueAt <= now && (!first || kept.dueAt < first.kept.dueAt)) first = { open, kept };
    }
    return first;
  }

  async #refresh(open: OpenBoard, kept: Kept): Promise<void> {
    const { redis, metrics } = this.#options;
    const startedAt = performance.now();
    const before = kept.builder.index;
    const [state] = await readStates(redis, [open]);
    const index = await kept.builder.refresh(open, state!);
    metrics.indexSeconds.observe((performance.now() - startedAt) / 1000);
    const same =
      before !== undefined && before.boundaries === index.boundaries && sameCounts(before.facts, index.facts);
    if (same && startedAt - kept.publishedAt < REPEAT_MS) return;
    const published = await publishIndex(redis, { board: open.board.id, keys: open.feed }, index, kept.token);
    if (published === "fenced") this.#kept.delete(open.board.id);
    else kept.publishedAt = startedAt;
  }
}

function sameCounts(a: { ns: readonly number[] }, b: { ns: readonly number[] }): boolean {
  return a.ns.every((n, shard) => n === b.ns[shard]);
}
