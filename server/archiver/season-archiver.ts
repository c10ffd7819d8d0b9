/**
 * One season's score logs into the tables. A turn reads what is next of every shard in one round trip, brings each shard's batches to the
 * tables in a transaction, then acknowledges them. Its state is what the tables say: after anything went wrong it begins anew.
 */

import { isUnstorable } from "../archive/dead-letters.ts";
import { type LogEntry, readEntries } from "../archive/log-entry.ts";
import type { LogRead } from "../archive/log-reader.ts";
import { type ArchivedShard, type Position, readPositions } from "../archive/positions.ts";
import { type Applied, ScoreLogWriter } from "../archive/score-log-writer.ts";
import { AppError } from "../base/errors.ts";
import { inLanes } from "../base/lanes.ts";
import type { ArchivedSeason } from "./archived-boards.ts";
import type { ArchiverMetrics } from "./archiver-metrics.ts";
import { ShardScan, type ShardScanOptions } from "./shard-scan.ts";

export type SeasonArchiverOptions = ShardScanOptions & { metrics: ArchiverMetrics; batchEntries: number };

/** Batches that are not in the tables, the time of the first of those that were read, and whether another turn would find more at once. */
export type Turn = { lag: number; oldestMs: number | undefined; more: boolean };

const LANES = 4;
/** Of one transaction, about: PGlite works in a thread that has other things to do, and must be done with a statement soon. */
const CHANGES_MAX = 1_000;

type ShardTurn = { shard: ArchivedShard; read: LogRead };

export class SeasonArchiver {
  readonly #options: SeasonArchiverOptions;
  readonly #season: ArchivedSeason;
  readonly #writer: ScoreLogWriter;
  readonly #scan: ShardScan;
  #positions: Map<number, Position> | undefined;
  /** Shards of which somebody else, or this one before it failed, may have read entries and not acknowledged them. */
  #claiming = new Set<number>();

  constructor(season: ArchivedSeason, options: SeasonArchiverOptions) {
    this.#options = options;
    this.#season = season;
    this.#writer = new ScoreLogWriter(options.database);
    this.#scan = new ShardScan(season, options);
  }

  /** @throws AppError unavailable, store_lost, and whatever else keeps the tables from taking it: begin anew */
  async turn(): Promise<Turn> {
    try {
      return await this.#turn();
    } catch (error) {
      this.#positions = undefined;
      throw error;
    }
  }

  async #turn(): Promise<Turn> {
    const { open, life } = this.#season;
    const { database, reader, batchEntries } = this.#options;
    if (!this.#positions) {
      this.#positions = (await readPositions(database, [life])).get(life)!;
      this.#claiming = new Set(open.shards.keys());
    }
    const questions = open.shards.map((keys, shard) => ({
      keys,
      incarnation: open.season.incarnation,
      mode: this.#claiming.has(shard) ? ("claim" as const) : ("new" as const),
    }));
    const turns = (await reader.read(questions, batchEntries)).map((read, shard): ShardTurn => {
      if (read instanceof AppError) throw read;
      return { shard: this.#named(shard), read };
    });
    await inLanes(turns, LANES, (one) => this.#bring(one));
    return this.#outcome(turns);
  }

  #outcome(turns: readonly ShardTurn[]): Turn {
    const turn: Turn = { lag: 0, oldestMs: undefined, more: false };
    for (const { shard, read } of turns) {
      turn.lag += Math.max(0, read.n - this.#positionOf(shard).n);
      const full = read.entries.length >= this.#options.batchEntries;
      turn.more ||= full || (read.tag === "claimed" && read.entries.length > 0);
      const last = read.entries.at(-1)?.[0];
      if (!full || last === undefined) continue;
      const at = Number(last.split("-")[0]);
      turn.oldestMs = Math.min(turn.oldestMs ?? at, at);
    }
    return turn;
  }

  async #bring({ shard, read }: ShardTurn): Promise<void> {
    const position = this.#positionOf(shard);
    if (read.n < position.n) await this.#rewind(shard, read.n);
    const entries = readEntries(read.entries, this.#positionOf(shard).n);
    if (entries.some(({ error }) => error !== undefined)) await this.#scan.mirror(shard);
    const applied = await this.#whole(shard, entries);
    this.#positions!.set(shard.shard, applied.position);
    if (read.tag === "new" && read.entries.length === 0 && read.n > applied.position.n) {
      await this.#passGap(shard, applied.position.n + 1, read.n);
    }
    this.#options.metrics.batches.inc(entries.filter(({ n }) => n > position.n).length);
    this.#options.metrics.changes.inc(applied.changes);
    this.#options.metrics.deadLetters.inc(entries.filter(({ error }) => error !== undefined).length);
    const keys = this.#season.open.shards[shard.shard]!;
    const ids = read.entries.map(([id]) => id);
    await this.#options.reader.acknowledge(keys, this.#season.open.season.incarnation, ids);
    if (read.tag === "new") this.#claiming.delete(shard.shard);
  }

  /** All of the entries, over what the log has lost, and over what it has taken back. */
  async #whole(shard: ArchivedShard, entries: readonly LogEntry[]): Promise<Applied> {
    let applied = await this.#apply(shard, entries, false);
    if (applied.forkedAt !== undefined) {
      await this.#rewind(shard, applied.forkedAt);
      applied = await this.#apply(shard, entries, false);
    }
    if (!applied.gap) return applied;
    // First what the shard has now: a crash after this finds the gap again.
    this.#noteGap(shard, applied.gap);
    await this.#scan.mirror(shard);
    const rest = await this.#apply(shard, entries, true);
    return { ...rest, changes: applied.changes + rest.changes };
  }

