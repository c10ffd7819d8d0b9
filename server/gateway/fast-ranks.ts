/**
 * Ranks and percentiles from this gateway's memory: the published top where it reaches, the rank index below.
 *
 * A board that nobody has looked at lately has no index yet; the first question makes one come, and is answered exactly meanwhile.
 */
import type { Entry, EntryValues, RankAnswer, Row } from "../../client-sdk/protocol/messages.ts";
import { ranksOf } from "../../client-sdk/protocol/rows.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, keyDecides, prefixOf, scoreSpan, sortKeyOf } from "../leaderboard/codec.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { comparePlaces, percentileOf } from "../leaderboard/reader.ts";
import { codedColumns } from "../leaderboard/values.ts";
import type { IndexOf } from "../rank-index/index-hub.ts";
import { nextAfter, type RankIndex } from "../rank-index/rank-index.ts";
import { type Gateway, openFeedOf } from "./gateway.ts";

export type PercentileLine = {
  percent: number;
  rank: number;
  score: number;
  exact: boolean;
  /** Ranks by which a member with this score may be off. */
  error: number;
};

export type FastEntry = Entry & { exact: boolean; error: number };

/** @throws AppError member_not_found, store_lost, unavailable */
export async function fastRank(gateway: Gateway, open: OpenBoard, member: string): Promise<RankAnswer> {
  const fast = await fastMembers(gateway, open, [member]);
  const entry = fast?.entries[0];
  // Also who is not on the board gets the exact answer, which says so.
  if (!fast || !entry || entry.exact) return gateway.reader.rank(open, member);
  const { total, asOf } = fast;
  const percentile = percentileOf(entry.rank, total);
  return { board: open.board.id, season: open.season.number, ...entry, asOf, total, percentile };
}

/**
 * Many members at once, best first, without counting them on any shard. Undefined while there is no index.
 * @throws AppError store_lost, unavailable
 */
export async function fastMembers(
  gateway: Gateway,
  open: OpenBoard,
  members: readonly string[],
): Promise<{ entries: FastEntry[]; missing: string[]; total: number; asOf: number } | undefined> {
  const index = gateway.indexes.look(indexOf(open));
  const { rows } = await openFeedOf(gateway, open);
  if (!index) return undefined;
  const ranks = ranksOf(rows, open.board.ties);
  const published = new Map(rows.map((row, i) => [row[0], { sortKey: row[1], rank: ranks[i]! }]));
  const places = (await gateway.reader.places(open, members)).sort(comparePlaces);
  const entries = places.map((place): FastEntry => {
    const row = published.get(place.member);
    const inTop = row !== undefined && row.sortKey === sortKeyOf(open.layout, place);
    const ranked = inTop ? { rank: row.rank, exact: true, error: 0 } : estimated(open, index, place);
    return { ...ranked, member: place.member, ...entryValues(open, place) };
  });
  const found = new Set(places.map(({ member }) => member));
  const missing = [...new Set(members)].filter((member) => !found.has(member));
  const total = Math.max(index.facts.total, ...entries.slice(-1).map(({ rank }) => rank));
  return { entries, missing, total, asOf: index.facts.asOf };
}

function estimated({ layout }: OpenBoard, index: RankIndex, { key }: Place) {
  const { before, low, high } = keyDecides(layout) ? index.estimate(key) : index.estimateOfPlace(key);
  // One more: the place may be newer than the index, and counted there at its older key.
  return { rank: 1 + before, exact: false, error: Math.max(before - low, high - before) + 1 };
}

/** Members on the board as the rank index has counted them. Undefined while there is none. No Redis call. */
export function fastTotal({ indexes }: Gateway, open: OpenBoard) {
  const facts = indexes.look(indexOf(open))?.facts;
  return facts && { exact: false, total: facts.total, asOf: facts.asOf };
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
  const between = index?.keyAt(rank - 1);
  if (!index || between === undefined) return lastPublished({ percent, rank, total, rows });
  const { score, best, worst } = scoreSpan(open.layout, between);
  const first = 1 + index.estimate(best).low;
  // Whoever has the worst key shares the rank of all that have it, unless something else decides between them.
  const behind = keyDecides(open.layout) ? worst : nextAfter(worst);
  const last = 1 + index.estimate(behind).high;
  return { percent, rank, score, exact: false, error: Math.max(rank - first, last - rank) };
}

/** An index without boundaries knows no key: a board that has hardly more than what is published, or had when it was counted. */
function lastPublished({
  rows,
  total,
  ...asked
}: {
  percent: number;
  rank: number;
  total: number;
  rows: readonly Row[];
}): PercentileLine {
  const score = rows.at(-1)![2];
  const best = 1 + rows.findIndex((row) => row[2] === score);
  return { ...asked, score, exact: false, error: Math.max(asked.rank - best, total - asked.rank) };
}

function indexOf({ board, season, feed }: OpenBoard): IndexOf {
  return { board: board.id, incarnation: season.incarnation, keys: feed };
}
