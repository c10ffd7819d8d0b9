/**
 * The live ranks and windows of all boards in this process: opened with the first follower of a board, closed after the last one.
 *
 * Answers are made and followers attached in one turn, so that what comes later follows the answer.
 */
import type { ErrorBody } from "../../client-sdk/protocol/codes.ts";
import type { LiveWindow, Standing } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import type { BoardFeed } from "../feed/board-feed.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import type { Reader } from "../leaderboard/reader.ts";
import type { IndexHub, IndexOf } from "../rank-index/index-hub.ts";
import type { RedisStore } from "../redis/store.ts";
import { BoardStandings, type LiveBoard } from "./board-standings.ts";
import { type WindowQuestion, Windows } from "./live-windows.ts";
import { OwnStandings } from "./own-standings.ts";
import { SendBudget } from "./send-budget.ts";

export type StandingsOptions = {
  redis: RedisStore;
  hasher: Hasher;
  reader: Reader;
  indexes: IndexHub;
  /** A board's feed, in step with Redis, kept until it is released. */
  openFeed: (open: OpenBoard) => Promise<{ feed: BoardFeed; release: () => void }>;
  now: () => number;
  onError: (error: unknown) => void;
  /** Puts into a window what else the board shows. */
  completeWindow: (open: OpenBoard, window: LiveWindow) => Promise<LiveWindow>;
  /** Standings sent a second, over all boards. */
  sendsPerSecond: number;
  /** Windows round members read from Redis a second, over all boards. */
  windowReadsPerSecond: number;
};

/** How a follower is told. After `onEnded` nothing more comes. */
export type Follower<T> = {
  onChange: (value: T) => void;
  onEnded: (error: ErrorBody) => void;
  /** It is the member itself, who may know what others are not shown. */
  isOwn?: boolean;
};

/** Ends what it was given for; calling it again does nothing. */
export type Release = () => void;

type Opened = {
  standings: BoardStandings;
  windows: Windows;
  own: OwnStandings;
  followers: Set<{ onEnded: (error: ErrorBody) => void }>;
  close: () => void;
};

type Entry = {
  open: OpenBoard;
  board: LiveBoard;
  opened: Promise<Opened>;
  ready: Opened | undefined;
  users: number;
};

const BEAT_MS = 200;

export class Standings {
  readonly #options: StandingsOptions;
  readonly #boards = new Map<string, Entry>();
  readonly #sends: SendBudget;
  readonly #reads: SendBudget;
  readonly #beat: Loop;

