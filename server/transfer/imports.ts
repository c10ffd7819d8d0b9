/**
 * Imports into a board's open season: read, checked and written while they come, with one portion on its way to the shards while the next is
 * read, and never more. How far an import is, is noted after each portion, so that one that broke off goes on from there.
 */
import { AppError, toAppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import { hintDirty, MARK_EVERY_MS, markActive } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import { ImportNotes } from "../leaderboard/import-notes.ts";
import { closingInstant } from "../leaderboard/season-steps.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import { importLease } from "../locks/lease.ts";
import type { RedisStore } from "../redis/store.ts";
import { type CsvForm, csvRecords } from "./import-csv.ts";
import type { ImportLine, ImportTies } from "./import-entry.ts";
import { ImportLines } from "./import-lines.ts";
import { ndjsonRecords, type ReadRecord } from "./import-ndjson.ts";
import { Portions } from "./import-portions.ts";
import { addCounts, type ImportProgress, ImportRecords } from "./import-record.ts";
import { type BodyBounds, textOf } from "./import-text.ts";
import { type ImportMode, ImportWriter, type WriterOptions } from "./import-writer.ts";
import type { TransferFormat } from "./transfer-line.ts";

export type ImportSizes = {
  body: BodyBounds;
  /** Characters. */
  lineMax: number;
  /** Errors that an import lists. */
  errorsMax: number;
  /** Imports of this process at a time. */
  importsMax: number;
  /** ms that a broken import can be gone on with. */
  keepMs: number;
  /** ms. */
  patienceMs: number;
};

export type ImportsOptions = Pick<WriterOptions, "markBanned"> & {
  redis: RedisStore;
  hasher: Hasher;
  limits: DedupLimits;
  /** The board as it is now. @throws AppError board_not_found, unavailable */
  boardNow: (id: string) => Promise<OpenBoard>;
  leaseTtlMs: number;
  sizes: ImportSizes;
  now: () => number;
  onError: (error: unknown) => void;
};

export type ImportAsk = {
  format: TransferFormat;
  mode: ImportMode;
  ties: ImportTies;
  /** Check everything, say what would be done, and write nothing. */
  dryRun: boolean;
  /** Under which it can be gone on with. */
  importId: string | undefined;
  /** The number that the first line of the body has in the file. */
  fromLine: number;
  csv: CsvForm;
  /** The shape of a line. @throws AppError bad_request */
  check: (value: unknown) => ImportLine;
};

/** `resumedAfter` is the line up to which it was done before. */
export type ImportReport = ImportProgress & { resumedAfter: number };

export class Imports {
  readonly #options: ImportsOptions;
  readonly #records: ImportRecords;
  #running = 0;

  constructor(options: ImportsOptions) {
    this.#options = options;
    this.#records = new ImportRecords(new ImportNotes(options.redis, options.sizes.keepMs));
  }

  /** @throws AppError import_not_found, unavailable */
  progress(board: string, importId: string): Promise<ImportProgress> {
    return this.#records.shown(board, importId);
  }

  /**
   * @throws AppError overloaded (too many at a time), import_running, season_closed, payload_too_large, bad_request where the body as a whole
   *   cannot be read or does not go on where the import stands; store_lost, store_full, log_full, unavailable. What was written by then stays
   */
  async run(open: OpenBoard, bytes: AsyncIterable<Uint8Array>, ask: ImportAsk): Promise<ImportReport> {
    const { importsMax } = this.#options.sizes;
    if (this.#running >= importsMax) {
      const message = `${importsMax} imports are under way here (IMPORTS_MAX).`;
      throw new AppError("overloaded", { message, retryAfterMs: 5_000 });
    }
    this.#running++;
    try {
      if (ask.dryRun) return await this.#run(open, bytes, ask, () => true);
      return await this.#alone(open, (holds) => this.#run(open, bytes, ask, holds));
    } finally {
      this.#running--;
    }
  }

  /** One at a time writes into a board, so that lines come in the order of one file. */
  async #alone<T>(open: OpenBoard, work: (holds: () => boolean) => Promise<T>): Promise<T> {
    const { redis, leaseTtlMs, onError } = this.#options;
    const lease = importLease(redis, open.board.id, leaseTtlMs);
    if (!(await lease.hold())) throw new AppError("import_running", { retryAfterMs: 1_000 });
    let holds = true;
    const step = async (): Promise<void> => {
      // A process that was held up for long lets it run out. Taken again it is as good, if nobody else has it: what is written is absolute.
      holds = (await lease.hold()) || (await lease.hold());
    };
    const renewal = new Loop({ everyMs: leaseTtlMs / 4, step, onError });
    renewal.start();
    try {
      return await work(() => holds);
    } finally {
      await renewal.stop();
      await lease.release().catch(onError);
    }
  }

  async #run(
    open: OpenBoard,
    bytes: AsyncIterable<Uint8Array>,
    ask: ImportAsk,
    holds: () => boolean,
  ): Promise<ImportReport> {
    const { sizes } = this.#options;
    await this.#checkOpen(open);
    const progress = await this.#begun(open, ask);
    const resumedAfter = progress.lastLine;
    const lines = new ImportLines({
      ...ask,
      open,
      errorsMax: sizes.errorsMax,
      importedAtMs: progress.startedAtMs,
      after: resumedAfter,
    });
    const portions = new Portions(this.#writerOf(open, ask), async (done, dirty) => {
      if (!holds()) throw new AppError("import_running", { message: "Another import has begun." });
      addCounts(progress, done, sizes.errorsMax);
      await this.#noted(open, ask, progress, dirty);
    });
    try {
      // The mark comes before the first entry, and who asks finds the import from now on.
      await this.#noted(open, ask, progress, true);
      for await (const records of this.#read(open, bytes, ask)) {
        for (const record of records) {
          lines.take(record);
          if (lines.isFull) await portions.add(lines.portion());
        }
      }
      await portions.add(lines.end(ask.fromLine === 1));
      await portions.settled();
      progress.state = "done";
      await this.#noted(open, ask, progress, false);
      return { ...progress, resumedAfter };
    } catch (error) {
      // What was read before is good, unless it cannot be written.
      await portions
        .add(lines.portion())
        .then(() => portions.settled())
        .catch(() => undefined);
      progress.state = "broken";
      await this.#noted(open, ask, progress, false).catch(this.#options.onError);
      throw toAppError(error);
    }
  }

  /** Where the import stands, and that it does not go on somewhere else. */
  async #begun(
    open: OpenBoard,
    { importId, dryRun, mode, format, fromLine }: ImportAsk,
  ): Promise<ImportProgress> {
    const { board, season } = open;
    const found = importId === undefined || dryRun ? undefined : await this.#records.find(board.id, importId);
    if (found && found.incarnation !== season.incarnation) {
      throw new AppError("season_closed", {
        message: `The import went into season ${found.season}, in another life.`,
      });
    }
    if (found && (found.mode !== mode || found.format !== format)) {
      throw new AppError("bad_request", {
        message: `The import began with mode=${found.mode}&format=${found.format}.`,
      });
    }
    const now = this.#options.now();
    const begun: ImportProgress = found ?? {
      importId: importId ?? "",
      season: season.number,
      incarnation: season.incarnation,
      mode,
      format,
      state: "running",
      lastLine: 0,
      startedAtMs: now,
      updatedAtMs: now,
      lines: 0,
      written: 0,
      unchanged: 0,
      skipped: 0,
      failed: 0,
      errors: [],
    };
    if (fromLine > begun.lastLine + 1 && !dryRun) {
      throw new AppError("bad_request", {
        message: `The import stands at line ${begun.lastLine}: go on from line ${begun.lastLine + 1} or before.`,
      });
    }
    return { ...begun, state: "running" };
  }

  /** The shards know nothing of an end that is planned: they take entries until they are frozen. @throws AppError season_closed */
  async #checkOpen({ board: { id }, season }: OpenBoard): Promise<void> {
    const { boardNow, now } = this.#options;
    const current = await boardNow(id);
    const closesAtMs = closingInstant(current) ?? Number.POSITIVE_INFINITY;
    if (current.season.number === season.number && now() < closesAtMs) return;
    throw new AppError("season_closed", { message: `Season ${season.number} of "${id}" is over.` });
  }

  #read(open: OpenBoard, bytes: AsyncIterable<Uint8Array>, ask: ImportAsk): AsyncGenerator<ReadRecord[]> {
    const { body, lineMax } = this.#options.sizes;
    const texts = textOf(bytes, body);
    const bounds = { lineMax, firstLine: ask.fromLine };
    return ask.format === "csv"
      ? csvRecords(texts, open.board.columns, ask.csv, bounds)
      : ndjsonRecords(texts, bounds);
  }

  #writerOf(open: OpenBoard, { mode, dryRun }: ImportAsk): ImportWriter {
    const { redis, hasher, limits, markBanned, sizes } = this.#options;
    const patienceMs = sizes.patienceMs;
    const checkOpen = (asked: OpenBoard) => this.#checkOpen(asked);
    return new ImportWriter({ redis, open, hasher, limits, checkOpen, markBanned, mode, dryRun, patienceMs });
  }

  async #noted(
    { board }: OpenBoard,
    ask: ImportAsk,
    progress: ImportProgress,
    dirty: boolean,
  ): Promise<void> {
    if (ask.dryRun) return;
    const { redis, now } = this.#options;
    const isLong = now() - progress.updatedAtMs > MARK_EVERY_MS / 2;
    progress.updatedAtMs = now();
    if (ask.importId !== undefined) await this.#records.save(board.id, progress);
    if (dirty || isLong) await markActive(redis, board.id, now());
    if (dirty) await hintDirty(redis, [board.id]);
  }
}
