/**
 * A member's rank at instants of the past: exact where a whole top is archived and the member is in it, else from an archived rank index,
 * with what it may be off by. Where neither was kept there is no rank.
 */
import type { Row } from "../../client-sdk/protocol/messages.ts";
import { ranksOf } from "../../client-sdk/protocol/rows.ts";
import type { PastRow } from "../archive/feed-bodies.ts";
import { type TopMark, topMarks, topsOf } from "../archive/past-feed.ts";
import { sampleMarks, samplesOf } from "../archive/rank-samples.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { keyDecides } from "../leaderboard/codec.ts";
import { decodeIndex } from "../rank-index/index-frame.ts";
import { keyAt, type SeriesPoint } from "./series.ts";

export type PastRank = { atMs: number; rank: number; total: number; exact: boolean; error?: number };

export type RanksAsked = {
  fromMs: number;
  toMs: number;
  /** At most so many. */
  max: number;
  /** Where the member stood, oldest first. */
  points: readonly SeriesPoint[];
};

/** Instants that are chosen from. */
const MARKS_MAX = 10_000;
/** Bodies of one question to the database. */
const STEP = 25;

type Mark = { atMs: number; life: number; part?: number };

/** Oldest first. @throws AppError unavailable */
export async function pastRanks(
  database: Database,
  open: OpenBoard,
  member: string,
  { fromMs, toMs, max, points }: RanksAsked,
): Promise<PastRank[]> {
  const of = { board: open.board.id, season: open.season.number };
  const asked = { fromMs, toMs, max: MARKS_MAX };
  const marks: Mark[] = [
    ...(await topMarks(database, of, asked)),
    ...(await sampleMarks(database, of, asked)),
  ].sort((a, b) => a.atMs - b.atMs);
  const ranks: PastRank[] = [];
  const chosen = spread(marks, max);
  for (let i = 0; i < chosen.length; i += STEP) {
    const some = chosen.slice(i, i + STEP);
    const tops = some.filter((mark): mark is TopMark => mark.part !== undefined);
    (await topsOf(database, tops)).forEach((top, at) => {
      const rank = top && rankAmong(open, top.rows, member);
      if (rank !== undefined) ranks.push({ atMs: tops[at]!.atMs, rank, total: top!.total, exact: true });
    });
    const samples = some.filter(({ part }) => part === undefined);
    (await samplesOf(database, samples)).forEach((frame, at) => {
      const { atMs } = samples[at]!;
      const rank = frame && estimated(open, frame, keyAt(points, atMs)?.key);
      if (rank) ranks.push({ atMs, ...rank });
    });
  }
  return ranks.sort((a, b) => a.atMs - b.atMs);
}

/** So many of a list, evenly, with its first and its last. */
function spread<T>(list: readonly T[], max: number): T[] {
  if (list.length <= max) return [...list];
  if (max === 1) return [list.at(-1)!];
  return Array.from({ length: max }, (_, i) => list[Math.round((i * (list.length - 1)) / (max - 1))]!);
}

/** The rank of a member in a top that begins with the board's first; undefined where it is not in it. */
export function rankAmong(
  { board }: OpenBoard,
  rows: readonly PastRow[],
  member: string,
): number | undefined {
  const at = rows.findIndex(([who]) => who === member);
  return at < 0 ? undefined : ranksOf(rows.slice(0, at + 1) as unknown as Row[], board.ties)[at];
}

/** Undefined where the member was not there, or in the top for certain, of which whole tops know better. */
function estimated({ board, layout }: OpenBoard, frame: Buffer, key: number | undefined) {
  const index = decodeIndex(frame);
  if (!index || key === undefined) return undefined;
  const { before, low, high } = keyDecides(layout) ? index.estimate(key) : index.estimateOfPlace(key);
  if (high < board.topSize) return undefined;
  // One more, as for ranks of today: the entry may have moved while it was counted.
  const error = Math.max(before - low, high - before) + 1;
  return { rank: 1 + before, total: Math.max(index.facts.total, 1 + before), exact: false, error };
}
