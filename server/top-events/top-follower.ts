/**
 * Follows the feed of one season and tells what changes at its top.
 *
 * While it knows the rows, frames are taken in order, and each one's changes are told. After a gap (another process, a fresh epoch, frames
 * that are gone) the top is compared with what it was when it was last told of: each net change is told, once. The rows are in memory only;
 * what was told is in the table, and goes on from its version, so that of two followers one finds itself outdated and begins again.
 */
import type { Position, Row } from "../../client-sdk/protocol/messages.ts";
import { applyRows } from "../../client-sdk/protocol/rows.ts";
import { type FeedOf, readSince, readSnapshot } from "../feed/feed-store.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { fromStored, rowOf } from "../leaderboard/codec.ts";
import type { RedisStore } from "../redis/store.ts";
import type { NewEvent } from "../webhooks/outbox.ts";
import type { TopWatches } from "../webhooks/told-tops.ts";
import { NOBODY, sameState, type TopChange, type TopState, topChanges, topStateOf } from "./top-change.ts";

export type FollowerOptions = {
  redis: RedisStore;
  watches: TopWatches;
  /** Whether somebody would hear of such an event. */
  isHeard: (type: string, board: string) => boolean;
  /** Since when somebody hears of this board's top, ms; undefined when nobody does. */
  heardSince: (board: string) => number | undefined;
};

/** Where a board says nothing. */
const SIZE = 10;
const FRAMES_MAX = 1_000;
/** So many events of several frames, or one frame's, are one transaction. */
const EVENTS_AT_ONCE = 200;

/** Position and rows in the feed, and what was told of them. */
type Known = {
  position: Position;
  rows: readonly Row[];
  told: TopState;
  size: number;
  /** Of the table's row, which is younger than this: since when somebody has heard of it. */
  version: number;
  since: number | undefined;
};

export class SeasonFollower {
  readonly #options: FollowerOptions;
  #open: OpenBoard;
  #known: Known | undefined;

  constructor(options: FollowerOptions, open: OpenBoard) {
    this.#options = options;
    this.#open = open;
  }

