/** A board that is being archived at present: its lease, the state of its seasons, when its next turn is due, and how far behind it is. */
import { AppError } from "../base/errors.ts";
import type { Lease } from "../locks/lease.ts";
import type { ArchivedSeason } from "./archived-boards.ts";
import type { ArchiveLag } from "./archiver-metrics.ts";
import { FeedArchiver, type FeedArchiverOptions } from "./feed-archiver.ts";
import { RankSampler, type RankSamplerOptions } from "./rank-sampler.ts";
import { SeasonArchiver, type SeasonArchiverOptions } from "./season-archiver.ts";

export type BoardTurnsOptions = SeasonArchiverOptions &
  FeedArchiverOptions &
  RankSamplerOptions & {
    lease: Lease;
    leaseTtlMs: number;
    quietMs: number;
    now: () => number;
    startedAtMs: number;
  };

/** Of one season: its scores, what was published of it, and now and then its rank index. */
type Archivers = { scores: SeasonArchiver; feed: FeedArchiver; ranks: RankSampler };

/** After a failure of this board alone. */
const PAUSE_MS = 1_000;

export class BoardTurns {
  readonly id: string;
  readonly #options: BoardTurnsOptions;
  readonly #seasons = new Map<string, Archivers>();
  #dueAt = 0;
  #quietAt: number;
  #wantsMore = false;
  #lagEntries = 0;
  #isBehind = true;
  /** Everything up to then is in the tables; undefined while another process has the lease. */
  #archivedToMs: number | undefined;

  constructor(id: string, options: BoardTurnsOptions) {
    this.id = id;
    this.#options = options;
    this.#archivedToMs = options.startedAtMs;
    this.#quietAt = performance.now() + options.quietMs;
  }

  /** The last turn left something that could be read. */
  get wantsMore(): boolean {
    return this.#wantsMore;
  }

  /** It has been written to. */
  wake(): void {
    this.#quietAt = Math.max(this.#quietAt, performance.now() + this.#options.quietMs);
  }

  isDue(): boolean {
    return this.#dueAt <= performance.now();
  }

  /** Everything is in the tables, and nothing has come for some time. */
  isQuiet(): boolean {
    return this.#quietAt < performance.now() && this.#lagEntries === 0 && !this.#wantsMore && !this.#isBehind;
  }

  lag(nowMs: number): ArchiveLag {
    return { entries: this.#lagEntries, ms: nowMs - (this.#archivedToMs ?? nowMs) };
  }

  /** @throws AppError unavailable, store_lost, and what the tables refuse */
  async turn(seasons: readonly ArchivedSeason[]): Promise<void> {
    const { lease, leaseTtlMs, now } = this.#options;
    if (!(await lease.hold())) {
      this.#seasons.clear();
      this.#wantsMore = false;
      this.#lagEntries = 0;
      this.#isBehind = false;
      this.#archivedToMs = undefined;
      this.#dueAt = performance.now() + leaseTtlMs / 6;
      return;
    }
    const startedAtMs = now();
    this.#archivedToMs ??= startedAtMs;
    const kept = new Set<string>();
    let [lag, more, oldestMs] = [0, false, startedAtMs];
    let lost: AppError | undefined;
    for (const season of seasons) {
      const { incarnation } = season.open.season;
      kept.add(incarnation);
      const { scores, feed, ranks } = this.#archiversOf(season);
      const turn = await scores.turn().catch(lostOnly);
      // The other seasons of the board may be there.
      if (turn instanceof AppError) {
        lost = turn;
        continue;
      }
      lag += turn.lag;
      more ||= turn.more;
      more = (await feed.turn(season.open)) || more;
      await ranks.turn(season.open);
      oldestMs = Math.min(oldestMs, turn.oldestMs ?? startedAtMs);
    }
    for (const incarnation of this.#seasons.keys())
      if (!kept.has(incarnation)) this.#seasons.delete(incarnation);
    [this.#lagEntries, this.#wantsMore, this.#archivedToMs] = [lag, more, oldestMs];
    this.#dueAt = 0;
    this.#isBehind = false;
    if (lost) throw lost;
  }

  /** Begin anew after a pause: what is read and not acknowledged comes again. */
  failed(error: unknown): void {
    this.#seasons.clear();
    // What is lost in Redis does not come by waiting.
    this.#isBehind = !(error instanceof AppError && error.code === "store_lost");
    this.#wantsMore = false;
    this.#dueAt = performance.now() + PAUSE_MS;
  }

  async release(): Promise<void> {
    await this.#options.lease.release().catch(() => undefined);
  }

  #archiversOf(season: ArchivedSeason): Archivers {
    const { incarnation } = season.open.season;
    let archivers = this.#seasons.get(incarnation);
    if (!archivers) {
      archivers = {
        scores: new SeasonArchiver(season, this.#options),
        feed: new FeedArchiver(season, this.#options),
        ranks: new RankSampler(season, this.#options),
      };
      this.#seasons.set(incarnation, archivers);
    }
    return archivers;
  }
}

function lostOnly(error: unknown): AppError {
  if (error instanceof AppError && error.code === "store_lost") return error;
  throw error;
}
