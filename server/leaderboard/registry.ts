/**
 * The boards: created and changed through the repository, known to every process (`known-boards.ts`).
 *
 * Opening a season is restartable: the record is saved as `opening` with its incarnation, then each shard is opened
 * (again is harmless), then the record says `open`; whoever meets an `opening` record finishes it. Later seasons are the flow's
 * (`server/seasons/`); that a board moves on to one is seen by the clock.
 */
import type { Clock } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { fromRedisError } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import type { Board, BoardDeletion, BoardRecord, OpenBoard } from "./board.ts";
import type { BoardRepository, StoredBoard } from "./board-repository.ts";
import { newSeason } from "./board-schema.ts";
import { KnownBoards } from "./known-boards.ts";
import { layoutOf } from "./layout.ts";
import { firstNumber, notFound, replaced, withoutRecord } from "./record-change.ts";
import { addRuleKeys, deleteSeason, type OpenFeed, openSeason } from "./season-keys.ts";
import { derive, recordAt, withDeletion } from "./season-steps.ts";

const SAVE_ATTEMPTS = 10;

export class Registry {
  readonly #redis: RedisStore;
  readonly #repository: BoardRepository;
  readonly #openFeed: OpenFeed;
  readonly #clock: Clock;
  readonly #memory: KnownBoards;
  #lost = new Set<string>();
  #version = "";

  constructor(options: { redis: RedisStore; repository: BoardRepository; openFeed: OpenFeed; clock: Clock }) {
    this.#redis = options.redis;
    this.#repository = options.repository;
    this.#openFeed = options.openFeed;
    this.#clock = options.clock;
    this.#memory = new KnownBoards(options.clock);
  }

  /** Every known board in its season of now, by id: a live view. */
  get boards(): ReadonlyMap<string, OpenBoard> {
    return this.#memory.open;
  }

  /** Every known board, sorted by id. */
  list(): OpenBoard[] {
    return [...this.boards.values()].sort((a, b) => (a.board.id < b.board.id ? -1 : 1));
  }

  /** Be told of every board that was created or changed, by whichever process, or that moved on to its next season. */
  onChange(listener: (open: OpenBoard) => void): void {
    this.#memory.onChange(listener);
  }

  /** Be told of every board that was deleted, by whichever process. */
  onGone(listener: (open: OpenBoard) => void): void {
    this.#memory.onGone(listener);
  }

  /** Boards that were deleted and not made anew: their records, as they were. */
  get gone(): ReadonlyMap<string, BoardRecord> {
    return this.#memory.gone;
  }

  /** Known boards of which Redis had no record any more at the last look: it was emptied. */
  get lost(): ReadonlySet<string> {
    return this.#lost;
  }

