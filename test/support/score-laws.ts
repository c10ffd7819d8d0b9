/** Laws that scores follow on real boards, seeded: what ranks and their errors are tested and measured under. */
import { bell, type Random } from "../../demo/random.ts";

export const SCORE_MAX = 1_000_000_000;

export type Law = (random: Random) => number;

export const LAWS = {
  uniform: (random) => Math.floor(random() * SCORE_MAX),
  normal: (random) => clamp(SCORE_MAX / 2 + (SCORE_MAX / 10) * bell(random)),
  /** Few with very much, most with little. */
  zipf: (random) => clamp(1_000 / (random() + 1e-9)),
  /** A hundred scores, the low ones shared by whole crowds. */
  tied: (random) => Math.floor(100 * random() ** 3) * 1_000_000,
} as const satisfies Record<string, Law>;

export type LawName = keyof typeof LAWS;
export const LAW_NAMES = Object.keys(LAWS) as LawName[];

function clamp(score: number): number {
  return Math.max(0, Math.min(SCORE_MAX, Math.floor(score)));
}
