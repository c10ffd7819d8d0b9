/**
 * Exact reads at any depth, by fan-out: every shard is counted during the request.
 *
 * A member's own key and its shard's count come from one script, the other shards follow with that key. On several shards
 * the counts are not one instant: an entry that crosses the key in between may be counted on either side.
 */
import type { Entry, EntryValues, RankAnswer } from "../../client-sdk/protocol/messages.ts";
import { compareMembers } from "../../client-sdk/protocol/rows.ts";
import { AppError } from "../base/errors.ts";
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { entryValues, prefixOf } from "./codec.ts";
import { byOf, countBefore, countMembers, standings, windows } from "./fan-out.ts";
import type { Hasher } from "./hashing.ts";
import { readMetadata } from "./metadata.ts";
import { encodeCursor, type Place } from "./page-cursor.ts";
import { readPlaces } from "./places.ts";
import { codedColumns } from "./values.ts";

export type Page = { total: number; entries: Entry[]; cursor?: string };

export class Reader {
  readonly #redis: RedisStore;
  readonly #hasher: Hasher;

  constructor(redis: RedisStore, hasher: Hasher) {
    this.#redis = redis;
    this.#hasher = hasher;
  }

  /** @throws AppError member_not_found */
  async rank(open: OpenBoard, member: string): Promise<RankAnswer> {
    const { ranked, total } = await this.members(open, [member], { ranks: true });
    const entry = ranked[0];
    if (!entry) throw notFound(open, member);
    const percentile = percentileOf(entry.rank, total);
    return { board: open.board.id, season: open.season.number, ...entry, exact: true, total, percentile };
  }

