/** The slow look at boards that nobody announced, in turns and within a budget: what finds a change whose hint and mark were lost. */
import type { OpenBoard } from "../leaderboard/board.ts";
import { SHARDS_MAX } from "../leaderboard/board-schema.ts";
import { type BoardState, readHistory, readVersions } from "../leaderboard/top-reader.ts";
import type { RedisStore } from "../redis/store.ts";

export type SweepOptions = { redis: RedisStore; sweepMs: number; sweepShardsPerSecond: number };

export class Sweep {
  readonly #options: SweepOptions;
  /** What decides the published top, when last looked at: its size, incarnations and versions, in one text. */
  readonly #seen = new Map<string, string>();
  #history = "";
  #round: string[] = [];
  #roundAt = Number.NEGATIVE_INFINITY;
  #perSecond = 0;
  #credit = 0;
  #lookedAt = performance.now();

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** Note what a tick has dealt with. */
  seen(open: OpenBoard, state: BoardState): void {
    this.#seen.set(open.board.id, fingerprint(open, state));
  }

  /** Look at as many of the inactive boards as are due. @returns those that changed since, or were never looked at */
  async changed(
    boards: ReadonlyMap<string, OpenBoard>,
    active: { has(board: string): boolean },
  ): Promise<string[]> {
    const due = this.#due(boards).filter(({ board }) => !active.has(board.id));
    if (due.length === 0) return [];
    const { redis } = this.#options;
    const [history, versions] = await Promise.all([readHistory(redis), readVersions(redis, due)]);
    // In another history nothing that was seen is certain: every board has its turn as the round goes on.
    if (history !== this.#history) this.#seen.clear();
    this.#history = history;
    const changed = due.filter(
      ({ board }, i) => this.#seen.get(board.id) !== `${board.topSize}\n${versions[i]}`,
    );
    return changed.map(({ board }) => board.id);
  }

  /** The next boards of the round that the time since the last call pays for. A round begins with the boards of that moment. */
  #due(boards: ReadonlyMap<string, OpenBoard>): OpenBoard[] {
    const now = performance.now();
    if (this.#round.length === 0 && now >= this.#roundAt) this.#beginRound(boards, now);
    this.#credit = Math.min(
      this.#credit + (this.#perSecond * (now - this.#lookedAt)) / 1000,
      this.#perSecond,
    );
    this.#lookedAt = now;
    const due: OpenBoard[] = [];
    for (let id = this.#round.at(-1); id !== undefined; id = this.#round.at(-1)) {
      const open = boards.get(id);
      if (open && open.board.shards > this.#credit) break;
      this.#round.pop();
      if (!open) continue;
      this.#credit -= open.board.shards;
      due.push(open);
    }
    return due;
  }

  #beginRound(boards: ReadonlyMap<string, OpenBoard>, now: number): void {
    const { sweepMs, sweepShardsPerSecond } = this.#options;
    let shards = 0;
    for (const { board } of boards.values()) shards += board.shards;
    // Never less than one large board a second, or its turn would not come.
    this.#perSecond = Math.max(SHARDS_MAX, Math.min(sweepShardsPerSecond, (shards * 1000) / sweepMs));
    this.#round = [...boards.keys()];
    this.#roundAt = now + sweepMs;
  }
}

function fingerprint({ board }: OpenBoard, { shards }: BoardState): string {
  const versions = shards.map(({ incarnation, version }) => `${incarnation ?? ""} ${version}`);
  return [board.topSize, ...versions].join("\n");
}
