/**
 * The lines of an import on their way from what was read to what is written: numbered, checked one by one, and gathered to portions. The
 * first and the last line of an export are known here.
 */
import { type AppError, toAppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { type ImportEntry, type ImportLine, type ImportTies, importEntry } from "./import-entry.ts";
import type { ReadRecord } from "./import-ndjson.ts";
import type { ImportError } from "./import-record.ts";

/** What is written, and noted as done, at once. */
export type Portion = {
  entries: ImportEntry[];
  /** Lines with an entry, bad ones too. */
  lines: number;
  failed: number;
  /** At most `errorsMax`. */
  errors: ImportError[];
  /** Where it ends in the file. */
  lastLine: number;
};

export type LineChecks = {
  open: OpenBoard;
  /** The shape of a line. @throws AppError bad_request */
  check: (value: unknown) => ImportLine;
  ties: ImportTies;
  importedAtMs: number;
  errorsMax: number;
  /** Everything up to this line is done already. */
  after: number;
};

/** Lines of one portion: some milliseconds of this process, and a few calls to each shard. */
export const PORTION_LINES = 4_000;

/** Characters of an error's message: it may cite the line, and is kept with the import. */
const MESSAGE_MAX = 500;

export class ImportLines {
  readonly #checks: LineChecks;
  #portion: Portion;
  #isExport = false;
  /** What the last line of an export says; undefined before it. */
  #promised: number | undefined;
  #seen = 0;
  /** The number of the last line that was looked at. */
  #lastLine = 0;

  constructor(checks: LineChecks) {
    this.#checks = checks;
    this.#portion = this.#empty();
  }

  get isFull(): boolean {
    return this.#portion.lines >= PORTION_LINES;
  }

  take(record: ReadRecord): void {
    this.#lastLine = record.last;
    const value = "value" in record ? record.value : undefined;
    if (this.#isFrame(value)) return;
    this.#seen++;
    if (record.last <= this.#checks.after) return;
    const portion = this.#portion;
    portion.lines++;
    portion.lastLine = record.last;
    try {
      if ("error" in record) throw record.error;
      portion.entries.push(importEntry(this.#checks.open, this.#checks.check(value), this.#checks));
    } catch (error) {
      this.#refuse(record.line, toAppError(error));
    }
  }

  /** What was gathered since the last call. */
  portion(): Portion {
    const portion = this.#portion;
    this.#portion = this.#empty();
    return portion;
  }

  /** @param whole the stream began with the file, so that its count can be looked at */
  end(whole: boolean): Portion {
    const isNew = this.#lastLine > this.#checks.after;
    if (isNew && this.#isExport && this.#promised === undefined) {
      this.#refuse(this.#lastLine, "The export's last line is missing: the file was cut off.");
    } else if (isNew && this.#promised !== undefined && whole && this.#promised !== this.#seen) {
      this.#refuse(this.#lastLine, `The export had ${this.#promised} entries, here are ${this.#seen}.`);
    }
    return this.portion();
  }

  /** The first line of an export, or its last. */
  #isFrame(value: unknown): boolean {
    if (typeof value !== "object" || value === null || "member" in value) return false;
    const { rankwire, end, entries } = value as { rankwire?: unknown; end?: unknown; entries?: unknown };
    if (rankwire === "export") this.#isExport = true;
    else if (end === true && typeof entries === "number") this.#promised = entries;
    else return false;
    return true;
  }

  #refuse(line: number, why: AppError | string): void {
    const portion = this.#portion;
    portion.failed++;
    portion.lastLine = Math.max(portion.lastLine, line);
    if (portion.errors.length >= this.#checks.errorsMax) return;
    const { code, message } = typeof why === "string" ? { code: "bad_request", message: why } : why;
    portion.errors.push({ line, code, message: cut(message) });
  }

  #empty(): Portion {
    return { entries: [], lines: 0, failed: 0, errors: [], lastLine: 0 };
  }
}

function cut(message: string): string {
  return message.length <= MESSAGE_MAX
    ? message
    : `${message.slice(0, MESSAGE_MAX - 1).replace(/[\ud800-\udbff]$/, "")}…`;
}
