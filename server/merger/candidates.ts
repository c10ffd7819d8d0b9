/**
 * What the merger knows of the shards' tops: everything at or above the cutoff, read from dirty shards only.
 *
 * [R 6] The cutoff lies somewhat below the published top, so that rows may leave it without a full read. It is raised any time after
 * publishing, and what was known below is forgotten; it is lowered only by the call that reads, on every shard.
 * Reads have limits; a list that a limit cut off is read deeper only if its end lies within the wanted top.
 */
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { comparePlaces } from "../leaderboard/reader.ts";
import { type BoardState, raiseCutoffs, readTops, type ShardTop } from "../leaderboard/top-reader.ts";
import type { RedisStore } from "../redis/store.ts";
import { mergeTops } from "./merge-tops.ts";

const RESERVE = 1.25;
const RAISE_ABOVE = 1.5;

export class Candidates {
  readonly #redis: RedisStore;
  readonly #open: OpenBoard;
  readonly #token: string;
  #tops: ShardTop[] = [];
  #cutoff = Number.POSITIVE_INFINITY;

  constructor(redis: RedisStore, open: OpenBoard, token: string) {
    this.#redis = redis;
    this.#open = open;
    this.#token = token;
  }

  get total(): number {
    return this.#tops.reduce((sum, { members }) => sum + members, 0);
  }

  get cutoff(): number {
    return this.#cutoff;
  }

  /** Take member counts of a poll over, and say which shards have changed at or above the cutoff since they were read. */
  dirtyShards(state: BoardState): number[] {
    const dirty: number[] = [];
    state.shards.forEach(({ version, members }, shard) => {
      const top = this.#tops[shard];
      if (!top || top.version !== version) dirty.push(shard);
      else top.members = members;
    });
    return dirty;
  }

  /** Read what changed and return the best `size` places of the board. */
  async refresh(dirty: readonly number[], size: number): Promise<Place[]> {
    if (this.#tops.length === 0) return this.#readAll(size);
    await this.#read(dirty, this.#atCutoff(size));
    const top = await this.#deepen(size);
    // Fewer than wanted although the board has more: some lie below the cutoff.
    return top.length < Math.min(size, this.total) ? this.#readAll(size) : top;
  }

  /** After publishing: keep the number of candidates near the reserve. */
  async raise(size: number): Promise<void> {
    const wanted = Math.ceil(size * RESERVE);
    const known = this.#tops.reduce((sum, { places }) => sum + places.length, 0);
    const everything = this.#cutoff === Number.POSITIVE_INFINITY;
    if (everything ? this.total <= wanted : known <= wanted * RAISE_ABOVE) return;
    const cutoff = mergeTops(this.#lists(), wanted).at(-1)!.key;
    if (cutoff >= this.#cutoff) return;
    await raiseCutoffs(this.#redis, this.#open, this.#token, cutoff);
    this.#cutoff = cutoff;
    for (const top of this.#tops) {
      top.places = top.places.filter(({ key }) => key <= cutoff);
      if (top.hiddenAfter && top.hiddenAfter.key > cutoff) top.hiddenAfter = undefined;
    }
  }

  #lists(): Place[][] {
    return this.#tops.map(({ places }) => places);
  }

  /** Limits for a read at the present cutoff: all that is better, and each shard's likely share of the rest. */
  #atCutoff(size: number): { betterMax: number; tiedMax: number } {
    const wanted = Math.ceil(size * RESERVE);
    let better = 0;
    for (const { places } of this.#tops) for (const { key } of places) if (key < this.#cutoff) better++;
    return { betterMax: wanted, tiedMax: share(Math.max(0, wanted - better), this.#tops.length) };
  }

  async #read(shards: readonly number[], limits: { betterMax: number; tiedMax: number }): Promise<void> {
    if (shards.length === 0) return;
    const requests = shards.map((shard) => ({ shard, ...limits }));
    const access = { token: this.#token, cutoff: this.#cutoff };
    for (const top of await readTops(this.#redis, this.#open, requests, access)) this.#tops[top.shard] = top;
  }

  /** The lower pass: every shard from the top, each only as deep as the merged top needs. */
  async #readAll(size: number): Promise<Place[]> {
    this.#cutoff = Number.POSITIVE_INFINITY;
    const shards = this.#open.shards.map((_, shard) => shard);
    await this.#read(shards, { betterMax: share(Math.ceil(size * RESERVE), shards.length), tiedMax: 0 });
    return this.#deepen(size);
  }

  /** Read further where a limit hid rows that belong to the top. Each round doubles the depth, so it ends. */
  async #deepen(size: number): Promise<Place[]> {
    for (;;) {
      const top = mergeTops(this.#lists(), size);
      const worst = top.length < size ? undefined : top.at(-1)!;
      const short = this.#tops.filter(
        ({ hiddenAfter }) => hiddenAfter && (!worst || comparePlaces(hiddenAfter, worst) < 0),
      );
      if (short.length === 0) return top;
      for (const { shard, places } of short) {
        const depth = 2 * Math.max(places.length, 16);
        // Below a finite cutoff all better rows are few and wanted; only the tie group at it is read deeper.
        const betterMax = Number.isFinite(this.#cutoff) ? Math.max(depth, Math.ceil(size * RESERVE)) : depth;
        await this.#read([shard], { betterMax, tiedMax: depth });
      }
    }
  }
}

/** What one of `shards` shards most likely holds of `rows` rows: the mean and four standard deviations. */
function share(rows: number, shards: number): number {
  if (shards === 1) return rows;
  const mean = rows / shards;
  return Math.min(rows, Math.ceil(mean + 4 * Math.sqrt(mean)) + 1);
}
