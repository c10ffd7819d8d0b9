/** Now and then the rank index of one season into the tables, where it has one and has been counted anew: nobody counts for it. */
import { lastSampleMs, saveSample } from "../archive/rank-samples.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { encodeIndex } from "../rank-index/index-frame.ts";
import { readIndex } from "../rank-index/index-store.ts";
import { thinned } from "../rank-index/rank-index.ts";
import type { RedisStore } from "../redis/store.ts";
import type { ArchivedSeason } from "./archived-boards.ts";

export type RankSamplerOptions = {
  redis: RedisStore;
  database: Database;
  samples: {
    everyMs: number;
    /** Boundaries of one sample, at most. */
    boundariesMax: number;
  };
};

/** How soon a board that had no new index is looked at again. */
const LOOK_MS = 10_000;

export class RankSampler {
  readonly #options: RankSamplerOptions;
  readonly #life: number;
  #lastMs: number | undefined;
  #dueAt = Number.NEGATIVE_INFINITY;

  constructor({ life }: ArchivedSeason, options: RankSamplerOptions) {
    this.#options = options;
    this.#life = life;
  }

  /** @throws AppError unavailable */
  async turn({ board, season, feed }: OpenBoard): Promise<void> {
    if (performance.now() < this.#dueAt || board.historyRetentionDays === 0) return;
    const { redis, database, samples } = this.#options;
    this.#dueAt = performance.now() + Math.min(LOOK_MS, samples.everyMs);
    this.#lastMs ??= (await lastSampleMs(database, this.#life)) ?? Number.NEGATIVE_INFINITY;
    const index = await readIndex(redis, feed);
    if (!index || index.facts.incarnation !== season.incarnation) return;
    const atMs = Math.round(index.facts.asOf);
    if (atMs < this.#lastMs + samples.everyMs) return;
    await saveSample(
      database,
      { life: this.#life, atMs },
      encodeIndex(thinned(index, samples.boundariesMax)),
    );
    this.#lastMs = atMs;
  }
}
