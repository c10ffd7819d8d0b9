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
  #version = "";

  constructor(options: ArchivedBoardsOptions) {
    this.#options = options;
  }

  /** By board: a live view. A board whose record is older than the archive's is not among them. */
  get seasons(): ReadonlyMap<string, readonly ArchivedSeason[]> {
    return this.#seasons;
  }

  /** Boards that were deleted: their rules as they were last. */
  get gone(): ReadonlyMap<string, Board> {
    return this.#gone;
  }

  /** Mirror what changed since the last call; one GET when nothing did. @throws AppError unavailable: the next call goes on */
  async refresh(): Promise<void> {
    const version = await this.#options.repository.version();
    if (version === this.#version) return;
    for (const stored of await this.#options.repository.all()) await this.#mirror(stored);
    this.#version = version;
  }

  async #mirror({ record, text }: StoredBoard): Promise<void> {
    const { id } = record.board;
    if (this.#texts.get(id) === text) return;
    const lives = await this.#options.mirror.mirror(record);
    if (record.deleted) this.#gone.set(id, record.board);
    else this.#gone.delete(id);
    if (record.deleted) this.#seasons.delete(id);
    else if (lives === "older") {
      this.#seasons.delete(id);
      this.#options.log.warn(
        { board: id, revision: record.revision },
        "the board in Redis is older than the archive's, and is not archived: rebuild it",
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
