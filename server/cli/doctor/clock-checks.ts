/** How far the clocks of Redis and PostgreSQL are from this machine's. Redis's decides when submissions arrive and what has run out. */
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("clock");

/** ms. Beyond the first, what gateways and stores say of the same moment differs visibly; beyond the second JWTs and windows go wrong. */
const APART_MS = 500;
const FAR_APART_MS = 5_000;

/** @param ahead of this machine, in ms, negative behind it; exact to `withinMs` */
export function clockFinding(
  whose: string,
  { aheadMs, withinMs }: { aheadMs: number; withinMs: number },
): Finding {
  const apart = Math.max(0, Math.abs(aheadMs) - withinMs);
  const way = aheadMs < 0 ? "behind" : "ahead of";
  if (apart <= APART_MS)
    return ok(whose, `${Math.round(withinMs + Math.abs(aheadMs))} ms from this machine's at most`);
  const found = `${Math.round(Math.abs(aheadMs))} ms ${way} this machine's`;
  const change = "Let NTP (chrony, systemd-timesyncd) set the clocks of both machines.";
  return apart <= FAR_APART_MS ? warning(whose, found, change) : problem(whose, found, change);
}
