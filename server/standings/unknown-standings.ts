/** Standings that this process cannot tell yet, because a board's rank index is still to come: counted exactly, in one question. */
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { percentileOf, type Reader } from "../leaderboard/reader.ts";
import type { BoardStandings } from "./board-standings.ts";
import { isProvisional } from "./standing-of.ts";

/** The standings of followed members, in order. @throws AppError store_lost, unavailable */
export async function completeStandings(
  { reader, now }: { reader: Reader; now: () => number },
  open: OpenBoard,
  standings: Pick<BoardStandings, "standingOf">,
  members: readonly string[],
): Promise<Standing[]> {
  const known = members.map((member) => {
    const standing = standings.standingOf(member);
    return standing && isProvisional(standing) ? undefined : standing;
  });
  const unknown = members.filter((_, i) => !known[i]);
  if (unknown.length === 0) return known as Standing[];
  const asOf = now();
  const { ranked, total } = await reader.members(open, unknown, { ranks: true });
  const entries = new Map(ranked.map((entry) => [entry.member, entry]));
  return members.map((member, i): Standing => {
    const here = known[i];
    if (here) return here;
    const about = {
      board: open.board.id,
      season: open.season.number,
      member,
      exact: true,
      error: 0,
      asOf,
      total,
    };
    const entry = entries.get(member);
    if (!entry) return { ...about, rank: null, percentile: 0 };
    const { rank, score, columns } = entry;
    const values = columns === undefined ? { score } : { score, columns };
    return { ...about, rank, percentile: percentileOf(rank, total), ...values };
  });
}
