/**
 * One season's feed into the tables: what was published, frame by frame, with the whole top now and then. Paced, and one call to Redis a
 * turn. Its state is what the tables say: after anything went wrong, or when another archiver went on, it begins anew.
 */

import { compareRows } from "../../client-sdk/protocol/rows.ts";
import {
  type ArchivedFeed,
  appendParts,
  type NewParts,
  readArchivedFeed,
  seenBefore,
  type TopPart,
} from "../archive/feed-frames.ts";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Database } from "../database/database.ts";
import { type FeedRead, readFeedLog } from "../feed/feed-log.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { fromStored, sortKeyOf } from "../leaderboard/codec.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ArchivedSeason } from "./archived-boards.ts";

export type FeedArchiverOptions = {
  redis: RedisStore;
  database: Database;
  log: Log;
  feeds: {
    everyMs: number;
    /** A whole top is written after so many frames, or when frames came and the last one is so old. */
    topFrames: number;
    topMs: number;
  };
};

/** Of one turn: what a transaction and a reply of Redis may take. */
const FRAMES_MAX = 100;

export class FeedArchiver {
  readonly #options: FeedArchiverOptions;
  readonly #life: number;
  #held: ArchivedFeed | undefined;
  #isKnown = false;
  /** Nothing was missing then; the tables are told with the next frames only. */
  #lookedMs = 0;
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor({ life }: ArchivedSeason, options: FeedArchiverOptions) {
    this.#options = options;
    this.#life = life;
  }

