/**
 * Members whose ranks are kept up to date without asking Redis: their keys, the cell of the rank index that each lies in, and what was
 * last announced of each.
 *
 * Typed arrays, one place a member: a tick re-ranks a hundred thousand of them in about a millisecond.
 */
import { nextAfter, type RankIndex } from "../rank-index/rank-index.ts";
import { type CellMap, mapCells } from "./index-cell-map.ts";

/** No key: the member is not on the board. */
const ABSENT = Number.NaN;
const FIRST_CAPACITY = 64;
/** Changes of at most this share of a rank below the published top may wait… */
export const SMALL_CHANGE = 0.001;
/** …until the member has not moved for this long: with a second from tick to tick, within five seconds. */
const STILL_MS = 3_500;

export class RankedMembers {
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  #names: (string | undefined)[] = [];
  #index: RankIndex | undefined;
  #capacity = 0;
  /** Sort key; NaN for who is not on the board. */
  keys = new Float64Array(0);
  /** The count of the shard's batches with which the key was learnt: a larger one wins [R 10]. */
  ns = new Float64Array(0);
  /** What was last announced: rank (0 for none, NaN for nothing yet) and the error stated with it. */
  announced = new Float64Array(0);
  announcedError = new Float64Array(0);
  /** The rank as it was last computed, and when that last changed. */
  ranks = new Float64Array(0);
  movedAt = new Float64Array(0);
  /** 1 while the published top knows better than the index. */
  inTop = new Uint8Array(0);
  #cells = new Int32Array(0);
  #fractions = new Float64Array(0);
  /** Whether equal keys share a rank; else what breaks ties is not in the index. */
  readonly #shared: boolean;

  constructor({ shared }: { shared: boolean }) {
    this.#shared = shared;
  }

  get size(): number {
    return this.#slots.size;
  }

  get members(): IterableIterator<string> {
    return this.#slots.keys();
  }

  slotOf(member: string): number | undefined {
    return this.#slots.get(member);
  }

  nameOf(slot: number): string {
    return this.#names[slot]!;
  }

