/** What is said of a member's standing, from the published top, from the rank index, or not at all. Pure. */
import type { Position, Standing } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, sortKeyOf } from "../leaderboard/codec.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { percentileOf } from "../leaderboard/reader.ts";
import type { RankIndex } from "../rank-index/rank-index.ts";
import type { PublishedTop } from "./published-top.ts";
import { SMALL_CHANGE } from "./ranked-members.ts";

export type Sources = {
  open: OpenBoard;
  top: PublishedTop;
  position: Position;
  /** Members on the board as the feed last said, and when it last said anything. */
  feedTotal: number;
  feedAt: number;
  index: RankIndex | undefined;
  nowMs: number;
};

type Ranked = {
  rank: number;
  exact: boolean;
  error: number;
  asOf: number;
  total: number;
  position?: Position;
};

/** A member that is not on the board. */
export function absentStanding({ open, feedTotal, index, nowMs }: Sources, member: string): Standing {
  const total = Math.max(feedTotal, index?.facts.total ?? 0);
  return { ...heading(open), member, rank: null, exact: true, error: 0, asOf: nowMs, total, percentile: 0 };
}

/** True of a rank that was made from published rows which have not caught up with the member's own place yet. */
export function isProvisional({ exact, error }: Standing): boolean {
  return !exact && error <= PROVISIONAL_ERROR;
}

/** Less than any rank from the index has. */
const PROVISIONAL_ERROR = 1;

/** @param estimate the index's word on the place. @returns undefined while neither top nor index knows */
export function standingOf(
  sources: Sources,
  place: Place,
  estimate: { rank: number; low: number; high: number } | undefined,
): Standing | undefined {
  const ranked = fromTop(sources, place) ?? fromIndex(sources, estimate);
  if (!ranked) return undefined;
  const { open } = sources;
  const total = Math.max(ranked.total, ranked.rank);
  return {
    ...heading(open),
    member: place.member,
    ...ranked,
    total,
    percentile: percentileOf(ranked.rank, total),
    ...entryValues(open, place),
  };
}

/**
 * Exact where the published row is the member's present place. A place that the feed has not caught up with yet is ranked among the
 * published rows as they were: only the member's own older row may be counted wrongly, once.
 */
function fromTop(
  { open, top, position, feedTotal, feedAt, index, nowMs }: Sources,
  place: Place,
): Ranked | undefined {
  const sortKey = sortKeyOf(open.layout, place);
  const published = top.of(place.member);
  const total = Math.max(feedTotal, index?.facts.total ?? 0);
  if (published && published.row[1] === sortKey) {
    return { rank: published.rank, exact: true, error: 0, position, asOf: nowMs, total };
  }
  const rank = top.rankOf(sortKey, place.member);
  // Of those who share the last published rank not all need be published; what is better than they are is.
  if (!published && open.board.ties === "shared" && top.rows.at(-1)?.[1] === sortKey) {
    return { rank: rank!, exact: true, error: 0, position, asOf: nowMs, total };
  }
  // Before its first frame a feed says nothing about who is there.
  if (position.offset === 0) return undefined;
  const provisional = { exact: false, error: PROVISIONAL_ERROR, asOf: feedAt, total };
  if (rank !== undefined) return { rank, ...provisional };
  // All members are published, so whoever comes after them is the last one.
  const everybody = top.rows.length < open.board.topSize;
  const others = top.rows.length - (published ? 1 : 0);
  return everybody ? { rank: others + 1, ...provisional } : undefined;
}

function fromIndex(
  { index }: Sources,
  estimate: { rank: number; low: number; high: number } | undefined,
): Ranked | undefined {
  if (!index || !estimate) return undefined;
  const { rank, low, high } = estimate;
  // One more: a place that is newer than the index may have been counted there at its older key. And what the filter may hold back,
  // which is more than nothing for every rank.
  const error = Math.max(rank - low, high - rank) + 1 + Math.ceil(rank * SMALL_CHANGE);
  const { asOf, total } = index.facts;
  return { rank, exact: false, error, asOf, total };
}

function heading({ board, season }: OpenBoard): { board: string; season: number } {
  return { board: board.id, season: season.number };
}
