/** What is told of a board's season, and of how its seasons follow each other. */

export type SeasonInfo = {
  /** 1 for a board's first season. */
  number: number;
  state: "opening" | "open" | "closed";
  /** ISO 8601, as every instant here. */
  openedAt: string;
  /** As it was planned when the season opened. */
  endsAt?: string;
  /** When it closes in truth, where that is another instant: rolled over by hand, or planned anew. */
  closesAt?: string;
};

/** What the next season begins with: nothing, the entries of the last one, or these times a factor. */
export type CarryOver = { rule: "none" | "keep" } | { rule: "decay"; factor: number };

/** By hand, by cron on the wall of a time zone, or every so many weeks from a local time on. */
type Schedule =
  | { schedule: "manual" }
  | { cron: string; timeZone: string }
  | { everyWeeks: number; from: string; timeZone: string };

export type SeasonRules = Schedule & {
  /** When the board's first season opens, and when its last one ends. */
  startsAt?: string;
  endsAt?: string;
  /** Nothing is carried over when absent. */
  carryOver?: CarryOver;
  /** How long what arrived before an end may still drain into the season that is over. */
  graceMs?: number;
};

/** When a season takes its last submission; undefined while no end is planned. */
export function endOf({ endsAt, closesAt }: SeasonInfo): string | undefined {
  return closesAt ?? endsAt;
}
