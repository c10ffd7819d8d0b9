/** What a pushed standing must be like, whatever the board does [P-17]. Pure. */
import type { Standing } from "../../../client-sdk/protocol/messages.ts";

/** An index tick, the longest stretch of its period, and a busy machine. */
const OLD_MS = 60_000;
/** Two clocks of one machine. */
const AHEAD_MS = 1_000;

/** @returns what is wrong, in words */
export function standingProblem(
  standing: Standing,
  { member, nowMs }: { member: string; nowMs: number },
): string | undefined {
  const { rank, exact, error, asOf, total, percentile } = standing;
  if (standing.member !== member) return "of another member";
  if (!(Number.isInteger(total) && total >= 0)) return "no total";
  if (!(Number.isFinite(asOf) && asOf > nowMs - OLD_MS && asOf < nowMs + AHEAD_MS)) return "asOf is not now";
  if (!(Number.isFinite(error) && error >= 0)) return "no error";
  if (exact && error !== 0) return "exact, with an error";
  if (!(percentile >= 0 && percentile <= 100)) return "percentile is out of range";
  if (rank === null) return undefined;
  if (!(Number.isInteger(rank) && rank >= 1 && rank <= total + error)) return "rank is out of range";
  return standing.score === undefined ? "a rank without a score" : undefined;
}
