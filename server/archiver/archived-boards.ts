/** The boards that are archived: their records as Redis has them, mirrored, with every season that Redis holds and its life. */
import { type BoardMirror, seasonsOf } from "../archive/board-mirror.ts";
import type { Log } from "../base/log.ts";
import type { Board, BoardSeason, ClosingSeason, OpenBoard } from "../leaderboard/board.ts";
import type { BoardRepository, StoredBoard } from "../leaderboard/board-repository.ts";
import { derive } from "../leaderboard/season-steps.ts";

/** One season of a board, and the number of its life. */
export type ArchivedSeason = { open: OpenBoard; life: number };

export type ArchivedBoardsOptions = { repository: BoardRepository; mirror: BoardMirror; log: Log };

export class ArchivedBoards {
  readonly #options: ArchivedBoardsOptions;
  readonly #seasons = new Map<string, ArchivedSeason[]>();
  readonly #gone = new Map<string, Board>();
  readonly #texts = new Map<string, string>();
  readonly #older = new Set<string>();
  #missing: readonly string[] = [];
  #version: string | undefined;

  constructor(options: ArchivedBoardsOptions) {
    this.#options = options;
  }

  /** By board: a live view. A board whose record is older than the archive's is not among them. */
  get seasons(): ReadonlyMap<string, readonly ArchivedSeason[]> {
    return this.#seasons;
  }

  /** Boards whose record in Redis is older than the archive's: it came back with an older copy. */
  get older(): ReadonlySet<string> {
    return this.#older;
  }

  /** Boards of the archive that Redis does not know. */
  get missing(): readonly string[] {
    return this.#missing;
  }

  /** Boards that were deleted: their rules as they were last. */
  get gone(): ReadonlyMap<string, Board> {
    return this.#gone;
  }

  /** Mirror what changed since the last call; one GET when nothing did. @throws AppError unavailable: the next call goes on */
  async refresh(): Promise<void> {
    const version = await this.#options.repository.version();
    if (version === this.#version) return;
    const all = await this.#options.repository.all();
    for (const stored of all) await this.#mirror(stored);
    const there = new Set(all.map(({ record }) => record.board.id));
    this.#missing = (await this.#options.mirror.living()).filter((id) => !there.has(id));
    this.#version = version;
  }

  async #mirror({ record, text }: StoredBoard): Promise<void> {
    const { id } = record.board;
    if (this.#texts.get(id) === text) return;
    const lives = await this.#options.mirror.mirror(record);
    if (record.deleted) this.#gone.set(id, record.board);
    else this.#gone.delete(id);
    if (lives === "older" && !record.deleted) this.#older.add(id);
    else this.#older.delete(id);
    if (record.deleted) this.#seasons.delete(id);
    else if (lives === "older") {
      this.#seasons.delete(id);
      this.#options.log.warn(
        { board: id, revision: record.revision },
        `the board in Redis is older than the archive's, and is not archived: rankwire rebuild --board ${id} --force`,
      );
    } else {
      // A season that is not open yet has no shards to read, and the keys of one that is in the archive go.
      const seasons = seasonsOf(record).filter((one) => one.season.state !== "opening" && !isArchived(one));
      this.#seasons.set(
        id,
        seasons.map((one) => ({ open: derive(one), life: lives.get(one.season.incarnation)! })),
      );
    }
    this.#texts.set(id, text);
  }
}

function isArchived(one: BoardSeason | ClosingSeason): boolean {
  return "archived" in one && one.archived === true;
}
