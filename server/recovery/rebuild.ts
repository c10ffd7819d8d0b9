/**
 * Redis from PostgreSQL after a total loss: the boards' records and every season that is not in the archive for good, under new
 * incarnations. Shards are opened when everything is in them, then the feed with its first top, then the record says where everything is; whoever is
 * stopped in between begins again. Submissions up to the reported position of their shard are there exactly once, later ones are lost.
 */
import { BoardMirror } from "../archive/board-mirror.ts";
import { archivedSeasons } from "../archive/stored-lives.ts";
import { AppError } from "../base/errors.ts";
import { markActive } from "../leaderboard/activity.ts";
import type { BoardRecord, BoardSeason } from "../leaderboard/board.ts";
import type { BoardRepository, StoredBoard } from "../leaderboard/board-repository.ts";
import { parseRecord } from "../leaderboard/board-schema.ts";
import { derive } from "../leaderboard/season-steps.ts";
import { incarnationsIn, openShards } from "../leaderboard/shard-restore.ts";
import { hashText } from "./entry-hash.ts";
import { restoreCarries } from "./restore-carries.ts";
import { heldSeasons, type RestoredSeason, type RestoreNeeds, restoreSeason } from "./restore-season.ts";
import { openRestoredFeed } from "./restored-feed.ts";

export type RebuildStep = { board: string; season?: number; step: string; entries?: number };

export type RebuildNeeds = Omit<RestoreNeeds, "onStep"> & {
  repository: BoardRepository;
  /** All that the archive knows where it is undefined. */
  boards?: readonly string[] | undefined;
  /** Replace data that is there. What it has beyond the archive is lost. */
  force: boolean;
  onStep?: (step: RebuildStep) => void | Promise<void>;
};

export type ShardReport = {
  shard: number;
  /** Batches of the shard's log up to which everything is there… */
  n: number;
  /** …and when the last of them was written, ISO 8601; null before the first. Whatever came later is lost. */
  at: string | null;
  entries: number;
  /** Of its entries, in no order, 16 hexadecimal digits. */
  hash: string;
};

export type SeasonReport = {
  season: number;
  incarnation: string;
  entries: number;
  hidden: number;
  ids: number;
  shards: ShardReport[];
};

export type BoardReport =
  | { board: string; status: "rebuilt"; revision: number; seasons: SeasonReport[] }
  /** Its data is there and was left as it is. */
  | { board: string; status: "there"; shards: number; of: number }
  /** It was deleted, and stays so. */
  | { board: string; status: "deleted" };

export type RebuildReport = { boards: BoardReport[]; entries: number; seconds: number };

/**
 * @throws AppError board_not_found (the archive does not know it), unavailable, store_full, store_lost (somebody else opened or restored
 * a board at the same time)
 */
export async function rebuild(needs: RebuildNeeds): Promise<RebuildReport> {
  const startedAt = performance.now();
  const records = await new BoardMirror(needs.database).records();
  const missing = needs.boards?.find((id) => !records.has(id));
  if (missing !== undefined) {
    throw new AppError("board_not_found", { message: `The archive knows no board "${missing}".` });
  }
  const boards: BoardReport[] = [];
  for (const id of needs.boards ?? records.keys()) {
    const record = parseRecord(JSON.stringify(records.get(id))) as BoardRecord;
    boards.push(await rebuildBoard(needs, record));
  }
  const entries = boards
    .flatMap((board) => (board.status === "rebuilt" ? board.seasons : []))
    .reduce((sum, season) => sum + season.entries, 0);
  return { boards, entries, seconds: (performance.now() - startedAt) / 1_000 };
}

async function rebuildBoard(needs: RebuildNeeds, archived: BoardRecord): Promise<BoardReport> {
  const { repository, redis, database } = needs;
  const board = archived.board.id;
  const onStep = async (step: Omit<RebuildStep, "board">): Promise<void> =>
    needs.onStep?.({ board, ...step });
  const present = await repository.get(board);
  if (archived.deleted) {
    // Its record comes back without its data: its seasons' numbers go on from there if it is made anew.
    if (!present) await repository.save(archived, undefined);
    return { board, status: "deleted" };
  }
  if (present && !needs.force) {
    const there = await shardsThere(needs, present.record);
    if (there.shards > 0) return { board, status: "there", ...there };
  }
  const done = await archivedSeasons(database, board);
  const restored = new Map<number, RestoredSeason>();
  for (const one of heldSeasons(archived)) {
    if (done.has(one.season.number)) continue;
    restored.set(one.season.number, await restoreSeason({ ...needs, onStep }, one));
  }
  await restoreCarries(needs, archived, restored);
  for (const { open, counts } of restored.values()) {
    await openShards(redis, open, counts);
    await openRestoredFeed(redis, open);
    await onStep({ season: open.season.number, step: "season opened" });
  }
  const record = recordOf(archived, restored, present);
  await save(needs, record, present);
  // Mergers and archivers that gave the board up come back to it at once.
  await markActive(redis, board, Date.now());
  await onStep({ step: "record saved" });
  const seasons = [...restored.values()].map(seasonReport);
  return { board, status: "rebuilt", revision: record.revision, seasons };
}

/** Shards of a board that take submissions under the incarnation of its record. */
async function shardsThere(
  { redis }: RebuildNeeds,
  record: BoardRecord,
): Promise<{ shards: number; of: number }> {
  let [shards, of] = [0, 0];
  for (const one of heldSeasons(record)) {
    const found = await incarnationsIn(redis, derive(one));
    of += found.length;
    shards += found.filter((incarnation) => incarnation === one.season.incarnation).length;
  }
  return { shards, of };
}

/** The record that was archived, with the seasons as they are now; higher than whatever anybody has of it. */
function recordOf(
  archived: BoardRecord,
  restored: Map<number, RestoredSeason>,
  present: StoredBoard | undefined,
): BoardRecord {
  const now = <T extends BoardSeason>(one: T): T => ({
    ...one,
    season: restored.get(one.season.number)?.open.season ?? one.season,
  });
  const { next, closing } = archived;
  return {
    ...now(archived),
    ...(next ? { next: now(next) } : {}),
    closing: closing.filter(({ season }) => restored.has(season.number)).map(now),
    revision: Math.max(archived.revision, present?.record.revision ?? 0) + 1,
  };
}

async function save(
  { repository, database }: RebuildNeeds,
  record: BoardRecord,
  present: StoredBoard | undefined,
): Promise<void> {
  if ((await repository.save(record, present)) === "conflict") {
    throw new AppError("store_lost", {
      message: `Somebody else created or changed board ${record.board.id} meanwhile. Look who, and begin again.`,
    });
  }
  await new BoardMirror(database).mirror(record);
}

function seasonReport({ open, positions, counts, sums, ids }: RestoredSeason): SeasonReport {
  return {
    season: open.season.number,
    incarnation: open.season.incarnation,
    entries: sums.reduce((sum, { count }) => sum + count, 0),
    hidden: counts.reduce((sum, { hidden }) => sum + hidden, 0),
    ids,
    shards: sums.map((sum, shard) => ({
      shard,
      n: positions.get(shard)?.n ?? 0,
      at: positions.get(shard)?.at?.toISOString() ?? null,
      entries: sum.count,
      hash: hashText(sum),
    })),
  };
}