  add(member: string): number {
    const known = this.#slots.get(member);
    if (known !== undefined) return known;
    const slot = this.#free.pop() ?? this.#names.length;
    if (slot >= this.#capacity) this.#grow();
    this.#names[slot] = member;
    this.#slots.set(member, slot);
    this.forget(slot);
    return slot;
  }

  remove(member: string): void {
    const slot = this.#slots.get(member);
    if (slot === undefined) return;
    this.#slots.delete(member);
    this.#names[slot] = undefined;
    this.forget(slot);
    this.#free.push(slot);
  }

  /** As if nothing were known of the member. */
  forget(slot: number): void {
    this.keys[slot] = ABSENT;
    this.ns[slot] = -1;
    this.announced[slot] = Number.NaN;
    this.announcedError[slot] = 0;
    this.ranks[slot] = 0;
    this.movedAt[slot] = 0;
    this.inTop[slot] = 0;
  }

  /** [R 10] What a shard said of a member at its batch `n`. @returns whether the key is another one now */
  learn(slot: number, key: number | undefined, n: number): boolean {
    if (n < this.ns[slot]!) return false;
    this.ns[slot] = n;
    const next = key ?? ABSENT;
    if (Object.is(this.keys[slot], next)) return false;
    this.keys[slot] = next;
    if (this.#index) this.#place(slot, this.#index);
    return true;
  }

  #place(slot: number, index: RankIndex): void {
    const key = this.keys[slot]!;
    const cell = Number.isNaN(key) ? 0 : index.cellOf(key);
    this.#cells[slot] = cell;
    this.#fractions[slot] = this.#fractionOf(key, cell, index);
  }

  /** At the first index: who was told an exact rank that may still be true keeps it, and moves on from there. */
  #settle(slot: number, index: RankIndex): void {
    this.#place(slot, index);
    const told = this.announced[slot]!;
    if (!(told > 0) || this.announcedError[slot] !== 0 || this.#fractions[slot] === 0) return;
    const cell = this.#cells[slot]!;
    const [low, high] = [index.lower(cell), index.upper(cell)];
    if (told - 1 > low && told - 1 <= high) this.#fractions[slot] = (told - 1 - low) / (high - low);
  }

  #fractionOf(key: number, cell: number, index: RankIndex): number {
    if (!this.#shared && cell > 0 && index.boundaries[cell] === nextAfter(index.boundaries[cell - 1]!))
      return 0.5;
    return index.fractionOf(key, cell);
  }

  /** Go over to the next index. O(members + cells). */
  adopt(index: RankIndex): void {
    const before = this.#index;
    this.#index = index;
    if (before === index) return;
    const map = before && mapCells(before, index);
    if (!map) for (const slot of this.#slots.values()) this.#settle(slot, index);
    else if (!map.unchanged) this.#move(map, index);
  }

  #move({ first, last, same }: CellMap, index: RankIndex): void {
    const { keys } = this;
    const cells = this.#cells;
    const fractions = this.#fractions;
    for (let slot = 0; slot < this.#names.length; slot++) {
      const key = keys[slot]!;
      if (Number.isNaN(key)) continue;
      const cell = cells[slot]!;
      if (same[cell] === 1) {
        cells[slot] = first[cell]!;
        continue;
      }
      const next = index.cellBetween(key, first[cell]!, last[cell]!);
      cells[slot] = next;
      fractions[slot] = this.#fractionOf(key, next, index);
    }
  }

  /** What the index says of a member: its rank lies within [low, high]. */
  estimate(slot: number): { rank: number; low: number; high: number } | undefined {
    const index = this.#index;
    const key = this.keys[slot]!;
    if (!index || Number.isNaN(key)) return undefined;
    const cell = this.#cells[slot]!;
    const low = index.lower(cell);
    const fraction = this.#fractions[slot]!;
    // A key that is a boundary is counted exactly.
    const high = this.#shared && fraction === 0 ? low : index.upper(cell);
    return { rank: 1 + low + Math.round((high - low) * fraction), low: 1 + low, high: 1 + high };
  }

  /**
   * Members below the published top whose rank is to be announced: those it has visibly moved for, and those it has moved a little for,
   * or whose truth may lie outside of what was stated, once they have been still for a while. O(members), no lookups.
   */
  moved(nowMs: number): number[] {
    const index = this.#index;
    const moved: number[] = [];
    if (!index) return moved;
    // Taken out of the loop: this runs over everybody who is connected.
    const { keys, inTop, announced, announcedError, ranks, movedAt } = this;
    const cells = this.#cells;
    const fractions = this.#fractions;
    const shared = this.#shared;
    const { starts } = index;
    const slots = this.#names.length;
    const stillSince = nowMs - STILL_MS;
    for (let slot = 0; slot < slots; slot++) {
      const key = keys[slot]!;
      if (Number.isNaN(key) || inTop[slot] === 1) continue;
      const cell = cells[slot]!;
      const low = starts[cell]!;
      const fraction = fractions[slot]!;
      const high = shared && fraction === 0 ? low : starts[cell + 1]!;
      const rank = 1 + low + Math.round((high - low) * fraction);
      if (rank !== ranks[slot]) {
        ranks[slot] = rank;
        movedAt[slot] = nowMs;
      }
      const before = announced[slot]!;
      const error = announcedError[slot]!;
      const change = Math.abs(rank - before);
      // Not a number where nothing was announced yet.
      if (change <= SMALL_CHANGE * rank) {
        const stated = change === 0 && 1 + low >= before - error && 1 + high <= before + error;
        if (stated || movedAt[slot]! > stillSince) continue;
      }
      moved.push(slot);
    }
    return moved;
  }

  #grow(): void {
    this.#capacity = Math.max(FIRST_CAPACITY, 2 * this.#capacity);
    const grown = <T extends Float64Array | Int32Array | Uint8Array>(
      make: new (size: number) => T,
      old: T,
    ): T => {
      const next = new make(this.#capacity);
      next.set(old);
      return next;
    };
    this.keys = grown(Float64Array, this.keys);
    this.ns = grown(Float64Array, this.ns);
    this.announced = grown(Float64Array, this.announced);
    this.announcedError = grown(Float64Array, this.announcedError);
    this.ranks = grown(Float64Array, this.ranks);
    this.movedAt = grown(Float64Array, this.movedAt);
    this.inTop = grown(Uint8Array, this.inTop);
    this.#cells = grown(Int32Array, this.#cells);
    this.#fractions = grown(Float64Array, this.#fractions);
  }
}
