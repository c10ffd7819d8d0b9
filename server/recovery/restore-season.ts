/**
 * One season from the tables into empty shards: entries, hidden ones, places, metadata, and the ids of the last two dedup windows. What
 * it leaves is not open yet. Begun again, it begins a life of its own and empties the shards first.
 */

import { type ShardEntries, storedEntries } from "../archive/stored-entries.ts";
import { recentIds } from "../archive/stored-ids.ts";
import { beginNextLife, type Position } from "../archive/stored-lives.ts";
import { type StoredBan, storedBans, storedMark } from "../archive/stored-marks.ts";
import { newEpoch } from "../base/ids.ts";
import type { Database } from "../database/database.ts";
import type { BoardRecord, BoardSeason, OpenBoard } from "../leaderboard/board.ts";
import { derive } from "../leaderboard/season-steps.ts";
import {
  beginShards,
  entryCalls,
  idCalls,
  metadataCalls,
  type RestoredEntry,
  type RestoredShard,
  writeParts,
} from "../leaderboard/shard-restore.ts";
import type { RedisStore } from "../redis/store.ts";
import { createEntryHasher, type EntryHasher, type EntrySum } from "./entry-hash.ts";

/** What Redis has to hold of a board: not what only waits for its keys to be deleted. */
export function heldSeasons({ board, season, next, closing }: BoardRecord): BoardSeason[] {
  return [{ board, season }, ...(next ? [next] : []), ...closing.filter(({ archived }) => !archived)];
}

export type RestoreNeeds = {
  redis: RedisStore;
  database: Database;
  dedup: { windowMs: number; idsMax: number };
  /** Told of each step and each chunk; what it throws stops everything. */
  onStep: (step: { season: number; step: string; entries?: number }) => void | Promise<void>;
};

export type RestoredSeason = {
  open: OpenBoard;
  positions: Map<number, Position>;
  counts: RestoredShard[];
  sums: EntrySum[];
  ids: number;
};

/** @throws AppError unavailable, store_full, store_lost (somebody else writes the board at the same time) */
export async function restoreSeason(
  needs: RestoreNeeds,
  { board, season: before }: BoardSeason,
): Promise<RestoredSeason> {
  const { redis, database, onStep } = needs;
  // The salt stays: hashes of ids have to match. The incarnation is new: whoever still knows the old one is refused. What was being opened
  // is gone on with by whoever opens seasons.
  const season = { ...before, incarnation: newEpoch() };
  const open = derive({ board, season });
  const of = { board: board.id, season: season.number };
  const { positions } = await beginNextLife(database, of, {
    incarnation: season.incarnation,
    shards: board.shards,
  });
  await onStep({ season: season.number, step: "life begun" });
  await beginShards(redis, open);
  await onStep({ season: season.number, step: "shards emptied" });
  const { counts, sums } = await restoreEntries(needs, open, positions);
  const ids = await restoreIds(needs, open, positions);
  await onStep({ season: season.number, step: "ids restored" });
  return { open, positions, counts, sums, ids };
}

async function restoreEntries(
  { redis, database, onStep }: RestoreNeeds,
  open: OpenBoard,
  positions: Map<number, Position>,
): Promise<Pick<RestoredSeason, "counts" | "sums">> {
  const hasher = await createEntryHasher();
  const counts = open.shards.map((_, shard) => ({ n: positions.get(shard)?.n ?? 0, visible: 0, hidden: 0 }));
  const sums = open.shards.map((): EntrySum => ({ count: 0, hash: 0n }));
  const of = { board: open.board.id, season: open.season.number };
  const bans = await storedBans(database, of);
  // One chunk is read while the one before is written; what fails is thrown where it is waited for.
  let writing: Promise<unknown> = Promise.resolve();
  for await (const shards of storedEntries(database, of)) {
    await writing;
    let entries = 0;
    const calls = [...shards].flatMap(([shard, part]) => {
      entries += part.entries.length;
      count(hasher, part, counts[shard]!, sums[shard]!);
      return [
        ...entryCalls(open, shard, withMarks(part, bans)),
        ...metadataCalls(open, shard, part.metadata.flat()),
      ];
    });
    writing = writeParts(redis, open, calls);
    writing.catch(() => undefined);
    await onStep({ season: open.season.number, step: "entries", entries });
  }
  await writing;
  return { counts, sums };
}

/** An entry that a ban hid is marked so, and lifting the ban shows it again. */
function withMarks({ entries }: ShardEntries, bans: ReadonlyMap<string, StoredBan>): RestoredEntry[] {
  if (bans.size === 0) return entries;
  return entries.map((entry) => {
    const ban = entry.visibility === 0 ? undefined : bans.get(entry.member);
    return ban ? { ...entry, mark: storedMark(entry.visibility, ban) } : entry;
  });
}

function count(hasher: EntryHasher, part: ShardEntries, counts: RestoredShard, sum: EntrySum): void {
  for (const entry of part.entries) {
    if (entry.visibility === 0) counts.visible++;
    else counts.hidden++;
    hasher.add(sum, entry);
  }
}

/**
 * [R 5] The window of an id is told by its age when the archive ended: the time since then does not count, because nobody could send
 * anything. Both windows begin anew with the shard's opening, so every id lives at least as long as it was promised. At most half of
 * what a window may hold goes into the running one, or it would have no room for new ids.
 */
async function restoreIds(
  { redis, database, dedup }: RestoreNeeds,
  open: OpenBoard,
  positions: Map<number, Position>,
): Promise<number> {
  // `best` needs no ids.
  if (open.board.operator === "best") return 0;
  const ended = Math.max(0, ...[...positions.values()].map(({ at }) => at?.getTime() ?? 0));
  const of = { board: open.board.id, season: open.season.number };
  const restored = open.shards.map(async (_, shard) => {
    let ids = 0;
    for await (const page of recentIds(database, { ...of, shard }, ended - 2 * dedup.windowMs)) {
      const windows = { idsNow: [] as string[], idsBefore: [] as string[] };
      for (const { hash, atMs } of page) {
        if (hash === "") continue;
        const isNow = atMs > ended - dedup.windowMs && ids < dedup.idsMax / 2;
        windows[isNow ? "idsNow" : "idsBefore"].push(hash);
        ids++;
      }
      const calls = [
        ...idCalls(open, shard, "idsNow", windows.idsNow),
        ...idCalls(open, shard, "idsBefore", windows.idsBefore),
      ];
      await writeParts(redis, open, calls);
    }
    return ids;
  });
  return (await Promise.all(restored)).reduce((sum, ids) => sum + ids, 0);
}
