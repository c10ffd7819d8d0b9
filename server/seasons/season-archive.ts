/**
 * A season that is over goes into the archive: its final table is made once everything that its shards have taken is in the tables, and
 * the mirror has been compared with the shards. Each step may be cut off; the next call goes on or begins again.
 */
import type { FinalMaker } from "../archive/final-maker.ts";
import { alignFinalSight } from "../archive/final-sight.ts";
import type { FinalOf } from "../archive/final-table.ts";
import { AppError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { BoardSeason, OpenBoard } from "../leaderboard/board.ts";
import { closingInstant, derive } from "../leaderboard/season-steps.ts";
import { readStates } from "../leaderboard/top-reader.ts";
import type { RedisStore } from "../redis/store.ts";

/** `behind`: not yet; ask again. Then the season must stay in Redis. */
export type ArchiveOutcome = "archived" | "behind";

/** What the mirror and the frozen shards differ in, for the log; empty when they are the same. */
export type CompareMirror = (open: OpenBoard) => Promise<readonly object[]>;

export type SeasonArchiveOptions = {
  redis: RedisStore;
  tables: FinalMaker;
  compare: CompareMirror;
  now: () => number;
  log: Log;
};

const DIFFERENCES_LOGGED = 10;
const AWAITED_MAX = 10_000;
const PAUSE_FIRST_MS = 5_000;
const PAUSE_MAX_MS = 600_000;

export class SeasonArchive {
  readonly #options: SeasonArchiveOptions;
  /** Incarnation of a season whose mirror differed → when it is compared again. */
  readonly #differing = new Map<string, { pauseMs: number; untilMs: number }>();
  /** Incarnation of a season → the batches of its shards that are waited for. */
  readonly #awaited = new Map<string, readonly number[]>();

  constructor(options: SeasonArchiveOptions) {
    this.#options = options;
  }

  /**
   * Archive a season whose shards are frozen. Once it is archived the question is answered without Redis.
   * @throws AppError store_lost, unavailable
   */
  async archiveSeason(closed: BoardSeason): Promise<ArchiveOutcome> {
    const { tables, compare, log, now } = this.#options;
    const { board, season } = closed;
    const of = { board: board.id, season: season.number };
    const open = derive(closed);
    if (!(await tables.isArchived(of))) {
      if (this.#isPutOff(open)) return "behind";
      const frozen = await this.#batches(open);
      if (!(await this.#hasAll(open, frozen))) return "behind";
      const differences = await compare(open);
      if (differences.length > 0) {
        const some = differences.slice(0, DIFFERENCES_LOGGED);
        log.error(
          { ...of, differences: some },
          "a season is not archived: its mirror differs from its shards",
        );
        this.#putOff(open);
        return "behind";
      }
      const made = await tables.make(
        {
          ...of,
          definition: closed,
          openedAtMs: season.openedAtMs,
          endedAtMs: closingInstant(closed) ?? now(),
          tiesShared: board.ties === "shared",
        },
        // Moderation may have changed it meanwhile.
        async () => String(await this.#batches(open)) === String(frozen),
      );
      if (made === undefined) return "behind";
      this.#differing.delete(season.incarnation);
      log.info({ ...of, entries: made }, "a season is archived");
      if (String(await this.#batches(open)) === String(frozen)) return this.#cleared(of);
    }
    // Moderation may have come between the last look at the shards and the end of the table, where it saw no table yet: it is in the mirror.
    if (!(await this.#isMirrored(open))) return "behind";
    await alignFinalSight(tables.database, of);
    return this.#cleared(of);
  }

  async #cleared(of: FinalOf): Promise<ArchiveOutcome> {
    await this.#options.tables.clearMirror(of);
    return "archived";
  }

  /** Whether the tables have all that Redis has of a season whose table is made; what Redis has no more nobody waits for. */
  async #isMirrored(open: OpenBoard): Promise<boolean> {
    try {
      return await this.#hasAll(open, await this.#batches(open));
    } catch (error) {
      if (error instanceof AppError && error.code === "store_lost") return true;
      throw error;
    }
  }

  #isPutOff({ season }: OpenBoard): boolean {
    return this.#options.now() < (this.#differing.get(season.incarnation)?.untilMs ?? 0);
  }

  /** A comparison reads the whole season: one that found differences is made again after ever longer. */
  #putOff({ season }: OpenBoard): void {
    const pauseMs = Math.min(
      2 * (this.#differing.get(season.incarnation)?.pauseMs ?? PAUSE_FIRST_MS / 2),
      PAUSE_MAX_MS,
    );
    if (this.#differing.size >= AWAITED_MAX) this.#differing.clear();
    this.#differing.set(season.incarnation, { pauseMs, untilMs: this.#options.now() + pauseMs });
  }

  /** Whether the tables have all that the shards of a frozen season have taken. @throws AppError store_lost, unavailable */
  async isInArchive(frozen: OpenBoard): Promise<boolean> {
    return this.#hasAll(frozen, await this.#batches(frozen));
  }

  /**
   * Whether the tables have all that the shards of an open season had taken when this was first asked: it takes more all the time.
   * @throws AppError store_lost, unavailable
   */
  async cameToArchive(open: OpenBoard): Promise<boolean> {
    const { incarnation } = open.season;
    const taken = this.#awaited.get(incarnation) ?? (await this.#batches(open));
    if (await this.#hasAll(open, taken)) {
      this.#awaited.delete(incarnation);
      return true;
    }
    // What is forgotten is only asked about anew.
    if (this.#awaited.size >= AWAITED_MAX) this.#awaited.clear();
    this.#awaited.set(incarnation, taken);
    return false;
  }

  /** How many batches each shard has taken. */
  async #batches(open: OpenBoard): Promise<number[]> {
    const [state] = await readStates(this.#options.redis, [open]);
    return state!.shards.map(({ n, incarnation }, shard) => {
      if (incarnation !== open.season.incarnation) throw lost(open, shard);
      return n;
    });
  }

  async #hasAll({ season }: OpenBoard, frozen: readonly number[]): Promise<boolean> {
    const positions = await this.#options.tables.positions(season.incarnation);
    return frozen.every((n, shard) => (positions.get(shard) ?? 0) >= n);
  }
}

function lost({ board, season }: OpenBoard, shard: number): AppError {
  const message = `Shard ${shard} of "${board.id}", season ${season.number}, is not what it was.`;
  return new AppError("store_lost", { message });
}
