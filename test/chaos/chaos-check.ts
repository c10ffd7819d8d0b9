/** What the boards of a run show in the end, season by season, against the submitter's record. */
import { isSumOfSome, type SubmissionRecord } from "./submission-record.ts";

export type Rule = "sum" | "best";
export type SeasonOfBoard = { board: string; season: number };
/** Member → score. */
export type Scores = ReadonlyMap<string, number>;

/**
 * @param before what the season before ended with, where it is kept
 * @returns complaints, none when every acknowledged submission is there exactly once
 */
export function complaintsAbout(
  record: SubmissionRecord,
  { board, season }: SeasonOfBoard,
  rule: Rule,
  shown: Scores,
  before: Scores = new Map(),
): string[] {
  const expected = record.expected(board, season);
  const complaints: string[] = [];
  for (const member of new Set([...expected.keys(), ...shown.keys(), ...before.keys()])) {
    const { sure, maybe } = expected.get(member) ?? { sure: [], maybe: [] };
    const begins = before.has(member) ? [before.get(member)!] : [];
    const has = shown.get(member);
    const isRight =
      rule === "sum"
        ? isSumRight([...begins, ...sure], maybe, has)
        : isBestRight([...begins, ...sure], maybe, has);
    if (isRight) continue;
    const wanted = `${sum(begins)} + ${sum(sure)} of ${sure.length}, perhaps some of ${JSON.stringify(maybe)}`;
    complaints.push(`${board} season ${season} ${member}: has ${has}, should have ${wanted} (${rule})`);
  }
  return complaints;
}

function isSumRight(sure: readonly number[], maybe: readonly number[], has: number | undefined): boolean {
  if (has === undefined) return sure.length === 0;
  return has >= sum(sure) && isSumOfSome(has - sum(sure), maybe);
}

function isBestRight(sure: readonly number[], maybe: readonly number[], has: number | undefined): boolean {
  if (has === undefined) return sure.length === 0;
  const best = Math.max(0, ...sure);
  return has === best || (has > best && maybe.includes(has));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
