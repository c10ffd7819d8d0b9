/**
 * Which acknowledged submissions a total loss of Redis has taken, told from where their answers say that they are in the score log. A life
 * that was followed by another kept what the tables had of it; what is in the newest one is there, unless Redis has lost that too.
 */
import { livesOf, positionsOf, type StoredLife } from "../archive/stored-lives.ts";
import type { Database } from "../database/database.ts";
import type { BoardRecord } from "../leaderboard/board.ts";
import type { BoardRepository } from "../leaderboard/board-repository.ts";
import { derive } from "../leaderboard/season-steps.ts";
import { incarnationsIn } from "../leaderboard/shard-restore.ts";
import type { RedisStore } from "../redis/store.ts";
import { heldSeasons } from "./restore-season.ts";

/** What the sender of a submission keeps of its answer. */
export type Acknowledged = {
  board: string;
  season: number;
  incarnation: string;
  shard: number;
  /** The shard's count of batches with it; absent where the answer did not say: then nobody can tell, and it is taken for lost. */
  n?: number | undefined;
};

type Life = {
  /** Shard → batches that the next life went on from; of the last life those that Redis has lost are beyond it too. */
  positions: ReadonlyMap<number, { n: number }>;
  /** Shards that Redis has, of this very life. */
  present: ReadonlySet<number>;
};

export type LostNeeds = { redis: RedisStore; database: Database; repository: BoardRepository };

/** Seasons that are remembered while a record is read; a record comes in about the order of time. */
const SEASONS_MAX = 1_000;

export class LostSubmissions {
  readonly #needs: LostNeeds;
  readonly #seasons = new Map<string, Promise<ReadonlyMap<string, Life>>>();

  constructor(needs: LostNeeds) {
    this.#needs = needs;
  }

  /** @throws AppError unavailable */
  async isLost({ board, season, incarnation, shard, n }: Acknowledged): Promise<boolean> {
    const life = (await this.#lives(board, season)).get(incarnation);
    if (!life || n === undefined) return true;
    return !life.present.has(shard) && n > (life.positions.get(shard)?.n ?? 0);
  }

  #lives(board: string, season: number): Promise<ReadonlyMap<string, Life>> {
    const name = `${season} ${board}`;
    let known = this.#seasons.get(name);
    if (!known) {
      if (this.#seasons.size >= SEASONS_MAX) this.#seasons.clear();
      known = this.#read(board, season);
      this.#seasons.set(name, known);
    }
    return known;
  }

  async #read(board: string, season: number): Promise<ReadonlyMap<string, Life>> {
    const { repository, database } = this.#needs;
    const lives = new Map<string, Life>();
    for (const stored of await livesOf(database, { board, season })) {
      lives.set(stored.incarnation, await this.#archived(stored));
    }
    const record = (await repository.get(board))?.record;
    const held = record && (await this.#held(record, season));
    // A life of which the tables have not heard yet is there if Redis has it.
    if (held) lives.set(held.incarnation, { positions: new Map(), ...lives.get(held.incarnation), ...held });
    return lives;
  }

  async #archived({ life }: StoredLife): Promise<Life> {
    return { positions: await positionsOf(this.#needs.database, life), present: new Set() };
  }

  async #held(
    record: BoardRecord,
    number: number,
  ): Promise<{ incarnation: string; present: ReadonlySet<number> } | undefined> {
    const one = heldSeasons(record).find(({ season }) => season.number === number);
    if (!one) return undefined;
    const { incarnation } = one.season;
    const found = await incarnationsIn(this.#needs.redis, derive(one));
    return {
      incarnation,
      present: new Set(found.flatMap((own, shard) => (own === incarnation ? [shard] : []))),
    };
  }
}
