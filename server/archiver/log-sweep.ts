/** A slow look, within a budget, at boards that nobody announced: finds what was written while no archiver was there, or whose mark was lost. */
import type { LogReader } from "../archive/log-reader.ts";
import { readPositions } from "../archive/positions.ts";
import type { Database } from "../database/database.ts";
import type { ArchivedSeason } from "./archived-boards.ts";

export type LogSweepOptions = { database: Database; reader: LogReader; shardsPerSecond: number };

/** A round over all boards takes at least this long. */
const ROUND_MS = 30_000;
/** One large board has its turn even within a small budget. */
const CREDIT_MAX = 64;

export class LogSweep {
  readonly #options: LogSweepOptions;
  /** Incarnation and n of each shard of a board, when everything was in the tables. */
  readonly #archived = new Map<string, string>();
  #round: string[] = [];
  #roundAt = Number.NEGATIVE_INFINITY;
  #credit = CREDIT_MAX;
  #lookedAt = performance.now();

  constructor(options: LogSweepOptions) {
    this.#options = options;
  }

  /** @returns of the next boards of the round those that have something to archive. @throws AppError unavailable */
  async behind(
    boards: ReadonlyMap<string, readonly ArchivedSeason[]>,
    isActive: (board: string) => boolean,
  ): Promise<string[]> {
    const due = this.#due(boards).filter((board) => !isActive(board));
    const seasons = due.flatMap((board) => boards.get(board)!.map((season) => ({ board, ...season })));
    const heads = await this.#options.reader.heads(seasons.flatMap(({ open }) => open.shards));
    let at = 0;
    const looked = seasons.map((one) => {
      const first = at;
      at += one.open.shards.length;
      return { ...one, heads: heads.slice(first, at) };
    });
    const texts = new Map<string, string>();
    for (const { board, heads } of looked)
      texts.set(board, `${texts.get(board) ?? ""} ${JSON.stringify(heads)}`);
    const changed = looked.filter(({ board }) => this.#archived.get(board) !== texts.get(board));
    if (changed.length === 0) return [];
    const lives = changed.map(({ life }) => life);
    const positions = await readPositions(this.#options.database, lives);
    const behind = new Set<string>();
    for (const { board, life, open, heads } of changed) {
      heads.forEach(({ incarnation, n }, shard) => {
        const isOurs = incarnation === open.season.incarnation;
        if (isOurs && n !== (positions.get(life)?.get(shard)?.n ?? 0)) behind.add(board);
      });
    }
    for (const { board } of changed) if (!behind.has(board)) this.#archived.set(board, texts.get(board)!);
    return [...behind];
  }

  #due(boards: ReadonlyMap<string, readonly ArchivedSeason[]>): string[] {
    const now = performance.now();
    const { shardsPerSecond } = this.#options;
    if (this.#round.length === 0 && now >= this.#roundAt) {
      this.#round = [...boards.keys()];
      this.#roundAt = now + ROUND_MS;
    }
    const earned = (shardsPerSecond * (now - this.#lookedAt)) / 1000;
    this.#credit = Math.min(this.#credit + earned, Math.max(CREDIT_MAX, shardsPerSecond));
    this.#lookedAt = now;
    const due: string[] = [];
    for (
      let board = this.#round.at(-1);
      board !== undefined && this.#credit > 0;
      board = this.#round.at(-1)
    ) {
      this.#round.pop();
      const seasons = boards.get(board);
      if (!seasons) continue;
      for (const { open } of seasons) this.#credit -= open.shards.length;
      due.push(board);
    }
    return due;
  }
}