  /** Many members at once, best first; those who are not on the board are listed apart. O(members · shards · log N). */
  async members(
    open: OpenBoard,
    members: string[],
    { ranks }: { ranks: boolean },
  ): Promise<{ ranked: Entry[]; missing: string[]; total: number }> {
    const by = byOf(open);
    const unique = [...new Set(members)];
    const byShard = this.#byShard(open, unique);
    const own = await standings(this.#redis, open, byShard, ranks ? by : "none");
    const metadata = await readMetadata(this.#redis, open, byShard);
    const found = unique.filter((member) => own.found.has(member));
    const places = found.map((member) => {
      const { place, shard } = own.found.get(member)!;
      return { ...place, skip: shard };
    });
    const others = ranks && found.length > 0 ? await countBefore(this.#redis, open, places, by) : undefined;
    const total = others
      ? sum(new Map([...own.members, ...others.members]))
      : await countMembers(this.#redis, open);
    const ranked = places.map((place, i): Entry => {
      const { member } = place;
      const rank = others ? 1 + own.found.get(member)!.before + others.counts[i]! : 0;
      const carried = metadata.get(member);
      return {
        rank,
        member,
        ...entryValues(open, place),
        ...(carried === undefined ? {} : { metadata: carried }),
      };
    });
    const order = places.map((_, i) => i).sort((a, b) => comparePlaces(places[a]!, places[b]!));
    const missing = unique.filter((member) => !own.found.has(member));
    return { ranked: order.map((i) => ranked[i]!), missing, total };
  }

  /** The entries round a member, about half of them better; shifted at the ends of the board. */
  async around(open: OpenBoard, member: string, limit: number): Promise<{ total: number; entries: Entry[] }> {
    const own = await standings(this.#redis, open, this.#byShard(open, [member]), "none");
    const standing = own.found.get(member);
    if (!standing) throw notFound(open, member);
    const { place } = standing;
    return this.#window(open, place, { limit });
  }

  /** As `around`, for a place that is counted nowhere, as if it were: the entries behind it are one rank further down. */
  aroundPlace(open: OpenBoard, place: Place, limit: number): Promise<{ total: number; entries: Entry[] }> {
    return this.#window(open, place, { limit, extra: place });
  }

  async #window(
    open: OpenBoard,
    place: Place,
    { limit, extra }: { limit: number; extra?: Place },
  ): Promise<{ total: number; entries: Entry[] }> {
    const { shards, total } = await windows(this.#redis, open, place, { before: limit, after: limit });
    const at = shards.reduce((count, { before }) => count + before, 0);
    const more = extra ? [extra] : [];
    const rows = [...shards.flatMap((shard) => shard.rows), ...more].sort(comparePlaces);
    const own0 = rows.findIndex((row) => comparePlaces(row, place) >= 0);
    const middle = own0 === -1 ? rows.length : own0;
    const wanted = Math.min(limit, rows.length);
    const above = Math.min(middle, Math.floor((limit - 1) / 2));
    const start = Math.max(0, Math.min(middle - above, rows.length - wanted));
    const window = rows.slice(start, start + wanted);
    return { total: total + more.length, entries: await this.#ranked(open, window, at - (middle - start)) };
  }

  /** The entries that follow a place, or the first ones. */
  async page(open: OpenBoard, after: Place | undefined, limit: number): Promise<Page> {
    // One more than asked for says whether there is a next page, and the place itself may still be taken.
    const size = { before: 0, after: limit + (after ? 2 : 1) };
    const { shards, total } = await windows(this.#redis, open, after, size);
    let at = shards.reduce((count, { before }) => count + before, 0);
    const rows = shards.flatMap((shard) => shard.rows).sort(comparePlaces);
    if (after && rows[0] && comparePlaces(rows[0], after) === 0) {
      rows.shift();
      at++;
    }
    const taken = rows.slice(0, limit);
    const last = taken.at(-1);
    const entries = await this.#ranked(open, taken, at);
    return { total, entries, ...(last && rows.length > limit ? { cursor: encodeCursor(open, last) } : {}) };
  }

  /** The rank that a member with these values would have: 1 + members strictly better on the columns given. */
  async rankOfScore(
    open: OpenBoard,
    values: EntryValues,
  ): Promise<{ rank: number; total: number; percentile: number }> {
    const place = { ...prefixOf(open.layout, codedColumns(open, values)), member: "" };
    const { counts, members } = await countBefore(this.#redis, open, [place], "key");
    const total = sum(members);
    return {
      rank: 1 + counts[0]!,
      total,
      percentile: percentileOf(1 + counts[0]!, Math.max(total, 1 + counts[0]!)),
    };
  }

  /** The ranks of places, counted on every shard, and the members on the board. */
  async ranksAt(open: OpenBoard, places: readonly Place[]): Promise<{ ranks: number[]; total: number }> {
    const { counts, members } = await countBefore(this.#redis, open, [...places], byOf(open));
    return { ranks: counts.map((count) => 1 + count), total: sum(members) };
  }

  /** Where members are at present, without their ranks; who is not on the board is left out. One call to each shard that has some. */
  async places(open: OpenBoard, members: readonly string[]): Promise<Place[]> {
    const byShard = [...this.#byShard(open, [...new Set(members)])];
    const read = byShard.map(([shard, list]) => readPlaces(this.#redis, open, shard, list));
    const shards = await Promise.all(read);
    return shards.flatMap(({ places }) => places.filter((place) => place !== undefined));
  }

  count(open: OpenBoard): Promise<number> {
    return countMembers(this.#redis, open);
  }

  /** Ranks of rows that follow each other, the first one at index `at` of the whole board. */
  async #ranked(open: OpenBoard, rows: Place[], at: number): Promise<Entry[]> {
    if (rows.length === 0) return [];
    const shared = byOf(open) === "key";
    const first = shared ? (await countBefore(this.#redis, open, [rows[0]!], "key")).counts[0]! : at;
    let rank = 1 + first;
    return rows.map((row, i): Entry => {
      const before = rows[i - 1];
      const tied = shared && before?.key === row.key && before.rest === row.rest;
      if (i > 0 && !tied) rank = 1 + at + i;
      return { rank, member: row.member, ...entryValues(open, row) };
    });
  }

  #byShard({ board }: OpenBoard, members: string[]): Map<number, string[]> {
    const byShard = new Map<number, string[]>();
    for (const member of members) {
      const shard = this.#hasher.shardOf(member, board.shards);
      const list = byShard.get(shard);
      if (list) list.push(member);
      else byShard.set(shard, [member]);
    }
    return byShard;
  }
}

function notFound(open: OpenBoard, member: string): AppError {
  return new AppError("member_not_found", { message: `"${member}" is not on board "${open.board.id}".` });
}

export function comparePlaces(a: Place, b: Place): number {
  if (a.rest === b.rest) return a.key - b.key || compareMembers(a.member, b.member);
  // ASCII, so units are bytes. A prefix, as that of a place which no member has, comes first.
  return a.key - b.key || (a.rest < b.rest ? -1 : 1);
}

/** Share of members at or below a rank, 0–100. */
export function percentileOf(rank: number, total: number): number {
  return total === 0 ? 100 : (100 * (total - rank + 1)) / total;
}

function sum(counts: Map<number, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}
