/** What members who are out of sight are told of where they stand. Pure. */
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import { entryValues, sortKeyOf } from "../leaderboard/codec.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { percentileOf } from "../leaderboard/reader.ts";
import { SMALL_CHANGE } from "./ranked-members.ts";
import { absentStanding, type Sources } from "./standing-of.ts";

/** Who is hidden: the score, and no rank. */
export function hiddenStanding(sources: Sources, place: Place): Standing {
  return { ...absentStanding(sources, place.member), hidden: true, ...entryValues(sources.open, place) };
}

/** The rank that a shadow's place would have among the published rows; undefined where they do not reach that far. */
function rankInTop({ open, top, position }: Sources, place: Place): number | undefined {
  // Before its first frame a feed says nothing about who is there.
  if (position.offset === 0) return undefined;
  const rank = top.rankOf(sortKeyOf(open.layout, place), place.member);
  if (rank !== undefined || top.rows.length >= open.board.topSize) return rank;
  return top.rows.length + (top.of(place.member) ? 0 : 1);
}

/**
 * A shadow's standing, which looks like anybody's at that rank: exact in the published top, and stated as the index would below it.
 * @param counted the rank, and how many others are on the board
 */
export function shadowStanding(
  sources: Sources,
  place: Place,
  counted: { rank: number; total: number },
): Standing {
  const { open, position, nowMs } = sources;
  const inTop = rankInTop(sources, place);
  const rank = inTop ?? counted.rank;
  // Counted, because feed and index go on counting the shadow itself for a while.
  const total = 1 + Math.max(counted.total, rank - 1);
  const ranked =
    inTop !== undefined
      ? { exact: true, error: 0, position, asOf: nowMs }
      : { ...statedBelow(sources, place, rank), asOf: nowMs };
  return {
    ...absentStanding(sources, place.member),
    rank,
    ...ranked,
    total,
    percentile: percentileOf(rank, total),
    ...entryValues(open, place),
  };
}

function statedBelow({ index }: Sources, { key }: Place, rank: number): { exact: boolean; error: number } {
  if (!index) return { exact: true, error: 0 };
  const cell = index.cellOf(key);
  const widest = Math.max(rank - 1 - index.lower(cell), 1 + index.upper(cell) - rank, 0);
  return { exact: false, error: widest + 1 + Math.ceil(rank * SMALL_CHANGE) };
}

/** Whether two standings say the same to the member; when and from what they were made does not count. */
export function saysTheSame(a: Standing, b: Standing): boolean {
  return (
    a.rank === b.rank &&
    a.hidden === b.hidden &&
    a.score === b.score &&
    JSON.stringify(a.columns) === JSON.stringify(b.columns)
  );
}
