/** A member over time: the score from the score log, ranks from what was published and sampled, and one point a season of all seasons. */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { type FinalPoint, finalEntry, finalPoints } from "../archive/final-points.ts";
import {
  changesOfMember,
  firstChangeAfter,
  hasLogGaps,
  livesOf,
  mirroredEntry,
  type PastChange,
  type SeasonLife,
} from "../archive/member-changes.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues } from "../leaderboard/codec.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import { type PastRank, pastRanks, rankAmong } from "./past-ranks.ts";
import type { PastSeasons } from "./past-seasons.ts";
import type { PastTops } from "./past-tops.ts";
import { reduced, type SeriesPoint, seriesOf } from "./series.ts";

export type HistoryAsked = {
  fromMs: number;
  toMs: number;
  /** Most points of either curve. */
  points: number;
  /** Not for who is out of sight. */
  withRanks: boolean;
  /** Whether Redis holds the season. */
  isHot: boolean;
};

const GONE: ReadonlySet<string> = new Set(["history_gone", "not_available"]);

/** Null: not on the board from then on. */
export type PastScore = { atMs: number; values: EntryValues | null };

export type MemberCurve = {
  fromMs: number;
  /** False where changes are missing: lost by the log, or more than one question looks at. */
  complete: boolean;
  scores: PastScore[];
  ranks: PastRank[];
};

export type SeasonPoint = EntryValues & { season: number; endedAtMs: number; rank: number; total: number };

export class MemberHistory {
  readonly #database: Database;
  readonly #past: PastSeasons;
  readonly #tops: PastTops;
  readonly #hasher: Hasher;
  readonly #rowsMax: number;

  /** @param rowsMax changes that one question looks at */
  constructor(options: {
    database: Database;
    past: PastSeasons;
    tops: PastTops;
    hasher: Hasher;
    rowsMax: number;
  }) {
    this.#database = options.database;
    this.#past = options.past;
    this.#tops = options.tops;
    this.#hasher = options.hasher;
    this.#rowsMax = options.rowsMax;
  }

  /** @throws AppError unavailable */
  async curve(open: OpenBoard, member: string, asked: HistoryAsked): Promise<MemberCurve> {
    const of = { board: open.board.id, season: open.season.number };
    const lives = await livesOf(this.#database, of);
    const range = { fromMs: asked.fromMs, toMs: asked.toMs, max: this.#rowsMax + 1 };
    const newestFirst = await changesOfMember(this.#database, lives, member, range);
    const isWhole = newestFirst.length <= this.#rowsMax;
    const changes = newestFirst.reverse();
    // The oldest one says where the entry stood before it.
    const fromMs = isWhole ? asked.fromMs : changes[0]!.atMs;
    const start = changes[0] ? changes[0].old : await this.#standAt(open, lives, member, asked);
    const points = seriesOf(fromMs, start, changes);
    const shard = this.#hasher.shardOf(member, open.board.shards);
    const hasGaps = await hasLogGaps(this.#database, lives, { sinceMs: fromMs, shard });
    return {
      fromMs,
      complete: isWhole && !hasGaps,
      scores: reduced(points, asked.points).map((point) => shown(open, point)),
      ranks: asked.withRanks ? await this.#ranks(open, member, { ...asked, fromMs }, points) : [],
    };
  }

  /**
   * One point for each archived season that the member is in, the newest first.
   * @param before only seasons with a lower number. @throws AppError unavailable
   */
  async seasons(
    board: string,
    member: string,
    { before, limit }: { before: number; limit: number },
  ): Promise<SeasonPoint[]> {
    const found = await finalPoints(this.#database, board, member, { before, limit });
    const points: SeasonPoint[] = [];
    for (const point of found) {
      const open = await this.#past.find(board, point.season);
      if (open) points.push(pointIn(open, point));
    }
    return points;
  }

  /** What is archived of ranks in between, and at both ends what frame by frame is known of the top. */
  async #ranks(
    open: OpenBoard,
    member: string,
    { fromMs, toMs, points: max, isHot }: HistoryAsked,
    points: readonly SeriesPoint[],
  ): Promise<PastRank[]> {
    const between = await pastRanks(this.#database, open, member, { fromMs, toMs, max: max - 2, points });
    const ends = [fromMs, toMs].map((atMs) => this.#rankAt(open, member, atMs, isHot));
    const [first = [], last = []] = await Promise.all(ends);
    return [
      ...first.filter(({ atMs }) => between[0]?.atMs !== atMs),
      ...between,
      ...last.filter(({ atMs }) => between.at(-1)?.atMs !== atMs && atMs !== fromMs),
    ];
  }

  /** Nothing where the top of then is not known for certain, or the member is not in it. */
  async #rankAt(open: OpenBoard, member: string, atMs: number, isHot: boolean): Promise<PastRank[]> {
    const top = await this.#tops.at(open, atMs, isHot).catch((error: unknown) => {
      if (error instanceof AppError && GONE.has(error.code)) return undefined;
      throw error;
    });
    const rank = top?.complete ? rankAmong(open, top.rows, member) : undefined;
    return rank === undefined ? [] : [{ atMs, rank, total: top!.total, exact: true }];
  }

  /** Where an entry stood at an instant behind which nothing is known of it so far. */
  async #standAt(
    { board, season }: OpenBoard,
    lives: readonly SeasonLife[],
    member: string,
    { toMs, isHot }: HistoryAsked,
  ) {
    const next: PastChange | undefined = await firstChangeAfter(this.#database, lives, member, toMs);
    if (next) return next.old;
    const of = { board: board.id, season: season.number };
    // A season may come into the archive, and leave the mirror, while it is asked about.
    const mirrored = isHot ? await mirroredEntry(this.#database, of, member) : undefined;
    return mirrored ?? finalEntry(this.#database, of, member);
  }
}

function shown(open: OpenBoard, { atMs, key }: SeriesPoint): PastScore {
  return { atMs, values: key ? entryValues(open, key) : null };
}

function pointIn(open: OpenBoard, { season, endedAtMs, rank, total, key, rest }: FinalPoint): SeasonPoint {
  return { season, endedAtMs, rank, total, ...entryValues(open, { key, rest }) };
}