  constructor(options: StandingsOptions) {
    this.#options = options;
    this.#sends = new SendBudget(options.sendsPerSecond);
    this.#reads = new SendBudget(options.windowReadsPerSecond);
    this.#beat = new Loop({
      everyMs: BEAT_MS,
      step: async () => {
        for (const { ready } of this.#boards.values()) {
          ready?.standings.beat();
          ready?.windows.beat();
          ready?.own.beat();
        }
      },
      onError: options.onError,
    });
  }

  start(): void {
    this.#beat.start();
  }

  async stop(): Promise<void> {
    await this.#beat.stop();
    for (const { ready } of this.#boards.values()) ready?.close();
    this.#boards.clear();
  }

  /**
   * Follow where one member stands. `reply` gets the standing as it is now, in the turn from which on `follower` hears of changes.
   * @throws AppError store_lost, unavailable
   */
  followMember(
    open: OpenBoard,
    member: string,
    follower: Follower<Standing>,
    reply: (standing: Standing) => void,
  ): Promise<Release> {
    return this.#follow(open, [member], follower, async ({ standings, own }) => {
      const counted = await standings.answerFor(member);
      const unseen = follower.isOwn && counted.rank === null;
      const answer = unseen ? await own.answerFor(member, counted) : counted;
      return () => {
        reply(answer);
        standings.answered(member, counted);
        if (follower.isOwn) return own.follow(member, answer, follower.onChange);
        return standings.listen(member, { standing: follower.onChange });
      };
    });
  }

  /**
   * Follow a window of the board: the entries round a member, or those of a list of members.
   * @throws AppError store_lost, unavailable
   */
  followWindow(
    open: OpenBoard,
    question: WindowQuestion,
    follower: Follower<LiveWindow>,
    reply: (window: LiveWindow) => void,
  ): Promise<Release> {
    const members = question.kind === "around" ? [question.member] : question.members;
    return this.#follow(open, members, follower, async ({ windows }) => {
      const window = await windows.build(question);
      return () => {
        reply(window);
        return windows.follow(question, follower.onChange);
      };
    });
  }

  /** This process was told of the outcome of a submission. */
  acknowledged(open: OpenBoard, place: Place, n: number): void {
    const entry = this.#boards.get(open.board.id);
    if (entry?.open.season.incarnation !== open.season.incarnation) return;
    entry.ready?.standings.acknowledged(place.member, place, n);
  }

  /** Members are said to have moved; nothing depends on it. */
  hint(boardId: string, members: readonly string[]): void {
    const ready = this.#boards.get(boardId)?.ready;
    ready?.standings.hint(members);
    ready?.own.nudge(members);
  }

  /** A board was changed: what may change live is taken over; what followed another life of it ends, and may ask again. */
  onBoard(open: OpenBoard): void {
    const entry = this.#boards.get(open.board.id);
    if (!entry) return;
    if (entry.open.season.incarnation === open.season.incarnation) {
      entry.board.open = open;
      return;
    }
    this.#boards.delete(open.board.id);
    const error = openedAnew(open, entry.open).body();
    for (const { onEnded } of [...(entry.ready?.followers ?? [])]) onEnded(error);
    entry.ready?.close();
  }

  /** A board was deleted: everything that follows it ends. */
  onGone({ board }: OpenBoard): void {
    const entry = this.#boards.get(board.id);
    if (!entry) return;
    this.#boards.delete(board.id);
    const error = new AppError("board_not_found", { message: `Board "${board.id}" was deleted.` }).body();
    for (const { onEnded } of [...(entry.ready?.followers ?? [])]) onEnded(error);
    entry.ready?.close();
  }

  async #follow(
    open: OpenBoard,
    members: readonly string[],
    follower: { onEnded: (error: ErrorBody) => void },
    prepare: (opened: Opened) => Promise<() => Release>,
  ): Promise<Release> {
    const entry = this.#entry(open);
    entry.users++;
    const leave: Release[] = [() => this.#leave(entry)];
    try {
      const opened = await entry.opened;
      leave.push(() => opened.standings.untrack(members));
      await opened.standings.track(members);
      const attach = await prepare(opened);
      // Closed in the meantime: nothing would come of it any more.
      if (this.#boards.get(open.board.id) !== entry) throw openedAnew(open, open);
      opened.followers.add(follower);
      leave.push(() => opened.followers.delete(follower));
      leave.push(attach());
    } catch (error) {
      for (const step of leave.reverse()) step();
      throw error;
    }
    return once(() => {
      for (const step of leave.reverse()) step();
    });
  }

  #entry(open: OpenBoard): Entry {
    const known = this.#boards.get(open.board.id);
    if (known?.open.season.incarnation === open.season.incarnation) return known;
    this.onBoard(open);
    const board: LiveBoard = { open };
    const entry: Entry = { open, board, opened: this.#open(board), ready: undefined, users: 0 };
    this.#boards.set(open.board.id, entry);
    entry.opened.then(
      (opened) => {
        entry.ready = opened;
        if (this.#boards.get(open.board.id) !== entry) opened.close();
      },
      () => {
        if (this.#boards.get(open.board.id) === entry) this.#boards.delete(open.board.id);
      },
    );
    return entry;
  }

  async #open(board: LiveBoard): Promise<Opened> {
    const { open } = board;
    const { redis, hasher, reader, indexes, openFeed, now, onError, completeWindow } = this.#options;
    const { feed, release } = await openFeed(open);
    const of: IndexOf = { board: open.board.id, incarnation: open.season.incarnation, keys: open.feed };
    const standings = new BoardStandings({
      redis,
      hasher,
      reader,
      board,
      feed,
      index: indexes.look(of),
      budget: this.#sends,
      now,
      onError,
    });
    const unfollow = indexes.follow(of, (index) => standings.onIndex(index));
    const common = { board, standings, reader, reads: this.#reads, sends: this.#sends, onError };
    const own = new OwnStandings({ ...common, redis, hasher });
    const windows = new Windows({
      ...common,
      own,
      now,
      complete: completeWindow,
    });
    const close = (): void => {
      unfollow();
      standings.close();
      release();
    };
    return { standings, windows, own, followers: new Set(), close };
  }

  #leave(entry: Entry): void {
    if (--entry.users > 0) return;
    if (this.#boards.get(entry.open.board.id) !== entry) return;
    this.#boards.delete(entry.open.board.id);
    entry.ready?.close();
  }
}

function openedAnew({ board, season }: OpenBoard, before: OpenBoard): AppError {
  const moved = season.number > before.season.number;
  const message = moved
    ? `Board "${board.id}" is in season ${season.number} now.`
    : `Board "${board.id}" was opened anew.`;
  return new AppError(moved ? "season_changing" : "store_lost", { message, retryAfterMs: 100 });
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