  /**
   * What was published since the last turn, when the next one is due.
   * @param open the season with the rules of today
   * @returns whether there is more already. @throws AppError unavailable
   */
  async turn(open: OpenBoard): Promise<boolean> {
    if (performance.now() < this.#dueAt || open.board.historyRetentionDays === 0) return false;
    this.#dueAt = performance.now() + this.#options.feeds.everyMs;
    try {
      const more = await this.#turn(open);
      if (more) this.#dueAt = Number.NEGATIVE_INFINITY;
      return more;
    } catch (error) {
      this.#isKnown = false;
      if (error instanceof AppError && error.code === "unavailable") throw error;
      // Scores go to the tables all the same.
      this.#options.log.warn({ board: open.board.id, err: error }, "a feed cannot be archived just now");
      return false;
    }
  }

  async #turn(open: OpenBoard): Promise<boolean> {
    const { database, feeds } = this.#options;
    if (!this.#isKnown) {
      this.#held = await readArchivedFeed(database, this.#life);
      this.#isKnown = true;
    }
    const held = this.#held;
    const isOld = held !== undefined && held.frames > 0 && Date.now() - held.topAtMs >= feeds.topMs;
    const isLong = held !== undefined && held.frames + FRAMES_MAX > feeds.topFrames;
    const read = await this.#read(open, held, isOld || isLong);
    if (read === undefined) return false;
    const parts = await this.#partsOf(open, held, read);
    if (!parts) return false;
    const end = await appendParts(database, this.#life, held, parts);
    this.#held = end;
    this.#isKnown = end !== undefined;
    return end === undefined || end.offset < read.head.offset;
  }

  /** Undefined while there is nothing to read: the feed is another life's, or its merger has not come back after a failover. */
  async #read(
    open: OpenBoard,
    held: ArchivedFeed | undefined,
    withTop: boolean,
  ): Promise<FeedRead | undefined> {
    const of = { board: open.board.id, incarnation: open.season.incarnation, keys: open.feed };
    const read = await readFeedLog(this.#options.redis, of, held, { max: FRAMES_MAX, withTop });
    return typeof read === "string" ? undefined : read;
  }

  async #partsOf(
    open: OpenBoard,
    held: ArchivedFeed | undefined,
    read: FeedRead,
  ): Promise<NewParts | undefined> {
    const { head, frames, follows, nowMs } = read;
    const seenMs = seenIn(read);
    if (!held) return this.#firstParts(open, read);
    if (!follows) {
      this.#noteLoss(open, held, read);
      // A fresh epoch may have no frame of its own yet, and be another top than the last one all the same.
      const atMs = head.atMs > held.atMs ? head.atMs : nowMs;
      return {
        top: { ...topOf(open, read), atMs, gapFromMs: Math.max(held.seenMs, this.#lookedMs) },
        seenMs,
      };
    }
    if (frames.length === 0 && !isOver(open, held, nowMs)) {
      if (held.offset === head.offset) this.#lookedMs = seenMs;
      return undefined;
    }
    const isAtHead = held.offset + frames.length === head.offset;
    const after = { epoch: held.epoch, offset: held.offset, frames };
    const top = isAtHead && read.top && frames.length > 0 ? topOf(open, read) : undefined;
    return { frames: after, ...(top ? { top } : {}), seenMs: isAtHead ? seenMs : 0 };
  }

  /** From an empty top on where every frame is there, else from the top as it is found. */
  async #firstParts(open: OpenBoard, read: FeedRead): Promise<NewParts> {
    const { head, frames, follows } = read;
    const before = await seenBefore(this.#options.database, this.#life);
    const { openedAtMs } = open.season;
    const isAtHead = frames.length === head.offset;
    if (follows && before === undefined) {
      const atMs = Math.min(openedAtMs, frames[0]?.atMs ?? openedAtMs);
      const base = { epoch: head.epoch, offset: 0, atMs, total: 0, rows: [] };
      return { base, frames: { epoch: head.epoch, offset: 0, frames }, seenMs: isAtHead ? seenIn(read) : 0 };
    }
    // The life before this one was lost with Redis, and what was published last with it.
    const gapFromMs = before === undefined ? openedAtMs : Math.max(before, openedAtMs);
    const [first, ...rest] = frames;
    if (follows && first) {
      // What comes first in a feed is the whole top.
      const { epoch, offset, atMs, total, set } = first;
      const base = { epoch, offset, atMs, total, rows: [...set].sort(compareRows), gapFromMs };
      return { base, frames: { epoch, offset, frames: rest }, seenMs: isAtHead ? seenIn(read) : 0 };
    }
    const top = read.top ? read : await this.#topNow(open);
    const atMs = top.head.atMs > 0 ? top.head.atMs : top.nowMs;
    return { top: { ...topOf(open, top), atMs, gapFromMs }, seenMs: seenIn(top) };
  }

  /** @throws AppError unavailable */
  async #topNow(open: OpenBoard): Promise<FeedRead> {
    const nowhere = { epoch: "-", offset: 0 };
    const of = { board: open.board.id, incarnation: open.season.incarnation, keys: open.feed };
    const read = await readFeedLog(this.#options.redis, of, nowhere, { max: 0, withTop: true });
    if (typeof read === "string") throw new AppError("unavailable", { message: `The feed is ${read}.` });
    return read;
  }

  #noteLoss({ board, season }: OpenBoard, held: ArchivedFeed, { head }: FeedRead): void {
    this.#options.log.warn(
      { board: board.id, season: season.number, from: held.offset, to: head.offset },
      "frames were lost before they were archived, or the feed began a fresh epoch; history has a gap there",
    );
  }
}

/** In the millisecond of the reading itself more may be published behind it. */
function seenIn({ nowMs }: FeedRead): number {
  return nowMs - 1;
}

function topOf(open: OpenBoard, { head, top = [] }: FeedRead): TopPart {
  const rows = top.map(({ member, score }) => {
    const place = fromStored(open.layout, member, score);
    return [place.member, sortKeyOf(open.layout, place)] as const;
  });
  const { epoch, offset, atMs, total } = head;
  return { epoch, offset, atMs, total, rows };
}

/** A season's last instant has come since the last look: nothing was published up to it. */
function isOver({ season }: OpenBoard, { seenMs }: ArchivedFeed, nowMs: number): boolean {
  const closesAtMs = season.closesAtMs ?? season.endsAtMs;
  return closesAtMs !== undefined && seenMs < closesAtMs && nowMs > closesAtMs;
}
