/** What `rankwire doctor` finds: one line each, and what to change where something is to be changed. */

export type Level = "ok" | "warning" | "problem";

export type Finding = {
  area: "settings" | "machine" | "redis" | "database" | "clock" | "server";
  check: string;
  level: Level;
  /** What was found, for a person. */
  found: string;
  /** What to change, a sentence; absent where all is well. */
  change?: string;
};

/** Findings of one area. */
export type Findings = {
  ok(check: string, found: string): Finding;
  warning(check: string, found: string, change: string): Finding;
  problem(check: string, found: string, change: string): Finding;
};

export function findingsOf(area: Finding["area"]): Findings {
  return {
    ok: (check, found) => ({ area, check, level: "ok", found }),
    warning: (check, found, change) => ({ area, check, level: "warning", found, change }),
    problem: (check, found, change) => ({ area, check, level: "problem", found, change }),
  };
}
