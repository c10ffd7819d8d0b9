/** What is counted, and the days by which it is counted: UTC days, numbered from the Unix epoch. */

/** What became of a submission. `limited` and `held` are told by those who limit and hold. */
export const OUTCOMES = ["accepted", "unchanged", "duplicate", "rejected", "limited", "held"] as const;

export type Outcome = (typeof OUTCOMES)[number];
export type Counts = Record<Outcome, number>;

const DAY_MS = 86_400_000;

export function noCounts(): Counts {
  return { accepted: 0, unchanged: 0, duplicate: 0, rejected: 0, limited: 0, held: 0 };
}

export function dayOf(ms: number): number {
  return Math.floor(ms / DAY_MS);
}

/** `2026-11-25` */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** When a day is forgotten, which is kept for `daysKept` more days. ms since the Unix epoch. */
export function dayEndsMs(day: number, daysKept: number): number {
  return (day + 1 + daysKept) * DAY_MS;
}
