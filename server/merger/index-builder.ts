/**
 * One board's rank index, kept by whoever holds the board's lease: counted on shards that changed, cut where cells have become too large.
 *
 * Counts are exact when they are made and always made anew, so nothing drifts, whatever the rate of writes. All state is derived.
 */
import type { OpenBoard } from "../leaderboard/board.ts";
import {
  BOUNDARIES_PER_CALL,
  countAt,
  countSmall,
  countsIn,
  keysAt,
  type ShardCounts,
  type Work,
} from "../leaderboard/boundary-counts.ts";
import type { BoardState } from "../leaderboard/top-reader.ts";
import {
  boundariesFor,
  type Cut,
  keptBoundaries,
  overfullCells,
  type Spacing,
  sharesOf,
  spacingFor,
} from "../rank-index/boundaries.ts";
import { RankIndex } from "../rank-index/rank-index.ts";
import type { RedisStore } from "../redis/store.ts";

/** Cutting sharpens from round to round; a first index takes a few, later ones none or one. */
const ROUNDS_MAX = 5;
/** Cells cut in one round. */
const CUTS_MAX = 200;

export class IndexBuilder {
  readonly #redis: RedisStore;
  readonly #now: () => number;
  readonly #token: number;
  /** What the counting has cost Redis since this builder began. */
  readonly work: Work = { ms: 0 };
  #sequence = 0;
  #incarnation = "";
  #history = "";
  #boundaries: Float64Array = new Float64Array(0);
  #shards: (ShardCounts | undefined)[] = [];
  #index: RankIndex | undefined;

  /** @param options.token of the lease under which it counts */
  constructor(options: { redis: RedisStore; now: () => number; token: string }) {
    this.#redis = options.redis;
    this.#now = options.now;
    this.#token = Number(options.token);
  }

  get index(): RankIndex | undefined {
    return this.#index;
  }

