/**
 * A board's season as it leaves: of a season that moves a copy from the tables, each shard at a position that it names; of an archived one
 * its final table. What is needed of the database is read before the first line is sent, but for final tables, which stand still.
 */
import { finalCount, finalPages } from "../archive/final-pages.ts";
import { isOutdated, outdated } from "../archive/outdated-boards.ts";
import { newestLife, positionsOf } from "../archive/stored-lives.ts";
import { StoredSeasons } from "../archive/stored-seasons.ts";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { BoardSeason, OpenBoard } from "../leaderboard/board.ts";
import { createRedisBoardRepository } from "../leaderboard/board-repository.ts";
import { parseSeason } from "../leaderboard/board-schema.ts";
import type { Registry } from "../leaderboard/registry.ts";
import { derive } from "../leaderboard/season-steps.ts";
import { shardFacts } from "../leaderboard/shard-facts.ts";
import type { RedisStore } from "../redis/store.ts";
import { type CopyOptions, copySeason } from "./export-copy.ts";
import {
  type ExportedShard,
  type ExportHeader,
  type StoredPlace,
  seasonTimes,
  TRANSFER_VERSION,
} from "./transfer-line.ts";

export type BoardExportOptions = CopyOptions & {
  redis: RedisStore;
  registry: Registry;
  now: () => number;
  /** Exports at the same time. */
  exportsMax: number;
  /** How long the archive may take to come up to what the board has. */
  waitMs: number;
  /** Whether a database is there to ask: opened, or given by the settings. */
  hasArchive: () => boolean;
};

/** Ready to be sent. `close` must be called, whether it was read or not. */
export type Exported = {
  header: ExportHeader;
  open: OpenBoard;
  /** Every entry once. */
  read(): AsyncGenerator<StoredPlace[]>;
  close(): Promise<void>;
};

const LOOK_MS = 50;

export class BoardExport {
  readonly #options: BoardExportOptions;
  #running = 0;

  constructor(options: BoardExportOptions) {
    this.#options = options;
  }

  /** Exports that are made or sent now. */
  get running(): number {
    return this.#running;
  }

  /**
   * @param season undefined for the present one
   * @param signal its reader has gone: nothing more is asked
   * @throws AppError season_not_found, not_available (nobody archives the board), store_lost (Redis has an older copy of it
   * than the archive), overloaded, unavailable
   */
  async begin(present: OpenBoard, season: number | undefined, signal: AbortSignal): Promise<Exported> {
    const { exportsMax } = this.#options;
    if (this.#running >= exportsMax) {
      const message = `${exportsMax} exports are being made, which is EXPORTS_MAX.`;
      throw new AppError("overloaded", { message, retryAfterMs: 10_000 });
    }
    this.#running++;
    let isOver = false;
    const done = (): void => {
      if (isOver) return;
      isOver = true;
      this.#running--;
    };
    try {
      const exported = await this.#begin(present, season ?? present.season.number, signal);
      return { ...exported, close: () => exported.close().finally(done) };
    } catch (error) {
      done();
      throw error;
    }
  }

  async #begin(present: OpenBoard, season: number, signal: AbortSignal): Promise<Exported> {
    if (!this.#options.hasArchive()) throw noArchive(present);
    if (season === present.season.number) return this.#moving(present, "open", signal);
    if (season > present.season.number) throw noSeason(present, season);
    // The archive first: when it has the season, its rows and keys may be on their way out.
    const archived = await this.#archived(present.board.id, season);
    if (archived) return archived;
    const closing = this.#options.registry.hot(present.board.id, season);
    if (!closing) throw noSeason(present, season);
    return this.#moving(closing, "closing", signal);
  }

  async #archived(board: string, season: number): Promise<Exported | undefined> {
    const { database } = this.#options;
    const stored = await new StoredSeasons(database).archived({ board, season });
    const total = await finalCount(database, { board, season });
    if (!stored || total === undefined) return undefined;
    const open = derive(parseSeason(stored.definition) as BoardSeason);
    return {
      open,
      header: this.#header(open, "archived", { shards: [], total }),
      read: () => finalPages(database, { board, season }) as AsyncGenerator<StoredPlace[]>,
      close: async () => undefined,
    };
  }

  async #moving(open: OpenBoard, state: "open" | "closing", signal: AbortSignal): Promise<Exported> {
    const asked = (await shardFacts(this.#options.redis, open)).map(({ n }) => n);
    await this.#awaitArchive(open, asked, signal);
    const { shards, ...copy } = await copySeason(this.#options, open, signal);
    const told = shards.map((one): ExportedShard => {
      const behind = asked[one.shard]! - one.n;
      return behind > 0 ? { ...one, behind } : one;
    });
    return { open, header: this.#header(open, state, { shards: told, total: copy.total }), ...copy };
  }

  /** @returns when it has all of it, or patience has ended. @throws AppError not_available when it knows nothing of this season's life */
  async #awaitArchive(open: OpenBoard, asked: readonly number[], signal: AbortSignal): Promise<void> {
    const { database, waitMs } = this.#options;
    const { board, season } = open;
    const endsAt = performance.now() + waitMs;
    const repository = createRedisBoardRepository(this.#options.redis);
    if (await isOutdated({ database, repository }, board.id)) throw outdated(board.id);
    for (;;) {
      const life = await newestLife(database, { board: board.id, season: season.number });
      const isOurs = life?.incarnation === season.incarnation;
      if (isOurs) {
        const held = await positionsOf(database, life.life);
        if (asked.every((n, shard) => (held.get(shard)?.n ?? 0) >= n)) return;
      }
      if (performance.now() > endsAt) {
        if (isOurs) return;
        throw noArchive(open);
      }
      await sleep(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }

  #header(
    { board, season }: OpenBoard,
    state: ExportHeader["state"],
    { shards, total }: Pick<ExportHeader, "shards" | "total">,
  ): ExportHeader {
    const { id, ...definition } = board;
    return {
      rankwire: "export",
      version: TRANSFER_VERSION,
      board: id,
      season: season.number,
      state,
      ...seasonTimes(season),
      exportedAt: new Date(this.#options.now()).toISOString(),
      definition,
      shards,
      total,
    };
  }
}

function noArchive({ board }: OpenBoard): AppError {
  return new AppError("not_available", {
    message: `The archive has nothing of "${board.id}": exports are made from the database, which a process with the role archiver (ROLES) fills. Give one that role, and try again when it has caught up.`,
  });
}

function noSeason({ board, season }: OpenBoard, asked: number): AppError {
  const message = `Board "${board.id}" has no season ${asked} to export; the present one is ${season.number}.`;
  return new AppError("season_not_found", { message });
}
