/**
 * Who is connected now, by heartbeats: each gateway says every few seconds how many connections it has, and until when that holds.
 *
 * Nothing is counted up and down, so nothing can be left over: what a process said that was killed is over when its time is.
 */
import { type Clock, systemClock } from "../base/clock.ts";
import { newId } from "../base/ids.ts";
import { type Call, callAll } from "../redis/batch.ts";
import { DEPLOYMENT, presenceKeys } from "../redis/keys.ts";
import type { RedisStore } from "../redis/store.ts";
import { dayEndsMs, dayOf } from "./outcomes.ts";

/** Connections, and the signed-in players among them, each once. */
export type Presence = { connections: number; players: number };

export type HeartbeatsOptions = {
  redis: RedisStore;
  /** How long a beat holds. */
  ttlMs: number;
  /** Days before today whose peaks are kept. */
  daysKept: number;
  /** Counted anew for each beat: this process's connections, all under DEPLOYMENT, and by board those that follow it. */
  count: () => Map<string, Presence>;
  clock?: Clock;
};

const NOBODY: Presence = { connections: 0, players: 0 };

export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #clock: Clock;
  readonly #process = newId();
  /** Boards that the last beat named: who leaves one says so. */
  #told = new Set<string>();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Say it once, all boards in one pipeline. @throws Error of Redis: what was said before holds until its time */
  async beat(): Promise<void> {
    const { ttlMs, count } = this.#options;
    const present = count();
    const calls = [this.#call(DEPLOYMENT, present.get(DEPLOYMENT) ?? NOBODY, ttlMs)];
    const boards = new Set([...present.keys()].filter((scope) => scope !== DEPLOYMENT));
    for (const board of boards) calls.push(this.#call(board, present.get(board)!, ttlMs));
    for (const board of this.#told) if (!boards.has(board)) calls.push(this.#call(board, NOBODY, 0));
    // Also when it fails, since some of it may have arrived.
    this.#told = new Set([...this.#told, ...boards]);
    await callAll(this.#options.redis, calls);
    this.#told = boards;
  }

  /** Leave at once instead of when the time is over. @throws Error of Redis */
  async leave(): Promise<void> {
    const calls = [DEPLOYMENT, ...this.#told].map((scope) => this.#call(scope, NOBODY, 0));
    this.#told.clear();
    await callAll(this.#options.redis, calls);
  }

  #call(scope: string, { connections, players }: Presence, ttlMs: number): Call {
    const day = dayOf(this.#clock.now());
    const { beats, peak, dayPeak } = presenceKeys(scope);
    return {
      script: "counters/beat",
      keys: [beats, peak, dayPeak(day)],
      args: [this.#process, ttlMs, connections, players, dayEndsMs(day, this.#options.daysKept)],
    };
  }
}