  /** The board, from memory; asked of the repository once when it is not there. @throws AppError board_not_found */
  async get(id: string): Promise<OpenBoard> {
    const known = this.boards.get(id);
    if (known) return known;
    const stored = await this.#repository.get(id).catch((error: unknown) => {
      throw fromRedisError(error);
    });
    if (!stored || stored.record.deleted) throw notFound(id);
    return this.#adopt(await this.#finishOpening(stored));
  }

  /** A season whose data is in Redis: that of now, the next one once it is open, or one that is over and not yet in the archive. */
  hot(id: string, season: number): OpenBoard | undefined {
    const seasons = this.#memory.get(id)?.seasons;
    if (!seasons) return undefined;
    const { current, closing } = seasons;
    return [current, ...(current.next ? [current.next] : []), ...closing].find(
      (open) => open.season.number === season,
    );
  }

  /** The seasons of a board that are over and not yet in the archive, oldest first. */
  closing(id: string): readonly OpenBoard[] {
    return this.#memory.get(id)?.seasons.closing ?? [];
  }

  /** What is stored of a board, as this process read it last. */
  record(id: string): BoardRecord | undefined {
    return this.#memory.get(id)?.record;
  }

  /** Read what changed since the last call; one GET when nothing did. */
  async refresh(): Promise<void> {
    this.#memory.moveOn();
    const version = await this.#repository.version();
    if (version === this.#version) return;
    const known = [...this.boards.keys()];
    const all = await this.#repository.all();
    this.#lost = withoutRecord(known, all);
    for (const stored of all) {
      if (this.#memory.get(stored.record.board.id)?.text === stored.text) continue;
      if (stored.record.deleted) this.#memory.forget(stored.record);
      else await this.#take(stored);
    }
    this.#version = version;
  }

  /**
   * Create a board, or change what may change live.
   * @throws AppError board_invalid, board_locked (a fixed field differs), unavailable
   */
  async put(board: Board): Promise<{ open: OpenBoard; created: boolean }> {
    let created = false;
    const record = await this.#change(board.id, (before, nowMs) => {
      created = !before || before.deleted !== undefined;
      if (!before || before.deleted) {
        return { board, season: newSeason(board, firstNumber(before), nowMs), revision: 0, closing: [] };
      }
      return replaced(before, board, nowMs);
    });
    return { open: this.#adopt(record), created };
  }

  /**
   * Change what may change live, of the board as it is at this instant: of two changes at once none undoes the other.
   * @throws AppError board_not_found, board_locked (a fixed field differs), unavailable, and what `change` throws
   */
  async patch(id: string, change: (board: Board) => Board): Promise<OpenBoard> {
    const record = await this.#change(id, (before, nowMs) => {
      if (!before || before.deleted) throw notFound(id);
      return replaced(before, change(before.board), nowMs);
    });
    return this.#adopt(record);
  }

  /**
   * One step of a board's record: `step` gets it as it is at this instant, and gives it as it shall be, or itself where there is nothing to do.
   * @returns the record that holds afterwards
   * @throws AppError board_not_found, unavailable, and what `step` throws
   */
  async change(id: string, step: (record: BoardRecord, nowMs: number) => BoardRecord): Promise<BoardRecord> {
    const record = await this.#change(id, (before, nowMs) => {
      if (!before || before.deleted) throw notFound(id);
      return step(before, nowMs);
    });
    this.#adopt(record);
    return record;
  }

  /**
   * Nobody finds the board any more, here at once and elsewhere with the next look; its data goes afterwards.
   * @returns its record as it was, and how far that has come
   * @throws AppError board_not_found, also of one that is gone already; unavailable
   */
  async delete(id: string, archive: BoardDeletion["archive"]): Promise<BoardRecord> {
    const record = await this.#change(id, (before, nowMs) => {
      const after = before && withDeletion(before, archive, nowMs);
      if (!after) throw notFound(id);
      return after;
    });
    this.#memory.forget(record);
    return record;
  }

  /** Nothing is left to do for a deleted board, unless it was made anew or more was asked for meanwhile. */
  async noteRemoved({ board: { id }, deleted }: BoardRecord): Promise<void> {
    const record = await this.#change(id, (before) => {
      if (!before) throw notFound(id);
      if (before.deleted?.archive !== deleted?.archive || !before.deleted) return before;
      return { ...before, deleted: { ...before.deleted, removed: true } };
    });
    if (record.deleted) this.#memory.forget(record);
  }

  async #change(
    id: string,
    step: (record: BoardRecord | undefined, nowMs: number) => BoardRecord,
  ): Promise<BoardRecord> {
    try {
      for (let attempt = 0; attempt < SAVE_ATTEMPTS; attempt++) {
        const stored = await this.#repository.get(id);
        const nowMs = this.#clock.now();
        const before = stored && (stored.record.deleted ? stored.record : recordAt(stored.record, nowMs));
        const after = step(before, nowMs);
        if (stored && after === stored.record) return after;
        const record = { ...after, revision: (stored?.record.revision ?? 0) + 1 };
        layoutOf(record.board, record.season);
        if (record.board.rules && record.season.state === "open" && !record.deleted)
          await addRuleKeys(this.#redis, derive(record));
        if ((await this.#repository.save(record, stored)) === "conflict") continue;
        return await this.#finishOpening({ record, text: JSON.stringify(record) });
      }
    } catch (error) {
      throw fromRedisError(error);
    }
    throw new AppError("unavailable", { message: "Others kept changing the board at the same time." });
  }

  /** Open every shard and the feed of a first season that was saved as `opening`. */
  async #finishOpening(stored: StoredBoard): Promise<BoardRecord> {
    const { record } = stored;
    if (record.season.state !== "opening" || record.deleted) return record;
    await openSeason(this.#redis, derive(record), this.#openFeed);
    const opened: BoardRecord = {
      ...record,
      season: { ...record.season, state: "open" },
      revision: record.revision + 1,
    };
    // A conflict means that somebody else finished it, or has changed the board since: take what is there.
    if ((await this.#repository.save(opened, stored)) === "saved") return opened;
    const now = await this.#repository.get(record.board.id);
    if (!now?.record.deleted) return now ? now.record : opened;
    // Its shards were deleted while they were opened: what came too late goes too.
    await deleteSeason(this.#redis, derive(record));
    throw notFound(record.board.id);
  }

  /** One that was deleted while its opening was finished is met as such at the next look. */
  async #take(stored: StoredBoard): Promise<void> {
    try {
      this.#adopt(await this.#finishOpening(stored));
    } catch (error) {
      if (!(error instanceof AppError && error.code === "board_not_found")) throw error;
    }
  }

  #adopt(record: BoardRecord): OpenBoard {
    const open = this.#memory.adopt(record);
    this.#lost.delete(record.board.id);
    return open;
  }
}
