/** Numbers as people read them. Pure. */
import type { BoardInfo } from "../../client-sdk/index.ts";

export type FormatNumber = (value: number) => string;

const whole = new Intl.NumberFormat("en");
const oneDecimal = new Intl.NumberFormat("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export function formatCount(count: number): string {
  return whole.format(count);
}

const floating = new Intl.NumberFormat("en", { maximumSignificantDigits: 15 });

/** Scores with exactly their column's decimals; without any (a float), very large and very small ones with an exponent. */
export function scoreFormat(decimals: number | undefined): FormatNumber {
  if (decimals === undefined) {
    return (score) => {
      const plain = score === 0 || (Math.abs(score) >= 1e-6 && Math.abs(score) < 1e15);
      return plain ? floating.format(score) : String(score);
    };
  }
  const format = new Intl.NumberFormat("en", {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  });
  return (score) => format.format(score);
}

export function formatRate(perSecond: number): string {
  return oneDecimal.format(perSecond);
}

/** Rounded down: 100 is for those who have everybody at or below them. */
export function formatPercentile(percentile: number): string {
  return oneDecimal.format(Math.floor(percentile * 10) / 10);
}

/** Places climbed or lost; empty for none. */
export function formatChange(change: number): string {
  if (change === 0) return "";
  return `${change > 0 ? "▲" : "▼"}${whole.format(Math.abs(change))}`;
}

/** By how much a rank may be off; empty for an exact one. */
export function formatError(error: number): string {
  return error === 0 ? "" : `±${whole.format(error)}`;
}

/** Distance to the leader, signed as scores of this board are; empty for who shares the lead. */
export function formatGap(
  leader: number,
  score: number,
  order: BoardInfo["order"],
  format: FormatNumber,
): string {
  const gap = Math.abs(leader - score);
  if (gap === 0) return "";
  return `${order === "desc" ? "−" : "+"}${format(gap)}`;
}
