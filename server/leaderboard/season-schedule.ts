/**
 * When seasons end, by a board's rules. Pure.
 *
 * Times of a schedule are wall time in its zone. What daylight saving skips fires when the clock has sprung ahead; what it repeats fires
 * the first time only.
 */
import { Cron } from "croner";
import { DateTime } from "luxon";
import type { SeasonRules } from "./season-schema.ts";

/** Missed ends are counted up to here: they are only told to people. */
const MISSED_MAX = 1_000;

/** The first end of a season after an instant, in ms; undefined when none is planned. @throws Error when the cron is not one */
export function nextEnd(rules: SeasonRules, afterMs: number): number | undefined {
  const last = rules.endsAt === undefined ? undefined : Date.parse(rules.endsAt);
  const next =
    "cron" in rules
      ? nextCron(rules, afterMs)
      : "everyWeeks" in rules
        ? nextWeeks(rules, afterMs)
        : undefined;
  if (last === undefined || last <= afterMs) return last === undefined ? next : undefined;
  return next === undefined ? last : Math.min(next, last);
}

/** Whether another season opens by itself when one ends at `endMs`. */
export function goesOn(rules: SeasonRules, endMs: number): boolean {
  if (!("timeZone" in rules)) return false;
  return rules.endsAt === undefined || endMs < Date.parse(rules.endsAt);
}

/** How many further ends have passed since the one at `endMs`: seasons that are skipped. */
export function missedEnds(rules: SeasonRules, endMs: number, nowMs: number): number {
  let missed = 0;
  for (
    let at = nextEnd(rules, endMs);
    at !== undefined && at <= nowMs && missed < MISSED_MAX;
    at = nextEnd(rules, at)
  )
    missed++;
  return missed;
}

function nextCron(
  { cron, timeZone }: { cron: string; timeZone: string },
  afterMs: number,
): number | undefined {
  const job = new Cron(cron, { timezone: timeZone, paused: true });
  return job.nextRun(new Date(afterMs))?.getTime();
}

type Weeks = { everyWeeks: number; from: string; timeZone: string };

/** Weeks are counted on the wall: an end stays at its hour over changes of daylight saving. */
function nextWeeks({ everyWeeks, from, timeZone }: Weeks, afterMs: number): number {
  const first = DateTime.fromISO(from, { zone: timeZone });
  if (!first.isValid) throw new Error(`from is no time: ${first.invalidExplanation ?? from}`);
  const passed = (afterMs - first.toMillis()) / (everyWeeks * 7 * 86_400_000);
  for (let k = Math.max(0, Math.floor(passed) - 1); ; k++) {
    const at = first.plus({ weeks: k * everyWeeks }).toMillis();
    if (at > afterMs) return at;
  }
}
