/**
 * Rewards of the role `seasons`: looks now and then for archived seasons whose end has not been seen to, one process at a time, and grants
 * what is theirs. What is granted is right without the lease too (`archive/reward-run.ts`): it saves work that would be done twice.
 */
import type { FinalOf } from "../archive/final-table.ts";
import type { UnrewardedSeason } from "../archive/reward-run.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Lease } from "../locks/lease.ts";
import type { RewardMetrics } from "./reward-metrics.ts";
import { rewardSeason, type SeasonRewardsOptions } from "./season-rewards.ts";

export type RewardsOptions = Omit<SeasonRewardsOptions, "onStep"> & {
  lease: Lease;
  /** ms between two looks. */
  lookMs: number;
  /** Whether a look would not open a database that nobody has needed yet. */
  mayLook: () => boolean;
  /** Players who are connected should hear of it. What it throws changes nothing: the rewards are where rewards are listed. */
  onGranted: (of: FinalOf) => Promise<unknown>;
  log: Log;
  metrics: RewardMetrics;
};

/** Seasons of one look. */
const SEASONS_AT_ONCE = 100;
/** What failed is tried again after this, so that it holds up no other season. */
const PAUSE_MS = 10_000;

export class Rewards {
  readonly #options: RewardsOptions;
  readonly #loop: Loop;
  readonly #pausedUntil = new Map<string, number>();

  constructor(options: RewardsOptions) {
    this.#options = options;
    const onError = (error: unknown): void =>
      options.log.warn({ err: error }, "looking for rewards to grant failed; it is tried again");
    this.#loop = new Loop({ everyMs: options.lookMs, step: (signal) => this.look(signal), onError });
  }

  start(): void {
    this.#loop.start();
  }

  /** Resolves when the step under way has been taken. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#options.lease.release().catch(() => undefined);
  }

  /** One turn: every season that is due, as far as the lease lasts. @throws AppError unavailable, and what Redis throws */
  async look(signal?: AbortSignal): Promise<void> {
    const { lease, runs, mayLook } = this.#options;
    const stillOurs = async (): Promise<boolean> => !signal?.aborted && (await lease.hold());
    if (!mayLook() || !(await stillOurs())) return;
    for (const season of await runs.undone(SEASONS_AT_ONCE)) {
      const name = `${season.board} ${season.season}`;
      if ((this.#pausedUntil.get(name) ?? 0) > performance.now()) continue;
      this.#pausedUntil.delete(name);
      if (!(await stillOurs())) return;
      await this.#reward(season, stillOurs).catch((error: unknown) => {
        this.#pausedUntil.set(name, performance.now() + PAUSE_MS);
        this.#options.metrics.failures.inc();
        this.#options.log.warn(
          { board: season.board, season: season.season, err: error },
          "rewards could not be granted; it is tried again",
        );
      });
    }
  }

  async #reward(season: UnrewardedSeason, stillOurs: () => Promise<boolean>): Promise<void> {
    const { runs, note, onGranted, metrics, log } = this.#options;
    const onStep = (granted: number): void => metrics.granted.inc(granted);
    const granted = await rewardSeason({ runs, note, onStep }, season, stillOurs);
    if (granted === undefined) return;
    metrics.seasons.inc();
    const of: FinalOf = { board: season.board, season: season.season };
    log.info({ ...of, rewards: granted }, "the end of a season is seen to");
    if (granted === 0) return;
    await onGranted(of).catch((error: unknown) => log.debug({ err: error }, "nobody was told of rewards"));
  }
}
