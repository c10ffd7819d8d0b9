/**
 * Some members of a shard in Redis and in the tables, while both go on. What Redis has at its batch N is compared with what the tables
 * have when they have come to N. A difference counts if neither side has changed since; else both are read again.
 */
import { entriesOf, type StoredEntry } from "../archive/stored-entries.ts";
import { positionsOf, type StoredLife } from "../archive/stored-lives.ts";
import { sleep } from "../base/clock.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { WholeEntry } from "../leaderboard/shard-restore.ts";
import { entriesAt } from "../leaderboard/shard-scan.ts";
import type { RedisStore } from "../redis/store.ts";
import { entryText } from "./entry-hash.ts";

export type DifferenceReason =
  | "missing_in_archive"
  | "missing_in_redis"
  | "value_differs"
  | "visibility_differs"
  /** The tables have not come up to what Redis has. */
  | "behind"
  /** Redis has another life of the season than the tables, or none. */
  | "store_lost";

export type Difference = {
  reason: DifferenceReason;
  shard: number;
  /** None where the whole shard is meant. */
  member?: string;
  redis?: Omit<WholeEntry, "member">;
  archive?: Omit<WholeEntry, "member">;
};

export type CompareNeeds = {
  redis: RedisStore;
  database: Database;
  /** How long the tables may take to come up to what was read. */
  waitMs: number;
};

export type Compared = {
  differences: Difference[];
  /** Members that changed whenever they were looked at: nothing can be said of them. */
  unsettled: number;
};

/** Looks at members that keep changing. */
const ROUNDS = 10;
const POLL_MS = 50;

/** @param members at most ENTRIES_MAX of the shard. @throws AppError store_lost, unavailable */
export async function compareMembers(
  needs: CompareNeeds,
  { open, life, shard }: { open: OpenBoard; life: StoredLife; shard: number },
  members: readonly string[],
): Promise<Compared> {
  const { redis, database } = needs;
  const of = { board: open.board.id, season: open.season.number };
  const differences: Difference[] = [];
  let left = members;
  for (let round = 0; round < ROUNDS && left.length > 0; round++) {
    const before = await entriesAt(redis, open, shard, left);
    if (!(await reached(needs, life, shard, before.n))) {
      differences.push({ reason: "behind", shard });
      return { differences, unsettled: 0 };
    }
    const rows = await entriesOf(database, of, left);
    const doubted = left.filter((member, i) => !isSame(before.entries[i], rows.get(member)));
    if (doubted.length === 0) return { differences, unsettled: 0 };
    const was = new Map(left.map((member, i) => [member, before.entries[i]]));
    const after = await entriesAt(redis, open, shard, doubted);
    left = doubted.filter((member, i) => {
      const row = rows.get(member);
      const isNewer = row !== undefined && row.life === life.life && row.n > before.n;
      if (isNewer || !isSame(was.get(member), after.entries[i])) return true;
      differences.push(differenceOf(shard, member, was.get(member), row));
      return false;
    });
  }
  return { differences, unsettled: left.length };
}

/** Wait until the tables have a batch of a shard. @returns false when they did not in time */
export async function reached(
  { database, waitMs }: CompareNeeds,
  life: StoredLife,
  shard: number,
  n: number,
): Promise<boolean> {
  const endsAt = performance.now() + waitMs;
  for (;;) {
    const position = (await positionsOf(database, life.life)).get(shard)?.n ?? 0;
    if (position >= n) return true;
    if (performance.now() >= endsAt) return false;
    await sleep(POLL_MS);
  }
}

function isSame(a: WholeEntry | undefined, b: StoredEntry | undefined): boolean {
  return a === undefined || b === undefined ? a === b : entryText(a) === entryText(b);
}

function differenceOf(
  shard: number,
  member: string,
  redis: WholeEntry | undefined,
  archive: StoredEntry | undefined,
): Difference {
  const sides = {
    ...(redis ? { redis: withoutMember(redis) } : {}),
    ...(archive ? { archive: withoutMember(archive) } : {}),
  };
  return { reason: reasonOf(redis, archive), shard, member, ...sides };
}

function reasonOf(redis: WholeEntry | undefined, archive: StoredEntry | undefined): DifferenceReason {
  if (!redis) return "missing_in_redis";
  if (!archive) return "missing_in_archive";
  if (redis.key !== archive.key || redis.rest !== archive.rest) return "value_differs";
  return "visibility_differs";
}

function withoutMember({ key, rest, visibility }: StoredEntry): Omit<WholeEntry, "member"> {
  return { key, rest, visibility };
}
