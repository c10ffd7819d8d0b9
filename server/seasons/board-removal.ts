/**
 * What is left of boards that were deleted goes: their keys in Redis, and, where that was asked for, their rows in the database.
 *
 * The record says `deleted` before the first key goes and `removed` after the last, so that whoever dies in between is followed by somebody
 * who goes on. It is done under the leases of those who open and archive seasons, so that none is opened meanwhile.
 */
import { deleteBoardRows } from "../archive/board-rows.ts";
import { isOutdated, outdated } from "../archive/outdated-boards.ts";
import type { Log } from "../base/log.ts";
import { Loop } from "../base/loop.ts";
import type { Database } from "../database/database.ts";
import type { BoardDeletion } from "../leaderboard/board.ts";
import { createRedisBoardRepository } from "../leaderboard/board-repository.ts";
import type { Registry } from "../leaderboard/registry.ts";
import { deleteBoard } from "../leaderboard/season-keys.ts";
import { derive, everySeason } from "../leaderboard/season-steps.ts";
import { type Lease, seasonLease } from "../locks/lease.ts";
import type { RedisStore } from "../redis/store.ts";

export type RemovalStep = "marked" | "keys" | "rows" | "removed";

export type BoardRemovalOptions = {
  redis: RedisStore;
  registry: Registry;
  database: Database;
  log: Log;
  leaseTtlMs: number;
  /** How often it is looked for deletions that were cut off. */
  lookMs: number;
  /** Whether a database is there to ask: opened, or given by the settings. */
  hasArchive: () => boolean;
  /** For tests: hears of every step, and may end the process at it. */
  onStep?: (step: RemovalStep, board: string) => void;
};

export class BoardRemoval {
  readonly #options: BoardRemovalOptions;
  readonly #loop: Loop;
  readonly #running = new Map<string, Promise<void>>();

  constructor(options: BoardRemovalOptions) {
    this.#options = options;
    const onError = (error: unknown): void =>
      options.log.warn({ err: error }, "a deleted board's data is not gone yet; it is tried again");
    this.#loop = new Loop({ everyMs: options.lookMs, step: () => this.#look(), onError });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.allSettled(this.#running.values());
  }

  /**
   * From the answer on nobody finds the board here, and with it its data in Redis is gone unless something went wrong: then it goes soon.
   * Rows of the database take their time.
   * @returns the last season that the board had, and whether all of it is done
   * @throws AppError board_not_found, store_lost (Redis has an older copy of it than the archive), unavailable
   */
  async delete(id: string, archive: BoardDeletion["archive"]): Promise<{ season: number; removed: boolean }> {
    const { registry, onStep, log } = this.#options;
    await this.#refuseOutdated(id);
    const record = await registry.delete(id, archive);
    onStep?.("marked", id);
    const season = Math.max(...everySeason(record).map((one) => one.season.number));
    const removing = this.#remove(id);
    if (archive === "keep") {
      await removing.catch((error: unknown) => log.warn({ board: id, err: error }, "deleting goes on later"));
    } else removing.catch(() => undefined);
    return { season, removed: registry.gone.get(id)?.deleted?.removed === true };
  }

  /** The archive keeps the later record, which does not say that the board was deleted: the next rebuild would bring it back. */
  async #refuseOutdated(id: string): Promise<void> {
    const { redis, database, hasArchive } = this.#options;
    if (!hasArchive()) return;
    const repository = createRedisBoardRepository(redis);
    // While one of them is away nobody can say so; what can be done without the database is done.
    if (await isOutdated({ database, repository }, id).catch(() => false)) throw outdated(id);
  }

  async #look(): Promise<void> {
    for (const [id, { deleted }] of [...this.#options.registry.gone]) {
      if (deleted?.removed) continue;
      // One that fails holds up no other.
      await this.#remove(id).catch((error: unknown) => {
        this.#options.log.warn({ board: id, err: error }, "a deleted board's data is not gone yet");
      });
    }
  }

  #remove(id: string): Promise<void> {
    let running = this.#running.get(id);
    if (!running) {
      running = this.#removeOne(id).finally(() => this.#running.delete(id));
      this.#running.set(id, running);
    }
    return running;
  }

  async #removeOne(id: string): Promise<void> {
    const { redis, leaseTtlMs } = this.#options;
    const leases = (["rollover", "archive"] as const).map((work) => seasonLease(redis, id, work, leaseTtlMs));
    try {
      // Whoever has one of them is at work on a season of the board, and hears of the deletion at its next step.
      for (const lease of leases) if (!(await lease.hold())) return;
      await this.#removeAll(id, leases);
    } finally {
      for (const lease of leases) await lease.release().catch(() => undefined);
    }
  }

  async #removeAll(id: string, leases: readonly Lease[]): Promise<void> {
    const { redis, registry, database, onStep, log } = this.#options;
    const record = registry.gone.get(id);
    if (!record?.deleted || record.deleted.removed) return;
    await deleteBoard(redis, id, everySeason(record).map(derive));
    onStep?.("keys", id);
    if (record.deleted.archive === "delete") {
      const rows = await deleteBoardRows(database, record, () => keep(leases));
      log.info({ board: id, rows }, "the archive of a deleted board is gone");
      onStep?.("rows", id);
    }
    await registry.noteRemoved(record);
    onStep?.("removed", id);
  }
}

async function keep(leases: readonly Lease[]): Promise<void> {
  for (const lease of leases) if (!(await lease.hold())) throw new Error("Somebody else goes on with it.");
}