  /** In transactions of a bounded size. What PostgreSQL cannot store is found by halves, and becomes a dead letter. */
  async #apply(shard: ArchivedShard, entries: readonly LogEntry[], overGaps: boolean): Promise<Applied> {
    const changes = entries.reduce((sum, entry) => sum + entry.changes.length, 0);
    if (changes > CHANGES_MAX && entries.length > 1) return this.#applyHalves(shard, entries, overGaps);
    try {
      return await this.#writer.apply(shard, entries, { overGaps });
    } catch (error) {
      if (!isUnstorable(error)) throw error;
      if (entries.length > 1) return this.#applyHalves(shard, entries, overGaps);
      await this.#scan.mirror(shard);
      this.#options.metrics.deadLetters.inc();
      const dead = { ...entries[0]!, changes: [], error: (error as Error).message };
      return this.#writer.apply(shard, [dead], { overGaps });
    }
  }

  async #applyHalves(
    shard: ArchivedShard,
    entries: readonly LogEntry[],
    overGaps: boolean,
  ): Promise<Applied> {
    const half = entries.length >> 1;
    const first = await this.#apply(shard, entries.slice(0, half), overGaps);
    if (first.gap || first.forkedAt !== undefined) return first;
    const second = await this.#apply(shard, entries.slice(half), overGaps);
    return { ...second, changes: first.changes + second.changes };
  }

  async #passGap(shard: ArchivedShard, from: number, to: number): Promise<void> {
    this.#noteGap(shard, { from, to });
    await this.#scan.mirror(shard);
    this.#positions!.set(shard.shard, await this.#writer.passGap(shard, to));
  }

  /** Redis is behind the tables: a failover lost batches. */
  async #rewind(shard: ArchivedShard, to: number): Promise<void> {
    const { log } = this.#options;
    log.warn({ ...shard, to }, "Redis has lost batches that were archived; they are taken back");
    this.#positions!.set(shard.shard, await this.#writer.rewind(shard, to));
    await this.#scan.mirror(shard);
  }

  #noteGap(shard: ArchivedShard, gap: { from: number; to: number }): void {
    this.#options.log.warn(
      { ...shard, ...gap },
      "the score log has lost batches; entries are read from Redis",
    );
    this.#options.metrics.gaps.inc();
  }

  #named(shard: number): ArchivedShard {
    const { open, life } = this.#season;
    return { board: open.board.id, season: open.season.number, life, shard };
  }

  #positionOf({ shard }: ArchivedShard): Position {
    return this.#positions!.get(shard) ?? { n: 0, entryId: "0-0" };
  }
}
