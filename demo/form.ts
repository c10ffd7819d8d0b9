/**
 * How one simulated player plays: a skill for life, a mood that drifts from match to match, streaks and comebacks.
 *
 * Points are won and lost, so a rating hovers about what its player can do: the order keeps changing however long
 * the demo runs. With points that are only won the leaders would drift apart, and the board would freeze.
 */
import { bell, between, type Random } from "./random.ts";

const SKILL_MEAN = 12_000;
const SKILL_SPREAD = 1_600;
const MOOD_SPREAD = 700;
/** Of one match's mood in the next: a good day lasts about a dozen matches. */
const MOOD_MEMORY = 0.92;
/** How far a rating may be from a player's strength until the matches are as good as decided. */
const UPSET_RANGE = 900;
const STAKE = { min: 30, max: 150 };
const STREAK_BONUS = 0.2;
const STREAK_MAX = 6;
/** A win after this many defeats counts double. */
const COMEBACK_AFTER = 3;

export class Form {
  readonly #random: Random;
  readonly #skill: number;
  #mood: number;
  /** Wins in a row; below 0, defeats in a row. */
  #streak = 0;
  #matchesUntilRest = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#skill = Math.max(1_000, SKILL_MEAN + SKILL_SPREAD * bell(random));
    this.#mood = bell(random);
  }

  /** The rating that this player can hold. */
  get skill(): number {
    return this.#skill;
  }

  /** Points for the placement match, with which a player enters the board. */
  placement(): number {
    return Math.round(this.#skill * between(this.#random, 0.8, 0.95));
  }

  /** Points won (above 0) or lost in the next match of a player who has `rating`. */
  playMatch(rating: number): number {
    const noise = Math.sqrt(1 - MOOD_MEMORY ** 2) * bell(this.#random);
    this.#mood = MOOD_MEMORY * this.#mood + noise;
    const strength = this.#skill + MOOD_SPREAD * this.#mood;
    const winProbability = 1 / (1 + Math.exp((rating - strength) / UPSET_RANGE));
    const stake = between(this.#random, STAKE.min, STAKE.max);
    if (this.#random() < winProbability) {
      const comeback = this.#streak <= -COMEBACK_AFTER ? 2 : 1;
      this.#streak = Math.max(0, this.#streak) + 1;
      const bonus = 1 + STREAK_BONUS * Math.min(this.#streak - 1, STREAK_MAX);
      return Math.round(stake * bonus * comeback);
    }
    this.#streak = Math.min(0, this.#streak) - 1;
    return -Math.min(rating, Math.round(stake));
  }

  /** Milliseconds until the next match: some matches in a row, then a rest. */
  pause(): number {
    if (this.#matchesUntilRest-- > 0) return between(this.#random, 1_500, 4_500);
    this.#matchesUntilRest = Math.round(between(this.#random, 4, 16));
    return between(this.#random, 5_000, 18_000);
  }
}