  /**
   * Count what changed since the last call.
   * @returns the index as it now is. @throws AppError store_lost, unavailable
   */
  async refresh(open: OpenBoard, { history, shards }: BoardState): Promise<RankIndex> {
    const asOf = this.#now();
    if (open.season.incarnation !== this.#incarnation) this.#startOver(open);
    // [R 7] In another history the same count of batches may stand for other entries.
    if (history !== this.#history) this.#shards = this.#shards.map((shard) => shard && { ...shard, n: -1 });
    this.#history = history;
    const dirty = shards.flatMap(({ n }, shard) => (this.#shards[shard]?.n === n ? [] : [shard]));
    if (dirty.length > 0 || !this.#index) {
      for (const shard of dirty) this.#shards[shard] = await this.#count(open, shard, shards[shard]!.members);
      await this.#respace(open);
    }
    const facts = {
      incarnation: this.#incarnation,
      token: this.#token,
      sequence: ++this.#sequence,
      asOf,
      total: this.#total(),
      ns: this.#shards.map((shard) => shard!.n),
    };
    this.#index = new RankIndex(facts, this.#boundaries, this.#below());
    return this.#index;
  }

  #startOver(open: OpenBoard): void {
    this.#incarnation = open.season.incarnation;
    this.#boundaries = new Float64Array(0);
    this.#shards = open.shards.map(() => undefined);
    this.#index = undefined;
  }

  async #count(open: OpenBoard, shard: number, members: number): Promise<ShardCounts> {
    const few = members <= BOUNDARIES_PER_CALL;
    const small = few ? await countSmall(this.#redis, open, shard, this.#boundaries, this.work) : undefined;
    return small ?? (await countAt(this.#redis, open, [shard], this.#boundaries, this.work))[0]!;
  }

  #total(): number {
    return this.#shards.reduce((sum, shard) => sum + shard!.members, 0);
  }

  /** Chunks of one shard are counted at slightly different times, so the sum is made monotone before use. */
  #below(): Float64Array {
    const below = new Float64Array(this.#boundaries.length);
    for (const shard of this.#shards) for (let i = 0; i < below.length; i++) below[i]! += shard!.counts[i]!;
    for (let i = 1; i < below.length; i++) below[i] = Math.max(below[i]!, below[i - 1]!);
    return below;
  }

  /** Merge cells that have become too small, cut those that have become too large. */
  async #respace(open: OpenBoard): Promise<void> {
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const total = this.#total();
      const spacing = spacingFor(total, open.board.topSize);
      const below = this.#below();
      const cuts = overfullCells(this.#boundaries, below, total, spacing).slice(0, CUTS_MAX);
      if (cuts.length === 0) break;
      const added = await this.#boundariesIn(open, cuts, { below, total, spacing });
      if (added.length === 0) break;
      await this.#insert(open, added);
    }
    const total = this.#total();
    const kept = keptBoundaries(this.#below(), total, spacingFor(total, open.board.topSize));
    this.#keep(kept);
  }

  /** Keys found in the cells that are to be cut, each in the shard that has most of the cell. */
  async #boundariesIn(
    open: OpenBoard,
    cuts: readonly Cut[],
    { below, total, spacing }: { below: Float64Array; total: number; spacing: Spacing },
  ): Promise<number[]> {
    const wanted = cuts.map((cut) => {
      const { shard, first, count } = this.#largestPart(cut.cell);
      const low = cut.cell === 0 ? 0 : below[cut.cell - 1]!;
      const high = cut.cell === below.length ? total : below[cut.cell]!;
      const shares = sharesOf(low, high, cut, spacing);
      const places = shares.map((share) => first + Math.min(count - 1, Math.floor(share * count)));
      return { shard, places };
    });
    const byCut = wanted.map(({ shard, places }) => {
      const { keys } = this.#shards[shard]!;
      return keys ? places.map((place) => keys[place] ?? Number.POSITIVE_INFINITY) : [];
    });
    const pieces = wanted.flatMap(({ shard, places }, c) =>
      this.#shards[shard]!.keys ? [] : chunked(places).map((chunk) => ({ c, shard, places: chunk })),
    );
    const found = await keysAt(this.#redis, open, pieces, this.work);
    for (const [i, keys] of found.entries()) byCut[pieces[i]!.c]!.push(...keys);
    return byCut.flatMap((keys, c) => boundariesFor(keys, this.#boundaries[cuts[c]!.cell - 1]));
  }

  #largestPart(cell: number): { shard: number; first: number; count: number } {
    let best = { shard: 0, first: 0, count: 0 };
    this.#shards.forEach((counted, shard) => {
      const first = cell === 0 ? 0 : counted!.counts[cell - 1]!;
      const end = cell === this.#boundaries.length ? counted!.members : counted!.counts[cell]!;
      if (end - first > best.count) best = { shard, first, count: end - first };
    });
    return best;
  }

  /** Count the new boundaries on every shard and put them in their places. */
  async #insert(open: OpenBoard, added: readonly number[]): Promise<void> {
    const known = new Set(this.#boundaries);
    const fresh = Float64Array.from(new Set(added.filter((key) => !known.has(key)))).sort();
    const counted: ShardCounts[] = [];
    for (const [shard, known] of this.#shards.entries()) {
      const one = known!.keys
        ? { ...known!, counts: countsIn(known!.keys, fresh) }
        : (await countAt(this.#redis, open, [shard], fresh, this.work))[0]!;
      counted.push(one);
    }
    const before = this.#boundaries;
    const order = mergeOrder(before, fresh);
    this.#boundaries = pick(order, before, fresh);
    this.#shards = this.#shards.map((shard, s) => ({
      ...counted[s]!,
      members: counted[s]!.members,
      n: Math.min(shard!.n, counted[s]!.n),
      counts: monotone(pick(order, shard!.counts, counted[s]!.counts)),
    }));
  }

  #keep(kept: readonly boolean[]): void {
    if (kept.every(Boolean)) return;
    const chosen = (values: Float64Array): Float64Array => values.filter((_, i) => kept[i]);
    this.#boundaries = chosen(this.#boundaries);
    this.#shards = this.#shards.map((shard) => ({ ...shard!, counts: chosen(shard!.counts) }));
  }
}

function chunked(places: readonly number[]): number[][] {
  const chunks: number[][] = [];
  for (let at = 0; at < places.length; at += BOUNDARIES_PER_CALL) {
    chunks.push(places.slice(at, at + BOUNDARIES_PER_CALL));
  }
  return chunks;
}

/** For each place of the merged list: i for `before[i]`, −1−i for `fresh[i]`. */
function mergeOrder(before: Float64Array, fresh: Float64Array): Int32Array {
  const order = new Int32Array(before.length + fresh.length);
  let b = 0;
  let f = 0;
  for (let i = 0; i < order.length; i++) {
    const takeFresh = b === before.length || (f < fresh.length && fresh[f]! < before[b]!);
    order[i] = takeFresh ? -1 - f++ : b++;
  }
  return order;
}

function pick(order: Int32Array, before: Float64Array, fresh: Float64Array): Float64Array {
  return Float64Array.from(order, (at) => (at >= 0 ? before[at]! : fresh[-1 - at]!));
}

/** New boundaries were counted later than the old ones: between two of them the count must lie between theirs. */
function monotone(counts: Float64Array): Float64Array {
  for (let i = 1; i < counts.length; i++) counts[i] = Math.max(counts[i]!, counts[i - 1]!);
  return counts;
}
