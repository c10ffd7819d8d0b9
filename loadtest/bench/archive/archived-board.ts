/** A packed board whose score logs a bench fills, and the archiver that brings them to one database, with the settings as they are. */
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { BoardMirror } from "../../../server/archive/board-mirror.ts";
import { LogReader } from "../../../server/archive/log-reader.ts";
import { createArchiverMetrics } from "../../../server/archiver/archiver-metrics.ts";
import { SeasonArchiver } from "../../../server/archiver/season-archiver.ts";
import { newId } from "../../../server/base/ids.ts";
import { createLog } from "../../../server/base/log.ts";
import { parseConfig } from "../../../server/config.ts";
import type { Database } from "../../../server/database/database.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import type { Hasher } from "../../../server/leaderboard/hashing.ts";
import { type ShardEvent, submitBatch } from "../../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../../server/leaderboard/values.ts";
import { defaultIngest, openBoard } from "../boards.ts";
import { inLanes } from "../lanes.ts";
import { type Population, randomScore, SCORE_MAX } from "../population.ts";

const BATCH = 200;

export type Tools = { redis: Redis; hasher: Hasher; people: Population };

export class ArchivedBoard {
  readonly #tools: Tools;
  readonly #open: OpenBoard;
  readonly #archiver: SeasonArchiver;
  /** Members by shard, as numbers of the population. */
  readonly #residents: number[][];

  private constructor(tools: Tools, open: OpenBoard, archiver: SeasonArchiver) {
    this.#tools = tools;
    this.#open = open;
    this.#archiver = archiver;
    this.#residents = open.shards.map(() => []);
    const { hasher, people } = tools;
    for (let i = 0; i < people.size; i++)
      this.#residents[hasher.shardOf(people.members[i]!, open.shards.length)]!.push(i);
  }

  static async on(
    database: Database,
    tools: Tools,
    { id, shards }: { id: string; shards: number },
  ): Promise<ArchivedBoard> {
    const columns = [{ name: "score", max: SCORE_MAX }];
    const open = await openBoard(tools.redis, id, { operator: "set", shards, columns });
    const { number, incarnation } = open.season;
    const life = await new BoardMirror(database).ensureLife(id, number, incarnation);
    const archiver = new SeasonArchiver(
      { open, life },
      {
        database,
        reader: new LogReader(tools.redis, newId()),
        log: createLog({ level: "error", pretty: false }),
        metrics: createArchiverMetrics(new Registry()),
        batchEntries: parseConfig({}).ARCHIVE_BATCH_ENTRIES,
      },
    );
    return new ArchivedBoard(tools, open, archiver);
  }

  /** Batches of scores with ids for every shard: so many, or as many as its log takes. @returns the changes that are logged now */
  async fillLogs(batches = Number.POSITIVE_INFINITY): Promise<number> {
    let accepted = 0;
    await inLanes(this.#residents.length, this.#residents, async (_, shard) => {
      const logged = await this.#fillLog(shard, batches);
      accepted += logged;
    });
    return accepted;
  }

  async #fillLog(shard: number, batches: number): Promise<number> {
    const producer = newId();
    const dedup = { ...defaultIngest.dedup, logFull: "refuse" as const };
    for (let seq = 1; seq <= batches; seq++) {
      const batch = { producer, seq, events: this.#events(shard) };
      const { tag } = await submitBatch(this.#tools.redis, this.#open, shard, batch, dedup);
      if (tag === "log_full") return (seq - 1) * BATCH;
      if (tag !== "applied") throw new Error(`a batch was answered ${tag}`);
    }
    return batches * BATCH;
  }

  /** Every member at most once, and scores that are new to them. */
  #events(shard: number): ShardEvent[] {
    const { hasher, people } = this.#tools;
    const residents = this.#residents[shard]!;
    const first = Math.floor(Math.random() * residents.length);
    return Array.from({ length: BATCH }, (_, i) => {
      const member = people.members[residents[(first + i * 7) % residents.length]!]!;
      const payload = payloadOf(this.#open, { score: randomScore() }, Date.now());
      return { member, idHash: hasher.idHash("salt", member, newId()), metadata: "", payload };
    });
  }

  /** Until the logs are in the tables. */
  async catchUp(): Promise<void> {
    for (;;) {
      const { lag, more } = await this.#archiver.turn();
      if (lag === 0 && !more) return;
    }
  }
}
