/**
 * A season in Redis and in the tables, shard by shard: by count and hash where neither side moves, entry by entry where those differ or
 * something was written meanwhile. Submissions go on all the time, and memory stays small whatever the size of the board.
 */
import { storedEntries } from "../archive/stored-entries.ts";
import { newestLife, positionsOf, type StoredLife } from "../archive/stored-lives.ts";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { ENTRIES_MAX, entriesAt, scanShard } from "../leaderboard/shard-scan.ts";
import {
  type Compared,
  type CompareNeeds,
  compareMembers,
  type Difference,
  reached,
} from "./compare-members.ts";
import { createEntryHasher, type EntryHasher, type EntrySum, hashText } from "./entry-hash.ts";

export type ShardComparison = {
  shard: number;
  /** Batches that Redis had, and up to which the tables had come, when they were counted. */
  n: { redis: number; archive: number };
  entries: { redis: number; archive: number };
  /** Order-free, 16 hexadecimal digits. They may differ where something was written meanwhile. */
  hash: { redis: string; archive: string };
  /** By hash: nothing moved and both are equal. By entry: each entry was looked at. Not at all: it is lost or too far behind. */
  compared: "by hash" | "by entry" | "not at all";
};

export type SeasonComparison = {
  board: string;
  season: number;
  shards: ShardComparison[];
  /** The first DIFFERENCES_MAX. */
  differences: Difference[];
  /** How many there are. */
  found: number;
  /** Members that changed whenever they were looked at. */
  unsettled: number;
};

/** Differences that a report names. */
const DIFFERENCES_MAX = 1_000;
const POLL_MS = 100;

/** @throws AppError unavailable */
export async function compareSeason(needs: CompareNeeds, open: OpenBoard): Promise<SeasonComparison> {
  const of = { board: open.board.id, season: open.season.number };
  const life = await currentLife(needs, open);
  const result: SeasonComparison = { ...of, shards: [], differences: [], found: 0, unsettled: 0 };
  const archived = await archivedSums(needs, open, life);
  const hasher = await createEntryHasher();
  const listed = new Set<number>();
  for (const [shard, archive] of archived.entries()) {
    const redis = await redisSum(needs, open, shard, hasher);
    const comparison = comparisonOf(shard, redis, archive);
    result.shards.push(comparison);
    if (!redis || life?.incarnation !== open.season.incarnation)
      note(result, { reason: "store_lost", shard });
    else if (!(await reached(needs, life, shard, redis.n))) note(result, { reason: "behind", shard });
    else if (isEqual(redis, archive)) comparison.compared = "by hash";
    else {
      comparison.compared = "by entry";
      listed.add(shard);
    }
  }
  if (life && listed.size > 0) await listEntries(needs, { open, life }, listed, result);
  return result;
}

/** The newest life that the tables know, given time to hear of the one that Redis has. */
async function currentLife(
  { database, waitMs }: CompareNeeds,
  { board, season }: OpenBoard,
): Promise<StoredLife | undefined> {
  const endsAt = performance.now() + waitMs;
  for (;;) {
    const life = await newestLife(database, { board: board.id, season: season.number });
    if (life?.incarnation === season.incarnation || performance.now() >= endsAt) return life;
    await sleep(POLL_MS);
  }
}

/** `isStill` when nothing was written meanwhile. */
type Side = EntrySum & { n: number; isStill: boolean };

function comparisonOf(shard: number, redis: Side | undefined, archive: Side): ShardComparison {
  return {
    shard,
    n: { redis: redis?.n ?? 0, archive: archive.n },
    entries: { redis: redis?.count ?? 0, archive: archive.count },
    hash: { redis: redis ? hashText(redis) : "", archive: hashText(archive) },
    compared: "not at all",
  };
}

function isEqual(redis: Side, archive: Side): boolean {
  return (
    redis.isStill &&
    archive.isStill &&
    redis.n === archive.n &&
    redis.count === archive.count &&
    redis.hash === archive.hash
  );
}

/** Of all shards at once: the table is in the order of members. */
async function archivedSums(
  { database }: CompareNeeds,
  open: OpenBoard,
  life: StoredLife | undefined,
): Promise<Side[]> {
  const hasher = await createEntryHasher();
  const positions = async (): Promise<number[]> => {
    const found = life ? await positionsOf(database, life.life) : new Map();
    return open.shards.map((_, shard) => found.get(shard)?.n ?? 0);
  };
  const before = await positions();
  const sums = open.shards.map((): EntrySum => ({ count: 0, hash: 0n }));
  for await (const shards of storedEntries(database, { board: open.board.id, season: open.season.number })) {
    for (const [shard, { entries }] of shards)
      for (const entry of entries) if (sums[shard]) hasher.add(sums[shard], entry);
  }
  const after = await positions();
  return sums.map((sum, shard) => ({ ...sum, n: after[shard]!, isStill: before[shard] === after[shard] }));
}

/** Undefined when the shard is lost. */
async function redisSum(
  { redis }: CompareNeeds,
  open: OpenBoard,
  shard: number,
  hasher: EntryHasher,
): Promise<Side | undefined> {
  try {
    const before = await entriesAt(redis, open, shard, []);
    const sum: EntrySum = { count: 0, hash: 0n };
    for await (const page of scanShard(redis, open, shard)) for (const entry of page) hasher.add(sum, entry);
    const { n } = await entriesAt(redis, open, shard, []);
    return { ...sum, n, isStill: before.n === n };
  } catch (error) {
    if (error instanceof AppError && error.code === "store_lost") return undefined;
    throw error;
  }
}

/** Every entry that the tables have, then every one that Redis has: what only one of them has is found from its side. */
async function listEntries(
  needs: CompareNeeds,
  { open, life }: { open: OpenBoard; life: StoredLife },
  listed: Set<number>,
  result: SeasonComparison,
): Promise<void> {
  const seen = new Set<string>();
  const compare = async (shard: number, members: string[]): Promise<void> => {
    for (let at = 0; at < members.length && listed.has(shard); at += ENTRIES_MAX) {
      const group = members.slice(at, at + ENTRIES_MAX);
      noteAll(result, seen, await compareMembers(needs, { open, life, shard }, group));
      // One that is behind would be so for each of its groups.
      if (result.differences.some((one) => one.reason === "behind" && one.shard === shard))
        listed.delete(shard);
    }
  };
  const of = { board: open.board.id, season: open.season.number };
  for await (const shards of storedEntries(needs.database, of)) {
    for (const [shard, { entries }] of shards) await compare(shard, entries.map(memberOf));
  }
  for (const shard of [...listed]) {
    for await (const page of scanShard(needs.redis, open, shard)) await compare(shard, page.map(memberOf));
  }
}

function memberOf({ member }: { member: string }): string {
  return member;
}

/** Both passes meet what both sides have. @param seen bounded by what a report names */
function noteAll(result: SeasonComparison, seen: Set<string>, { differences, unsettled }: Compared): void {
  result.unsettled += unsettled;
  for (const difference of differences) {
    const name = `${difference.shard} ${difference.member ?? difference.reason}`;
    if (seen.has(name)) continue;
    if (seen.size < DIFFERENCES_MAX) seen.add(name);
    note(result, difference);
  }
}

function note(result: SeasonComparison, difference: Difference): void {
  result.found++;
  if (result.differences.length < DIFFERENCES_MAX) result.differences.push(difference);
}
