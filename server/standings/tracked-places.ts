/**
 * Where the members that somebody follows are at present, learnt from their shards. [R 10]
 *
 * A shard is asked for all its followed members when the rank index shows that it has moved on, and for single ones when something
 * hints at them. Acknowledgements of this process's own submissions tell the same with the same count `n`: the larger one wins, so a
 * place is never older than an acknowledged one, and hints that are lost cost time only.
 */
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { readPlaces } from "../leaderboard/places.ts";
import type { RedisStore } from "../redis/store.ts";
import type { RankedMembers } from "./ranked-members.ts";
import { samePlace } from "./unknown-standings.ts";

export type TrackedPlacesOptions = {
  redis: RedisStore;
  hasher: Hasher;
  open: OpenBoard;
  members: RankedMembers;
  /** A member's place is another one now. */
  onMoved: (slot: number) => void;
};

type Shard = {
  members: Set<string>;
  /** The shard's count of batches when all its members were last asked for. */
  seenN: number;
};

export class TrackedPlaces {
  readonly #options: TrackedPlacesOptions;
  readonly #shards: Shard[];
  readonly #places: (Place | undefined)[] = [];
  readonly #followers = new Map<string, number>();

  constructor(options: TrackedPlacesOptions) {
    this.#options = options;
    this.#shards = options.open.shards.map(() => ({ members: new Set(), seenN: -1 }));
  }

  get size(): number {
    return this.#followers.size;
  }

  /** The place of a member as far as it is known. */
  placeOf(slot: number): Place | undefined {
    return this.#places[slot];
  }

  /**
   * Follow members; resolves when their places are known as they now are: also those that were followed before are asked for, because
   * another process may have acknowledged something of them. Each call is given back by one `untrack`.
   */
  async track(members: readonly string[]): Promise<void> {
    for (const member of members) {
      const followers = this.#followers.get(member) ?? 0;
      this.#followers.set(member, followers + 1);
      const slot = this.#options.members.add(member);
      this.#shardOf(member).members.add(member);
      if (followers === 0) this.#places[slot] = undefined;
    }
    await this.look(members);
  }

  untrack(members: readonly string[]): void {
    for (const member of members) {
      const followers = (this.#followers.get(member) ?? 0) - 1;
      if (followers > 0) this.#followers.set(member, followers);
      else if (followers === 0) {
        this.#followers.delete(member);
        this.#shardOf(member).members.delete(member);
        this.#options.members.remove(member);
      }
    }
  }

  /** Ask the shards of some members for their places now. @throws AppError store_lost, unavailable */
  async look(members: Iterable<string>): Promise<void> {
    const byShard = new Map<number, string[]>();
    for (const member of members) {
      if (!this.#followers.has(member)) continue;
      const shard = this.#shardNumber(member);
      const list = byShard.get(shard);
      if (list) list.push(member);
      else byShard.set(shard, [member]);
    }
    await Promise.all([...byShard].map(([shard, list]) => this.#read(shard, list)));
  }

  /** Ask every shard that has moved on since it was last asked. @param ns each shard's count of batches */
  async lookWhereDirty(ns: readonly number[]): Promise<void> {
    const dirty = this.#shards.flatMap(({ members, seenN }, shard) =>
      members.size > 0 && seenN < ns[shard]! ? [shard] : [],
    );
    await Promise.all(
      dirty.map(async (shard) => {
        const asked = this.#shards[shard]!;
        asked.seenN = await this.#read(shard, [...asked.members]);
      }),
    );
  }

  /** What this process was told when a submission of a followed member was acknowledged. */
  acknowledged(member: string, place: Place, n: number): void {
    const slot = this.#options.members.slotOf(member);
    if (slot !== undefined) this.#learn(slot, place, n);
  }

  /** Acknowledged writes may be gone: counts of batches of before say nothing any more. Everybody is asked for at the next look. */
  startOver(): void {
    for (const shard of this.#shards) shard.seenN = -1;
    for (const member of this.#followers.keys()) {
      this.#options.members.ns[this.#options.members.slotOf(member)!] = -1;
    }
  }

  /** @returns the shard's count of batches that the answer includes at least */
  async #read(shard: number, members: string[]): Promise<number> {
    const { redis, open } = this.#options;
    const { n, places } = await readPlaces(redis, open, shard, members);
    members.forEach((member, i) => {
      const slot = this.#options.members.slotOf(member);
      if (slot !== undefined) this.#learn(slot, places[i], n);
    });
    return n;
  }

  #learn(slot: number, place: Place | undefined, n: number): void {
    const { members, onMoved } = this.#options;
    if (n < members.ns[slot]!) return;
    const before = this.#places[slot];
    members.learn(slot, place?.key, n);
    if (samePlace(before, place)) return;
    this.#places[slot] = place;
    onMoved(slot);
  }

  #shardNumber(member: string): number {
    const { hasher, open } = this.#options;
    return hasher.shardOf(member, open.board.shards);
  }

  #shardOf(member: string): Shard {
    return this.#shards[this.#shardNumber(member)]!;
  }
}