  /** The board may have changed what changes live. */
  set open(open: OpenBoard) {
    if (open.season.incarnation !== this.#open.season.incarnation) this.forget();
    this.#open = open;
  }

  get feed() {
    return this.#open.feed;
  }

  /** Somebody else may follow it meanwhile. */
  forget(): void {
    this.#known = undefined;
  }

  /** Whether there is something to look at. @param position of the feed */
  isBehind({ epoch, offset }: Position): boolean {
    if (!this.#known) return true;
    const { position, size, since } = this.#known;
    if (size !== this.#size || since !== this.#since) return true;
    return position.epoch !== epoch || position.offset !== offset;
  }

  /** Tell what changed since the last look. @returns how many events were noted. @throws AppError unavailable, what Redis throws */
  async look(): Promise<number> {
    const known = this.#known;
    if (!known) return this.#begin();
    const frames = await readSince(this.#options.redis, this.#feedOf, known.position, FRAMES_MAX);
    if (!frames) return this.#begin();
    let { rows, position, told } = known;
    let events: NewEvent[] = [];
    let count = 0;
    for (const frame of frames) {
      rows = applyRows(rows, frame.set, frame.drop);
      position = { epoch: frame.epoch, offset: frame.offset };
      events.push(...this.#eventsFrom(told, rows, position, known.size));
      told = topStateOf(rows, known.size, this.#open.board.ties);
      if (events.length < EVENTS_AT_ONCE) continue;
      count += events.length;
      if (!(await this.#advance({ rows, position, told }, events))) return 0;
      events = [];
    }
    if (!(await this.#advance({ rows, position, told }, events))) return 0;
    return count + events.length;
  }

  /** Compare with what was told last, by whoever told it. */
  async #begin(): Promise<number> {
    this.forget();
    const { redis, watches } = this.#options;
    const { board, season } = this.#open;
    const since = this.#since;
    const snapshot = await readSnapshot(redis, this.#feedOf);
    // A merger has yet to answer a failover, or the feed is missing.
    if (snapshot === "store_lost" || !snapshot.whole || since === undefined) return 0;
    const watch = await watches.get(board.id, season.number);
    // Who listens only since later shall not hear of what was before; and a board that was deleted may come again with this season.
    const wasHeard = watch !== undefined && watch.updated_at.getTime() >= Math.max(since, season.openedAtMs);
    // What a rebuild has brought back is there with the first frame.
    if (snapshot.offset === 0 && wasHeard && watch.members.length > 0) return 0;
    const { epoch, offset } = snapshot;
    const rows = snapshot.rows.map(({ member, score }) =>
      rowOf(this.#open, fromStored(this.#open.layout, member, score)),
    );
    const size = wasHeard ? watch.size : this.#size;
    const told = wasHeard ? watch : since <= season.openedAtMs ? NOBODY : undefined;
    const now = topStateOf(rows, size, board.ties);
    const position = { epoch, offset };
    const events = told ? this.#eventsFrom(told, rows, position, size) : [];
    this.#known = { position, rows, told: told ?? NOBODY, size, version: watch?.version ?? 0, since };
    try {
      const isNew = !wasHeard;
      return (await this.#advance({ rows, position, told: now }, events, isNew)) ? events.length : 0;
    } catch (error) {
      this.forget();
      throw error;
    }
  }

  /** Note what is to be told, and go on; where nothing changed nothing is written. @returns false when somebody else went on from there */
  async #advance(
    next: Pick<Known, "rows" | "position" | "told">,
    events: readonly NewEvent[],
    isNew = false,
  ): Promise<boolean> {
    const known = this.#known!;
    const { watches, isHeard } = this.#options;
    const { board, season } = this.#open;
    const [size, since] = [this.#size, this.#since];
    const told = size === known.size ? next.told : topStateOf(next.rows, size, board.ties);
    const isSame = size === known.size && since === known.since && sameState(told, known.told);
    // Rows and position move on only with what was noted of them: what failed is read again.
    let version: number | undefined = known.version;
    if (isNew || !isSame || events.length > 0) {
      const { epoch, offset } = next.position;
      const at = { board: board.id, season: season.number, epoch, offset };
      const watch = { ...at, size, members: [...told.members], firsts: told.firsts };
      const heard = events.filter(({ type }) => isHeard(type, board.id));
      version = await watches.advance(watch, known.version, heard);
    }
    this.#known = version === undefined ? undefined : { ...next, told, size, version, since };
    return version !== undefined;
  }

  #eventsFrom(told: TopState, rows: readonly Row[], position: Position, size: number): NewEvent[] {
    const { ties } = this.#open.board;
    return topChanges(told, rows, { size, ties }).map((change) => this.#eventOf(change, position, size));
  }

  #eventOf(change: TopChange, { epoch, offset }: Position, size: number): NewEvent {
    const { board, season, layout } = this.#open;
    const { type, member, rank } = change;
    const payload: Record<string, unknown> = { member, rank };
    if (change.type !== "top.left") {
      const [, , score, ...others] = change.row;
      const named = others.map((value, i) => [layout.columns[i + 1]!.column.name, value] as const);
      Object.assign(payload, { score }, named.length > 0 ? { columns: Object.fromEntries(named) } : {});
    }
    if (type !== "top.first") payload.top = size;
    const cause = `season ${season.number} of ${board.id}, ${epoch} ${offset}, ${member}`;
    return { type, board: board.id, season: season.number, cause, payload };
  }

  get #feedOf(): FeedOf {
    const { board, season, feed } = this.#open;
    return { board: board.id, incarnation: season.incarnation, keys: feed };
  }

  get #since(): number | undefined {
    return this.#options.heardSince(this.#open.board.id);
  }

  get #size(): number {
    const { webhookTop = SIZE, topSize } = this.#open.board;
    return Math.min(webhookTop, topSize);
  }
}
