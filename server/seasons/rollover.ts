/**
 * One board's way from season to season, a step at a time: prepare the next, open it, move the pointer, let the old one drain, freeze it,
 * carry over.
 *
 * All state is in the record; a step is done again from it as often as need be and changes it by comparing. So whoever dies between two
 * steps, or inside one, is followed by somebody who finishes with the same end, and two at once roll over once.
 */
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Board, BoardRecord, ClosingSeason, OpenBoard } from "../leaderboard/board.ts";
import { carryOver, isAdded, isCarried } from "../leaderboard/carry-over.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Registry } from "../leaderboard/registry.ts";
import { freezeSeason, type OpenFeed, openSeason } from "../leaderboard/season-keys.ts";
import { missedEnds } from "../leaderboard/season-schedule.ts";
import {
  closingInstant,
  derive,
  goesOnAfter,
  withClosing,
  withNext,
  withNextOpen,
} from "../leaderboard/season-steps.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import type { RedisStore } from "../redis/store.ts";

export type Step =
  | "prepared"
  | "shards"
  | "opened"
  | "moved"
  | "shards-frozen"
  | "frozen"
  | "entries"
  | "carried";

export type RolloverOptions = {
  redis: RedisStore;
  registry: Registry;
  hasher: Hasher;
  openFeed: OpenFeed;
  now: () => number;
  log: Log;
  /** Of the score log, into which carried entries go. */
  limits: DedupLimits;
  /** The next season is opened this long before the end of the present one, so that every gateway knows it by then. */
  preopenMs: number;
  /** Where the board does not say how long the old season drains. */
  graceMs: number;
  /** Seasons of a board that may wait for the archive. */
  closingMax: number;
  /**
   * Whether everything of a frozen season is in the tables. Before that nothing of it is added to the next season: a rebuild tells from
   * the tables how far that had come.
   */
  isInArchive: (frozen: OpenBoard) => Promise<boolean>;
  /**
   * Whether everything that a season had taken, when it was first asked about, is in the tables. Before that the record does not say that
   * entries are carried over: had Redis lost them, nobody would carry them again.
   */
  cameToArchive: (open: OpenBoard) => Promise<boolean>;
  /** New entries of a board, which nobody submitted: whoever publishes should look. */
  onCarried: (board: string) => Promise<void>;
  /** Hears of every step that has been taken. */
  onStep: (step: Step, board: string) => void | Promise<void>;
};

/** Whether a step is due, for a look at every board many times a minute. */
export function isDue(
  { board, season, next, closing }: BoardRecord,
  nowMs: number,
  options: RolloverOptions,
): boolean {
  if (next?.season.state === "opening") return true;
  const closesAtMs = closingInstant({ board, season }) ?? Number.POSITIVE_INFINITY;
  if (next ? nowMs >= closesAtMs : goesOnAfter({ board, season }) && nowMs >= closesAtMs - options.preopenMs)
    return true;
  return closing.some((one) =>
    one.season.state !== "closed" ? nowMs >= drainedAt(one, options) : !one.carried,
  );
}

/**
 * Take every step that is due. Call under the board's lease.
 * @param stillOurs throws when the lease is another's
 */
export async function rollOn(
  options: RolloverOptions,
  id: string,
  stillOurs: () => Promise<void>,
): Promise<void> {
  const before = recordOf(options, id).season.number;
  await prepare(options, id);
  await openNext(options, id);
  await moveOn(options, id, before);
  for (const { season } of recordOf(options, id).closing) {
    await stillOurs();
    // What a successor takes over is complete before it is frozen itself, so the oldest goes first.
    if (!(await freeze(options, id, season.number))) return;
    if (!(await carry(options, id, season.number, stillOurs))) return;
  }
}

