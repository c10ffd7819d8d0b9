/**
 * The top as it stood at an instant: the last whole top of the archive, the frames behind it, and of a season that Redis holds the frames that
 * are not archived yet. What cannot be known is said, never guessed.
 */
import type { Position } from "../../client-sdk/protocol/messages.ts";
import type { PastRow } from "../archive/feed-bodies.ts";
import type { ArchivedFeed } from "../archive/feed-frames.ts";
import { type ArchivedTop, applyPast, earliestTop, topAt } from "../archive/past-feed.ts";
import type { StoredSeasons } from "../archive/stored-seasons.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import { readFeedLog } from "../feed/feed-log.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { RedisStore } from "../redis/store.ts";

export type PastTop = {
  position: Position;
  /** When it was published. */
  asOfMs: number;
  total: number;
  /** Best first, with those who are out of sight today. */
  rows: readonly PastRow[];
  /** False where other tops may have been published between `asOfMs` and the instant that was asked for. */
  complete: boolean;
  /** From when on nothing is known, and until when where that is known. */
  gap?: { fromMs: number; toMs?: number };
};

/** Frames of one look at a feed that is not archived yet, and looks. */
const FRAMES_MAX = 200;
const LOOKS_MAX = 20;

export class PastTops {
  readonly #redis: RedisStore;
  readonly #database: Database;
  readonly #seasons: StoredSeasons;

  constructor(options: { redis: RedisStore; database: Database; seasons: StoredSeasons }) {
    this.#redis = options.redis;
    this.#database = options.database;
    this.#seasons = options.seasons;
  }

  /** The season that a board was in at an instant; undefined before its first. @throws AppError unavailable */
  seasonAt(board: string, atMs: number): Promise<number | undefined> {
    return this.#seasons.at(board, atMs);
  }

  /**
   * @param isHot whether Redis holds the season
   * @throws AppError history_gone naming the earliest instant, not_available where nothing is archived, unavailable
   */
  async at(open: OpenBoard, atMs: number, isHot: boolean): Promise<PastTop> {
    const of = { board: open.board.id, season: open.season.number };
    const found = await topAt(this.#database, of, atMs);
    if (!found) throw await this.#nothing(open);
    const { position, atMs: asOfMs, total, rows, gap, end } = found;
    const top = { position, asOfMs, total, rows };
    if (gap) return { ...top, complete: false, gap };
    if (!end || atMs <= end.seenMs) return { ...top, complete: true };
    const isThisLife = found.incarnation === open.season.incarnation;
    if (!isHot || !isThisLife) return { ...top, complete: false, gap: { fromMs: end.seenMs } };
    return this.#goOn(open, atMs, found, end);
  }

  /** What Redis still has behind the end of the archive. */
  async #goOn(open: OpenBoard, atMs: number, found: ArchivedTop, end: ArchivedFeed): Promise<PastTop> {
    const of = { board: open.board.id, incarnation: open.season.incarnation, keys: open.feed };
    let { position, atMs: asOfMs, total, rows } = found;
    for (let look = 0; look < LOOKS_MAX; look++) {
      const read = await readFeedLog(this.#redis, of, position, { max: FRAMES_MAX });
      if (typeof read === "string" || !read.follows) break;
      let latest = asOfMs;
      const upTo = read.frames.filter((frame) => {
        latest = Math.max(latest, frame.atMs);
        return latest <= atMs;
      });
      rows = applyPast(rows, upTo);
      const last = upTo.at(-1);
      if (last) {
        [total, asOfMs] = [last.total, Math.max(asOfMs, last.atMs)];
        position = { epoch: last.epoch, offset: last.offset };
      }
      const isAtHead = position.offset === read.head.offset;
      const isPast = upTo.length < read.frames.length;
      // At the head nothing is known of an instant that is not over.
      if (isPast || (isAtHead && atMs < read.nowMs)) {
        return { position, asOfMs, total, rows, complete: true };
      }
    }
    const fromMs = Math.min(atMs - 1, Math.max(asOfMs, end.seenMs));
    return { position, asOfMs, total, rows, complete: false, gap: { fromMs } };
  }

  async #nothing({ board, season }: OpenBoard): Promise<AppError> {
    const earliest = await earliestTop(this.#database, { board: board.id, season: season.number });
    if (earliest === undefined) {
      const message = `Nothing that was published in season ${season.number} of "${board.id}" is archived: that needs a process with the role archiver, and historyRetentionDays above 0.`;
      return new AppError("not_available", { message });
    }
    const from = new Date(earliest).toISOString();
    const message = `What was published in season ${season.number} of "${board.id}" is kept from ${from} on.`;
    return new AppError("history_gone", { message, details: { earliest: from } });
  }
}
