/** Laws that scores follow on real boards, as quantiles: what ranks and their errors are tested and measured under. */

export const SCORE_MAX = 1_000_000_000;

/** The score below which a share of all scores lies; grows with the share, which is at least 0 and below 1. */
export type Law = (share: number) => number;

export const LAWS = {
  uniform: (share) => Math.floor(share * SCORE_MAX),
  normal: (share) => clamp(SCORE_MAX / 2 + (SCORE_MAX / 10) * normalQuantile(share)),
  /** Few with very much, most with little. */
  zipf: (share) => clamp(1_000 / (1 - share + 1e-9)),
  /** A hundred scores, the low ones shared by whole crowds. */
  tied: (share) => Math.floor(100 * share ** 3) * 1_000_000,
} as const satisfies Record<string, Law>;

export type LawName = keyof typeof LAWS;
export const LAW_NAMES = Object.keys(LAWS) as LawName[];

function clamp(score: number): number {
  return Math.max(0, Math.min(SCORE_MAX, Math.floor(score)));
}

/** Of the standard normal law, to about four digits: Abramowitz and Stegun 26.2.23. */
function normalQuantile(share: number): number {
  const tail = Math.max(1e-12, Math.min(share, 1 - share));
  const t = Math.sqrt(-2 * Math.log(tail));
  const above = 2.515517 + 0.802853 * t + 0.010328 * t * t;
  const below = 1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3;
  const distance = t - above / below;
  return share < 0.5 ? -distance : distance;
}
