/**
 * One board's merger while it holds the lease: reads, merges, diffs against the published top, appends.
 *
 * Its state is derived, so a crash loses nothing: whoever takes the lease next loads the published top and reads every shard once.
 */
import type { Position, Row } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import { type Change, diff } from "../feed/delta.ts";
import {
  appendFrame,
  type FeedLimits,
  type FeedOf,
  noteHistories,
  openEpoch,
  readHistories,
  readSnapshot,
  type StoredChange,
} from "../feed/feed-store.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { fromStored, placeOf, rowOf, storedMember } from "../leaderboard/codec.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { type BoardState, FencedError } from "../leaderboard/top-reader.ts";
import type { RedisStore } from "../redis/store.ts";
import { Candidates } from "./candidates.ts";

/** Rows and places are the same members in the same order. */
type Published = { position: Position; rows: Row[]; places: Place[]; total: number };

export type TickResult = "published" | "unchanged";

export class BoardMerger {
  readonly #redis: RedisStore;
  readonly #limits: FeedLimits;
  readonly #token: string;
  #open: OpenBoard;
  #candidates: Candidates;
  #published: Published | undefined;
  #history: string | undefined;

  constructor(options: { redis: RedisStore; open: OpenBoard; token: string; limits: FeedLimits }) {
    this.#redis = options.redis;
    this.#open = options.open;
    this.#token = options.token;
    this.#limits = options.limits;
    this.#candidates = new Candidates(options.redis, options.open, options.token);
  }

  /** Whether it was made for this life and season of the board: what it derived is of no use for another. */
  isFor({ season }: OpenBoard): boolean {
    return this.#open.season.incarnation === season.incarnation;
  }

  /** One turn. @throws FencedError when the lease is another's, AppError store_lost, or what Redis throws */
  async tick(open: OpenBoard, state: BoardState): Promise<TickResult> {
    this.#open = open;
    for (const { incarnation } of state.shards) {
      if (incarnation !== open.season.incarnation) throw new AppError("store_lost");
    }
    await this.#followHistory(state.history);
    const size = open.board.topSize;
    const dirty = this.#candidates.dirtyShards(state);
    const resized = this.#published !== undefined && this.#published.rows.length !== this.#expectedRows(size);
    if (dirty.length === 0 && this.#published && !resized) return "unchanged";
    const top = await this.#candidates.refresh(dirty, size);
    const result = await this.#publish(top);
    await this.#candidates.raise(size);
    return result;
  }

  #expectedRows(size: number): number {
    return Math.min(size, this.#candidates.total);
  }

  /** [R 7] Another replication history may have lost acknowledged writes: read every shard anew, under a fresh epoch. */
  async #followHistory(history: string): Promise<void> {
    if (this.#history === history) return;
    const known = this.#history ?? (await readHistories(this.#redis, this.#feed()));
    this.#candidates = new Candidates(this.#redis, this.#open, this.#token);
    this.#published = undefined;
    if (known !== undefined && known !== history) await this.#freshEpoch();
    // Only after it: whoever takes over in between opens one more.
    if (known !== history) this.#refuse(await noteHistories(this.#redis, this.#feed(), this.#token, history));
    this.#history = history;
  }

  #refuse(tag: string): void {
    if (tag === "fenced") throw new FencedError(`a later merger works on ${this.#open.board.id}`);
    if (tag === "store_lost") throw new AppError("store_lost");
  }

  async #publish(top: Place[]): Promise<TickResult> {
    const published = this.#published ?? (await this.#load());
    const known = new Map(
      published.places.map((place, i) => [place.member, { place, row: published.rows[i]! }]),
    );
    // Rows that did not change keep their identity, which the diff looks at first.
    const rows = top.map((place) => {
      const before = known.get(place.member);
      const same = before?.place.key === place.key && before.place.rest === place.rest;
      return same ? before.row : rowOf(this.#open, place);
    });
    const change = diff(published.rows, rows);
    if (change.set.length === 0 && change.drop.length === 0) return "unchanged";
    const { epoch, offset } = published.position;
    const { total } = this.#candidates;
    const frame = { epoch, offset: offset + 1, ...change, total };
    const result = await appendFrame(this.#redis, this.#feed(), frame, {
      token: this.#token,
      limits: this.#limits,
      change: storedChange(change, known),
    });
    if (result === "fenced") throw new FencedError(`a later merger works on ${this.#open.board.id}`);
    if (result === "appended") {
      this.#published = { position: { epoch, offset: offset + 1 }, rows, places: top, total };
      return "published";
    }
    // [R 8] What is published is not what was diffed against: load it, diff again.
    if (result === "epoch") await this.#freshEpoch();
    this.#published = undefined;
    return this.#publish(top);
  }

  async #freshEpoch(): Promise<void> {
    const opened = await openEpoch(this.#redis, this.#feed(), this.#token);
    if (typeof opened === "string") this.#refuse(opened);
  }

  async #load(): Promise<Published> {
    const snapshot = await readSnapshot(this.#redis, this.#feed());
    if (snapshot === "store_lost") throw new AppError("store_lost");
    if (!snapshot.whole) {
      await this.#freshEpoch();
      return this.#load();
    }
    const { layout } = this.#open;
    const places = snapshot.rows.map(({ member, score }) => fromStored(layout, member, score));
    const rows = places.map((place) => rowOf(this.#open, place));
    this.#published = { position: snapshot, rows, places, total: snapshot.total };
    return this.#published;
  }

  #feed(): FeedOf {
    const { board, season, feed } = this.#open;
    return { board: board.id, incarnation: season.incarnation, keys: feed };
  }
}

/** A frame's change as the published top stores it: a member whose rest changed stands there under another name. */
function storedChange({ set, drop }: Change, known: ReadonlyMap<string, { place: Place }>): StoredChange {
  const removes = drop.map((member) => storedMember(known.get(member)!.place));
  const adds: StoredChange["adds"] = [];
  for (const row of set) {
    const place = placeOf(row);
    const before = known.get(place.member)?.place;
    if (before && before.rest !== place.rest) removes.push(storedMember(before));
    adds.push(place.key, storedMember(place));
  }
  return { removes, adds };
}
