/** How far imports have come, kept for who goes on with one that broke off. */
import { AppError } from "../base/errors.ts";
import type { ImportNotes } from "../leaderboard/import-notes.ts";
import type { ImportMode } from "./import-writer.ts";
import type { TransferFormat } from "./transfer-line.ts";

/** One line that was not taken. */
export type ImportError = { line: number; code: string; message: string };

export type ImportCounts = {
  /** Lines with an entry, bad ones too. */
  lines: number;
  written: number;
  /** Were there as they are. */
  unchanged: number;
  /** Left alone by `mode`. */
  skipped: number;
  /** Not taken; `errors` lists the first of them. */
  failed: number;
  errors: ImportError[];
};

export type ImportProgress = ImportCounts & {
  importId: string;
  season: number;
  /** Of the season's life that it writes into. */
  incarnation: string;
  mode: ImportMode;
  format: TransferFormat;
  state: "running" | "broken" | "done";
  /** Everything up to this line of the file is in; 0 before the first one. */
  lastLine: number;
  /** ms since the Unix epoch. The beginning is the tie time of lines without one, however often it goes on. */
  startedAtMs: number;
  updatedAtMs: number;
};

/** What one more portion came to. */
export function addCounts(
  progress: ImportProgress,
  { errors, lastLine, ...counts }: ImportCounts & { lastLine: number },
  errorsMax: number,
): void {
  progress.lines += counts.lines;
  progress.written += counts.written;
  progress.unchanged += counts.unchanged;
  progress.skipped += counts.skipped;
  progress.failed += counts.failed;
  progress.errors = [...progress.errors, ...errors].slice(0, errorsMax);
  progress.lastLine = Math.max(progress.lastLine, lastLine);
}

export class ImportRecords {
  readonly #notes: ImportNotes;

  constructor(notes: ImportNotes) {
    this.#notes = notes;
  }

  /** @throws AppError unavailable */
  async find(board: string, id: string): Promise<ImportProgress | undefined> {
    const text = await this.#notes.read(board, id);
    return text === undefined ? undefined : (JSON.parse(text) as ImportProgress);
  }

  /** As somebody is told who asks: what runs no more has broken off. @throws AppError import_not_found, unavailable */
  async shown(board: string, id: string): Promise<ImportProgress> {
    const found = await this.find(board, id);
    if (!found) throw new AppError("import_not_found");
    if (found.state !== "running" || (await this.#notes.isAnyRunning(board))) return found;
    return { ...found, state: "broken" };
  }

  /** @throws AppError unavailable, store_full */
  async save(board: string, progress: ImportProgress): Promise<void> {
    await this.#notes.write(board, progress.importId, JSON.stringify(progress));
  }
}
