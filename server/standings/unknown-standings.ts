/** Standings that this process cannot tell yet, because a board's rank index is still to come: counted exactly, in one question. */
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues } from "../leaderboard/codec.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { percentileOf, type Reader } from "../leaderboard/reader.ts";
import type { BoardStandings } from "./board-standings.ts";
import { isProvisional } from "./standing-of.ts";

export type Asked = { reader: Reader; now: () => number; open: OpenBoard };

/** A member may move while it is counted; then it is counted again, so often. */
const ROUNDS_MAX = 3;

/** Members whose standing neither the published top nor an index tells for good. */
export function unknownAmong(
  standings: Pick<BoardStandings, "standingOf">,
  members: readonly string[],
): string[] {
  return members.filter((member) => {
    const standing = standings.standingOf(member);
    return !standing || isProvisional(standing);
  });
}

/**
 * The standings of followed members, in order. What is counted is the place that is known here, never an older one.
 * @throws AppError store_lost, unavailable
 */
export async function completeStandings(
  asked: Asked,
  standings: Pick<BoardStandings, "standingOf" | "placeOf">,
  members: readonly string[],
): Promise<Standing[]> {
  const counted = new Map<string, Standing>();
  let left = unknownAmong(standings, members);
  for (let round = 0; round < ROUNDS_MAX && left.length > 0; round++) {
    const places = left.map((member) => standings.placeOf(member));
    for (const standing of await count(asked, left, places)) counted.set(standing.member, standing);
    left = left.filter((member, i) => !samePlace(places[i], standings.placeOf(member)));
  }
  return members.map((member) => {
    const known = standings.standingOf(member);
    return known && !isProvisional(known) ? known : (counted.get(member) ?? known!);
  });
}

async function count(
  { reader, now, open }: Asked,
  members: readonly string[],
  places: readonly (Place | undefined)[],
): Promise<Standing[]> {
  const asOf = now();
  const present = places.filter((place) => place !== undefined);
  const { ranks, total } = await reader.ranksAt(open, present);
  const rankOf = new Map(present.map(({ member }, i) => [member, ranks[i]!]));
  return members.map((member, i): Standing => {
    const about = {
      board: open.board.id,
      season: open.season.number,
      member,
      exact: true,
      error: 0,
      asOf,
      total,
    };
    const place = places[i];
    if (!place) return { ...about, rank: null, percentile: 0 };
    const rank = rankOf.get(member)!;
    return {
      ...about,
      rank,
      percentile: percentileOf(rank, Math.max(total, rank)),
      ...entryValues(open, place),
    };
  });
}

export function samePlace(a: Place | undefined, b: Place | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.key === b.key && a.rest === b.rest);
}