/** A scheduled end is near, or has passed: one new season, however many ends were missed. */
async function prepare(options: RolloverOptions, id: string): Promise<void> {
  const { registry, preopenMs, closingMax, now, log, onStep } = options;
  const { season } = recordOf(options, id);
  const record = await registry.change(id, (stored) => {
    const closesAtMs = closingInstant(stored);
    if (stored.next || closesAtMs === undefined || !goesOnAfter(stored)) return stored;
    if (stored.season.number !== season.number || now() < closesAtMs - preopenMs) return stored;
    if (stored.closing.length >= closingMax) {
      throw new AppError("overloaded", {
        message: `${closingMax} seasons of ${id} wait for the archive: none is opened before one is there.`,
      });
    }
    return withNext(stored, Math.max(closesAtMs, now()));
  });
  const closesAtMs = closingInstant(record);
  if (record.next?.season.state !== "opening" || closesAtMs === undefined) return;
  const skipped = now() < closesAtMs ? 0 : missedEnds(record.board.season, closesAtMs, now());
  if (skipped > 0)
    log.warn({ board: id, skipped }, "seasons were missed while nobody rolled over: they are skipped");
  await onStep("prepared", id);
}

async function openNext(options: RolloverOptions, id: string): Promise<void> {
  const { redis, registry, openFeed, preopenMs, now, onStep } = options;
  const { next } = recordOf(options, id);
  if (next?.season.state !== "opening") return;
  await openSeason(redis, derive(next), openFeed);
  await onStep("shards", id);
  await registry.change(id, (stored) => {
    if (stored.next?.season.incarnation !== next.season.incarnation) return stored;
    const planned = closingInstant(stored) ?? Number.POSITIVE_INFINITY;
    const scheduled = goesOnAfter(stored) && planned - now() <= preopenMs;
    // By hand there is a lead too, so that every gateway knows the next season before the instant comes.
    return withNextOpen(stored, scheduled ? planned : Math.min(planned, now() + preopenMs), now());
  });
  await onStep("opened", id);
}

/** The pointer has moved by the clock; the record says so too, if no earlier change of it did. */
async function moveOn({ registry, onStep }: RolloverOptions, id: string, before: number): Promise<void> {
  // The registry shows the record as it is at this instant: giving it back saves the move.
  const { season } = await registry.change(id, (stored) => stored);
  if (season.number !== before) await onStep("moved", id);
}

/** @returns false while the season may still drain */
async function freeze(options: RolloverOptions, id: string, number: number): Promise<boolean> {
  const { redis, registry, now, onStep } = options;
  const one = closingOf(options, id, number);
  if (!one || one.season.state === "closed") return true;
  if (now() < drainedAt(one, options)) return false;
  await freezeSeason(redis, derive(one));
  await onStep("shards-frozen", id);
  await registry.change(id, (stored) =>
    withClosing(stored, number, (closing) => ({
      ...closing,
      season: { ...closing.season, state: "closed" },
    })),
  );
  await onStep("frozen", id);
  return true;
}

/** @returns false while it waits for the archive: before it begins, or before it may be called done */
async function carry(
  options: RolloverOptions,
  id: string,
  number: number,
  stillOurs: () => Promise<void>,
): Promise<boolean> {
  const { redis, registry, hasher, limits, onCarried, onStep } = options;
  const one = closingOf(options, id, number);
  if (!one || one.carried) return true;
  const to = successorOf(recordOf(options, id), number);
  if (to && isAdded(to) && !(await options.isInArchive(derive(one)))) return false;
  if (to && isCarried(to)) {
    await carryOver({ redis, hasher, limits, from: derive(one), to, stillOurs });
    await onCarried(id);
    if (!(await options.cameToArchive(to))) return false;
  }
  await onStep("entries", id);
  await registry.change(id, (stored) =>
    withClosing(stored, number, (closing) => ({ ...closing, carried: true })),
  );
  await onStep("carried", id);
  return true;
}

function successorOf(record: BoardRecord, number: number): OpenBoard | undefined {
  const found = [record, ...record.closing].find(({ season }) => season.number === number + 1);
  return found && derive(found);
}

function drainedAt({ board, season }: ClosingSeason, { graceMs }: RolloverOptions): number {
  return (season.closesAtMs ?? season.endsAtMs ?? 0) + (graceOf(board) ?? graceMs);
}

function graceOf({ season }: Board): number | undefined {
  return season.graceMs;
}

function recordOf({ registry }: RolloverOptions, id: string): BoardRecord {
  const record = registry.record(id);
  if (!record) throw new Error(`board ${id} is not known here`);
  return record;
}

function closingOf(options: RolloverOptions, id: string, number: number): ClosingSeason | undefined {
  return recordOf(options, id).closing.find(({ season }) => season.number === number);
}
