/**
 * The boards that a process knows, in memory: in their season of now, which moves on by the clock, and those that were deleted.
 * What is older than what is known changes nothing, in whatever order it comes.
 */
import type { Clock } from "../base/clock.ts";
import type { BoardRecord, OpenBoard } from "./board.ts";
import { isOlder, notFound } from "./record-change.ts";
import { closingInstant, type HeldSeasons, seasonsAt } from "./season-steps.ts";

/** No timer is longer: the registry's refresh looks at the clock too. */
const TIMER_MS_MAX = 3_600_000;

/** A record as it was read last, and what is derived of it. */
type Known = { record: BoardRecord; text: string; seasons: HeldSeasons; timer: NodeJS.Timeout | undefined };

export class KnownBoards {
  readonly #clock: Clock;
  readonly #open = new Map<string, OpenBoard>();
  readonly #known = new Map<string, Known>();
  readonly #gone = new Map<string, BoardRecord>();
  readonly #listeners = new Set<(open: OpenBoard) => void>();
  readonly #goneListeners = new Set<(open: OpenBoard) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Each in its season of now, by id: a live view. */
  get open(): ReadonlyMap<string, OpenBoard> {
    return this.#open;
  }

  /** Those that were deleted and not made anew: their records, as they were. */
  get gone(): ReadonlyMap<string, BoardRecord> {
    return this.#gone;
  }

  get(id: string): Known | undefined {
    return this.#known.get(id);
  }

  /** Be told of every board that came, changed or moved on to its next season. */
  onChange(listener: (open: OpenBoard) => void): void {
    this.#listeners.add(listener);
  }

  /** Be told of every board that was deleted. */
  onGone(listener: (open: OpenBoard) => void): void {
    this.#goneListeners.add(listener);
  }

  /** It was deleted. */
  forget(record: BoardRecord): void {
    const { id } = record.board;
    const before = this.#known.get(id);
    if (before && isOlder(record, before.record)) return;
    this.#gone.set(id, record);
    if (!before) return;
    clearTimeout(before.timer);
    this.#known.delete(id);
    this.#open.delete(id);
    for (const listener of this.#goneListeners) listener(before.seasons.current);
  }

  /** It is so, as far as anybody knows. @throws AppError board_not_found when it was read before the board was deleted */
  adopt(record: BoardRecord): OpenBoard {
    const { id } = record.board;
    const gone = this.#gone.get(id);
    if (gone && isOlder(record, gone)) throw notFound(id);
    this.#gone.delete(id);
    const before = this.#known.get(id);
    if (before && isOlder(record, before.record)) return before.seasons.current;
    clearTimeout(before?.timer);
    const nowMs = this.#clock.now();
    const seasons = seasonsAt(record, nowMs);
    this.#known.set(id, {
      record,
      text: JSON.stringify(record),
      seasons,
      timer: this.#timer(record, seasons, nowMs),
    });
    this.#open.set(id, seasons.current);
    for (const listener of this.#listeners) listener(seasons.current);
    return seasons.current;
  }

  #timer(record: BoardRecord, { current }: HeldSeasons, nowMs: number): NodeJS.Timeout | undefined {
    const closesAtMs = closingInstant(record);
    if (!current.next || closesAtMs === undefined) return undefined;
    return setTimeout(() => this.moveOn(), Math.min(closesAtMs - nowMs + 1, TIMER_MS_MAX)).unref();
  }

  /** Boards whose closing instant has come are in their next season from now on. */
  moveOn(): void {
    const nowMs = this.#clock.now();
    for (const { record, seasons } of [...this.#known.values()]) {
      if (seasons.current.next) {
        const closesAtMs = closingInstant(record);
        if (closesAtMs !== undefined && nowMs >= closesAtMs) this.adopt(record);
      }
    }
  }
}
