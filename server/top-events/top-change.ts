/** What changed at the top between two moments, as the events that tell it. Pure. */
import type { Row, Ties } from "../../client-sdk/protocol/messages.ts";
import { ranksOf } from "../../client-sdk/protocol/rows.ts";

/** The best rows of a board at a moment: who, best first, and how many of them had rank 1. */
export type TopState = { members: readonly string[]; firsts: number };

export const NOBODY: TopState = { members: [], firsts: 0 };

export type TopChange =
  | { type: "top.left"; member: string; rank: number | null }
  | { type: "top.entered" | "top.first"; member: string; rank: number; row: Row };

/** @param rows of the published top, best first. @param size how many of them are watched */
export function topStateOf(rows: readonly Row[], size: number, ties: Ties): TopState {
  const top = rows.slice(0, size);
  const firsts = ranksOf(top, ties).filter((rank) => rank === 1).length;
  return { members: top.map(([member]) => member), firsts };
}

export function sameState(one: TopState, other: TopState): boolean {
  if (one.firsts !== other.firsts || one.members.length !== other.members.length) return false;
  return one.members.every((member, i) => member === other.members[i]);
}

/** Who left, who came, who is number one now and was not: in this order, each by rank. @param rows the published top now */
export function topChanges(
  before: TopState,
  rows: readonly Row[],
  { size, ties }: { size: number; ties: Ties },
): TopChange[] {
  const after = topStateOf(rows, size, ties);
  if (sameState(before, after)) return [];
  const ranks = ranksOf(rows, ties);
  const changes: TopChange[] = [];
  const stays = new Set(after.members);
  const leavers = before.members.filter((member) => !stays.has(member));
  if (leavers.length > 0) {
    const rankOf = new Map(rows.map(([member], i) => [member, ranks[i]!]));
    for (const member of leavers)
      changes.push({ type: "top.left", member, rank: rankOf.get(member) ?? null });
  }
  const wasThere = new Set(before.members);
  const wasFirst = new Set(before.members.slice(0, before.firsts));
  const told = (type: "top.entered" | "top.first", i: number): void => {
    changes.push({ type, member: after.members[i]!, rank: ranks[i]!, row: rows[i]! });
  };
  for (const [i, member] of after.members.entries()) if (!wasThere.has(member)) told("top.entered", i);
  for (let i = 0; i < after.firsts; i++) if (!wasFirst.has(after.members[i]!)) told("top.first", i);
  return changes;
}
