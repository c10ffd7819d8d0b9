/**
 * A copy of a season's entries as the tables have them, each shard at a position of its own: all rows in small steps, then what has changed
 * since the first one, until one question sees a shard's position and nothing more to catch up with. No transaction stays open meanwhile.
 *
 * What a walk misses or has too old was changed after it began, so the score log names it; what the log does not name (a hole, a rewind, a
 * rebuild, a scan of the shard) breaks the copy, and it is made anew.
 */
import { type ChangedEntry, entrySteps, shardChanges } from "../archive/export-rows.ts";
import { newestLife, positionsOf } from "../archive/stored-lives.ts";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { ExportSpool } from "./export-spool.ts";
import type { ExportedShard, StoredPlace } from "./transfer-line.ts";

export type CopyOptions = {
  database: Database;
  dataDir: string;
  spoolBytesMax: number;
  /** Members who changed meanwhile, in memory. */
  changesMax: number;
  /** For tests: hears of every step of the walk. */
  onStep?: (entries: number) => void | Promise<void>;
};

export type SeasonCopy = {
  shards: ExportedShard[];
  total: number;
  /** Every entry once, some at a time, in no order that matters. */
  read(): AsyncGenerator<StoredPlace[]>;
  /** Gives the disk back. */
  close(): Promise<void>;
};

const ATTEMPTS = 3;
/** How long the archive may take to come up to a scan that was ahead of its position. */
const AHEAD_MS = 2_000;
const LOOK_MS = 50;

class Broken extends Error {}

/**
 * @param signal its reader has gone
 * @throws AppError not_available (no room on the disk), overloaded (too much changed meanwhile), unavailable (the archive is being repaired, or away)
 */
export async function copySeason(
  options: CopyOptions,
  open: OpenBoard,
  signal: AbortSignal,
): Promise<SeasonCopy> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const spool = await ExportSpool.open(options.dataDir, options.spoolBytesMax);
    try {
      return await new Copy(options, open, spool).make(signal);
    } catch (error) {
      await spool.close();
      if (!(error instanceof Broken)) throw error;
    }
  }
  throw new AppError("unavailable", {
    message: `What the archive has of "${open.board.id}" is being repaired.`,
    retryAfterMs: 5_000,
  });
}

class Copy {
  readonly #options: CopyOptions;
  readonly #open: OpenBoard;
  readonly #spool: ExportSpool;
  /** What is newer than the spool's lines; null for who is gone. */
  readonly #changed = new Map<string, ChangedEntry | null>();
  readonly #newest = new Map<number, number>();
  #rows = 0;

  constructor(options: CopyOptions, open: OpenBoard, spool: ExportSpool) {
    this.#options = options;
    this.#open = open;
    this.#spool = spool;
  }

  async make(signal: AbortSignal): Promise<SeasonCopy> {
    const { database } = this.#options;
    const life = await this.#life();
    const began = await positionsOf(database, life);
    await this.#walk(life, signal);
    const shards: ExportedShard[] = [];
    for (const shard of this.#open.shards.keys()) {
      shards.push(await this.#catchUp(life, shard, began.get(shard)?.n ?? 0, signal));
    }
    if ((await this.#life()) !== life) throw new Broken();
    const total = await this.#count();
    return { shards, total, read: () => this.#read(), close: () => this.#spool.close() };
  }

  async #life(): Promise<number> {
    const { board, season } = this.#open;
    const life = await newestLife(this.#options.database, { board: board.id, season: season.number });
    if (!life) throw new Broken();
    return life.life;
  }

  async #walk(life: number, signal: AbortSignal): Promise<void> {
    const { board, season } = this.#open;
    const of = { board: board.id, season: season.number };
    for await (const { lines, count, newest } of entrySteps(this.#options.database, of, life)) {
      signal.throwIfAborted();
      await this.#spool.append(lines);
      this.#rows += count;
      for (const [shard, n] of newest) this.#sawRow(shard, n);
      await this.#options.onStep?.(count);
    }
  }

  /** A scan of the shard may have written rows that are ahead of its position: the archive comes up to them. */
  async #catchUp(life: number, shard: number, from: number, signal: AbortSignal): Promise<ExportedShard> {
    const { board, season } = this.#open;
    const of = { board: board.id, season: season.number, life, shard };
    const endsAt = performance.now() + AHEAD_MS;
    for (let after = from; ; ) {
      signal.throwIfAborted();
      const changes = await shardChanges(this.#options.database, of, after);
      if (changes.isBroken) throw new Broken();
      for (const entry of changes.present) this.#change(entry.member, entry);
      for (const member of changes.gone) this.#change(member, null);
      this.#sawRow(shard, changes.newest);
      after = changes.upTo;
      const { position, at } = changes;
      if (after < position) continue;
      if (position >= (this.#newest.get(shard) ?? 0)) {
        return { shard, n: position, ...(position === 0 ? {} : { at: at.toISOString() }) };
      }
      if (performance.now() > endsAt) throw new Broken();
      await sleep(LOOK_MS, signal);
    }
  }

  #sawRow(shard: number, n: number): void {
    this.#newest.set(shard, Math.max(n, this.#newest.get(shard) ?? 0));
  }

  #change(member: string, entry: ChangedEntry | null): void {
    this.#changed.set(member, entry);
    const { changesMax } = this.#options;
    if (this.#changed.size <= changesMax) return;
    throw new AppError("overloaded", {
      message: `More than ${changesMax} members changed while the export was made: try again when less is going on, or raise EXPORT_CHANGES_MAX.`,
      retryAfterMs: 60_000,
    });
  }

  async #count(): Promise<number> {
    if (this.#changed.size === 0) return this.#rows;
    let replaced = 0;
    for await (const lines of this.#spool.read()) {
      for (const line of lines) if (this.#changed.has(memberOf(line))) replaced++;
    }
    let present = 0;
    for (const entry of this.#changed.values()) if (entry) present++;
    return this.#rows - replaced + present;
  }

  async *#read(): AsyncGenerator<StoredPlace[]> {
    for await (const lines of this.#spool.read()) {
      const places: StoredPlace[] = [];
      for (const line of lines) if (!this.#changed.has(memberOf(line))) places.push(placeOf(line));
      yield places;
    }
    const changed = [...this.#changed.values()].filter((entry) => entry !== null);
    for (let at = 0; at < changed.length; at += CHANGED_AT_ONCE)
      yield changed.slice(at, at + CHANGED_AT_ONCE);
  }
}

const CHANGED_AT_ONCE = 2_000;

function memberOf(line: string): string {
  return line.slice(0, line.indexOf("\t"));
}

function placeOf(line: string): StoredPlace {
  const [member = "", key, rest = "", visibility, metadata] = line.split("\t");
  return {
    member,
    key: Number(key),
    rest,
    visibility: Number(visibility),
    ...(metadata === undefined ? {} : { metadata: JSON.parse(metadata) as string }),
  };
}
