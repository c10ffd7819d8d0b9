/** The slow look at boards that nobody announced, in turns and within a budget: what finds a change whose hint and mark were lost. */
import type { Redis } from "ioredis";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type BoardState, readStates } from "../leaderboard/top-reader.ts";

export type SweepOptions = { redis: Redis; sweepMs: number; sweepShardsPerSecond: number };

export class Sweep {
  readonly #options: SweepOptions;
  /** What decides the published top, when last looked at: its size, the history, incarnations and versions, in one text. */
  readonly #seen = new Map<string, string>();
  #next = 0;
  #lookedAt = performance.now();
  #credit = 0;

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Note what a tick has dealt with. */
  seen(open: OpenBoard, state: BoardState): void {
    this.#seen.set(open.board.id, fingerprint(open, state));
  }

  /** Look at as many of the inactive boards as are due. @returns those that changed since, or were never looked at */
  async changed(boards: readonly OpenBoard[], active: ReadonlyMap<string, unknown>): Promise<string[]> {
    const due = this.#due(boards.filter(({ board }) => !active.has(board.id)));
    if (due.length === 0) return [];
    const states = await readStates(this.#options.redis, due);
    const changed = due.filter((open, i) => this.#seen.get(open.board.id) !== fingerprint(open, states[i]!));
    return changed.map(({ board }) => board.id);
  }

  #due(idle: readonly OpenBoard[]): OpenBoard[] {
    const now = performance.now();
    const seconds = (now - this.#lookedAt) / 1000;
    this.#lookedAt = now;
    const shards = idle.reduce((sum, { board }) => sum + board.shards, 0);
    const perSecond = Math.min(this.#options.sweepShardsPerSecond, (shards * 1000) / this.#options.sweepMs);
    this.#credit = Math.min(this.#credit + perSecond * seconds, this.#options.sweepShardsPerSecond);
    const due: OpenBoard[] = [];
    while (due.length < idle.length) {
      const open = idle[this.#next % idle.length]!;
      if (open.board.shards > this.#credit) break;
      this.#credit -= open.board.shards;
      this.#next++;
      due.push(open);
    }
    return due;
  }
}

function fingerprint({ board }: OpenBoard, { replid, shards }: BoardState): string {
  return [
    replid,
    board.topSize,
    ...shards.map(({ incarnation, version }) => `${incarnation} ${version}`),
  ].join("\n");
}
