/** How long score logs and history are kept: as their board says now, and logs never less than the two dedup windows that a rebuild needs. */
import { clearHistory } from "../archive/history-retention.ts";
import { clearLog, readLives } from "../archive/log-retention.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Database } from "../database/database.ts";
import type { Board } from "../leaderboard/board.ts";
import type { ArchivedBoards } from "./archived-boards.ts";

export type RetentionOptions = {
  database: Database;
  boards: ArchivedBoards;
  now: () => number;
  log: Log;
  everyMs: number;
  dedupWindowMs: number;
};

const DAY_MS = 86_400_000;

/** How long the changes of a board are kept, in ms. */
export function keptLogMs({ logRetentionDays }: Board, dedupWindowMs: number): number {
  return Math.max(logRetentionDays * DAY_MS, 2 * dedupWindowMs);
}

export class Retention {
  readonly #options: RetentionOptions;
  readonly #loop: Loop;

  constructor(options: RetentionOptions) {
    this.#options = options;
    const onError = (error: unknown): void => options.log.warn({ err: error }, "score logs were not cleared");
    this.#loop = new Loop({
      everyMs: options.everyMs,
      step: async (signal) => void (await this.clear(signal)),
      onError,
    });
  }

  start(): void {
    this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /** Of every board that is known, or was deleted; logs of others are left alone: Redis may have lost them, and a rebuild needs them. @throws AppError unavailable */
  async clear(signal?: AbortSignal): Promise<number> {
    const { database, boards, now, dedupWindowMs } = this.#options;
    if (boards.seasons.size + boards.gone.size === 0) return 0;
    let deleted = 0;
    for (const { life, board } of await readLives(database)) {
      const known = boards.seasons.get(board)?.at(-1)?.open.board ?? boards.gone.get(board);
      if (!known) continue;
      const goOn = (): boolean => !signal?.aborted;
      deleted += await clearLog(database, life, now() - keptLogMs(known, dedupWindowMs), goOn);
      const isOver = !boards.seasons.get(board)?.some((season) => season.life === life);
      const keptFromMs = now() - known.historyRetentionDays * DAY_MS;
      deleted += await clearHistory(database, { life, isOver }, keptFromMs, goOn);
    }
    return deleted;
  }
}
