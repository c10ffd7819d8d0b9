/** Entries of members whom others do not see, for these members themselves: hidden ones and shadows, with the places they have. */
import type { RedisStore } from "../redis/store.ts";
import type { OpenBoard } from "./board.ts";
import { placeFrom } from "./codec.ts";
import { lookUp, SIGHTS, sightOf } from "./direct-writes.ts";
import type { Hasher } from "./hashing.ts";
import type { Place } from "./page-cursor.ts";

/** The entry of a member whom others do not see. */
export type UnseenEntry = {
  place: Place;
  /** The member is not to know. */
  shadow: boolean;
};

export type Looked = {
  /** By member. */
  unseen: Map<string, UnseenEntry>;
  /** Those who are in sight. Who has no entry at all is in neither. */
  seen: string[];
};

/**
 * Look some members up in their shards: one call to each shard that has some of them.
 * @param members at most 500
 * @throws AppError store_lost, unavailable
 */
export async function unseenEntries(
  redis: RedisStore,
  hasher: Hasher,
  open: OpenBoard,
  members: readonly string[],
): Promise<Looked> {
  const byShard = new Map<number, string[]>();
  for (const member of members) {
    const shard = hasher.shardOf(member, open.board.shards);
    byShard.set(shard, [...(byShard.get(shard) ?? []), member]);
  }
  const looked: Looked = { unseen: new Map(), seen: [] };
  const asked = [...byShard].map(async ([shard, list]) => {
    (await lookUp(redis, open, shard, list)).forEach(({ key, mark }, i) => {
      if (key === undefined) return;
      const member = list[i]!;
      const sight = sightOf(mark);
      if (sight === SIGHTS.visible) looked.seen.push(member);
      else {
        const place = placeFrom(open.layout, key, member);
        looked.unseen.set(member, { place, shadow: sight === SIGHTS.shadow });
      }
    });
  });
  await Promise.all(asked);
  return looked;
}
