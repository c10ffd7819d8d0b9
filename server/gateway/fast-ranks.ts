/**
 * Ranks and percentiles from this gateway's memory: the published top where it reaches, the rank index below.
 *
 * A board that nobody has looked at lately has no index yet; the first question makes one come, and is answered exactly meanwhile.
 */
import type { EntryValues, RankAnswer, Row } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, keyDecides, prefixOf, scoreAt } from "../leaderboard/codec.ts";
import { percentileOf } from "../leaderboard/reader.ts";
import { codedColumns } from "../leaderboard/values.ts";
import type { IndexOf } from "../rank-index/index-hub.ts";
import type { RankIndex } from "../rank-index/rank-index.ts";
import { type Gateway, openFeedOf } from "./gateway.ts";

export type PercentileLine = {
  percent: number;
  rank: number;
  score: number;
  exact: boolean;
  /** Ranks by which a member with this score may be off. */
  error: number;
};

/** @throws AppError member_not_found, store_lost, unavailable */
export async function fastRank(gateway: Gateway, open: OpenBoard, member: string): Promise<RankAnswer> {
  const index = gateway.indexes.look(indexOf(open));
  const exact = (): Promise<RankAnswer> => gateway.reader.rank(open, member);
  const { rows } = await openFeedOf(gateway, open);
  if (!index || rows.some(([name]) => name === member)) return exact();
  const place = await gateway.reader.place(open, member);
  if (!place) return exact();
  const { asOf, total: counted } = index.facts;
  const { before, low, high } = keyDecides(open.layout)
    ? index.estimate(place.key)
    : index.estimateOfPlace(place.key);
  const rank = 1 + before;
  const total = Math.max(counted, rank);
  return {
    board: open.board.id,
    season: open.season.number,
    member,
    rank,
    exact: false,
    // One more: the place may be newer than the index, and counted there at its older key.
    error: Math.max(before - low, high - before) + 1,
    asOf,
    total,
    percentile: percentileOf(rank, total),
    ...entryValues(open, place),
  };
}

/** The rank that such values would have. Undefined while there is no index. No Redis call. */
export function fastRankOfScore(gateway: Gateway, open: OpenBoard, values: EntryValues) {
  const index = gateway.indexes.look(indexOf(open));
  if (!index) return undefined;
  const { asOf, total } = index.facts;
  const { key, rest } = prefixOf(open.layout, codedColumns(open, values));
  const { before, low, high } = rest === "" ? index.estimate(key) : index.estimateOfPlace(key);
  const rank = 1 + before;
  const error = Math.max(before - low, high - before);
  return { rank, exact: false, error, asOf, total, percentile: percentileOf(rank, Math.max(total, rank)) };
}

/** The score that the best so many percent have at least. @throws AppError unavailable while there is no index */
export async function percentiles(gateway: Gateway, open: OpenBoard, percents: readonly number[]) {
  const { rows, total: published } = await openFeedOf(gateway, open);
  const index = gateway.indexes.look(indexOf(open));
  const everybody = rows.length < open.board.topSize;
  if (!index && !everybody) {
    throw new AppError("unavailable", {
      message: "The board's rank index is being counted for the first time.",
      retryAfterMs: 2_000,
    });
  }
  const total = everybody ? rows.length : Math.max(published, index!.facts.total);
  const lines = total === 0 ? [] : percents.map((percent) => lineOf(open, { percent, total, rows, index }));
  return { total, asOf: everybody ? Date.now() : index!.facts.asOf, percentiles: lines };
}

function lineOf(
  open: OpenBoard,
  {
    percent,
    total,
    rows,
    index,
  }: {
    percent: number;
    total: number;
    rows: readonly Row[];
    index: RankIndex | undefined;
  },
): PercentileLine {
  const rank = Math.max(1, Math.floor((total * percent) / 100));
  const row = rows[rank - 1];
  if (row) return { percent, rank, score: row[2], exact: true, error: 0 };
  const between = index!.keyAt(rank - 1)!;
  const { score, key } = scoreAt(open.layout, between);
  const { before, low, high } = index!.estimate(key);
  return {
    percent,
    rank,
    score,
    exact: false,
    error: Math.max(Math.abs(rank - 1 - low), Math.abs(high - rank + 1), high - before),
  };
}

function indexOf({ board, season, feed }: OpenBoard): IndexOf {
  return { board: board.id, incarnation: season.incarnation, keys: feed };
}
