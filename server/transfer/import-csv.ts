/** The reading of CSV for an import: rows by csv-parse, and from their fields the same values that a line of NDJSON has. */
import { once } from "node:events";
import { type CsvError, parse } from "csv-parse";
import type { Column } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { LineBounds, ReadRecord } from "./import-ndjson.ts";

export type CsvForm = {
  delimiter: string;
  /** Numbers are written 1.234,5 and not 1,234.5; in neither way with both signs unclear. */
  decimalComma: boolean;
  /** Field → the name that it has in the file, such as `member` → `user_id`. Without it names are those of an export, or the board's columns. */
  map?: ReadonlyMap<string, string>;
};

/** What a row may have beside its columns. */
const FIELDS = ["member", "score", "reachedAt", "key", "rest", "visibility", "metadata", "rank"] as const;

type Reader = (value: Record<string, unknown>, text: string) => void;

/**
 * @param columns of the board
 * @yields the rows of each piece of text
 * @throws AppError bad_request where the names do not fit the board, or quotes are so broken that rows cannot be told apart; what `texts` throws
 */
export async function* csvRecords(
  texts: AsyncIterable<string>,
  columns: readonly Column[],
  form: CsvForm,
  { lineMax, firstLine }: LineBounds,
): AsyncGenerator<ReadRecord[]> {
  let read: ReadRecord[] = [];
  let fields: (Reader | undefined)[] | undefined;
  // A stream that begins in the middle of a file has the names before it once more. And csv-parse counts each carriage return of a field as a line.
  let before = Math.max(0, firstLine - 2);
  const parser = parse({
    delimiter: form.delimiter,
    bom: true,
    record_delimiter: ["\r\n", "\n"],
    relax_column_count: true,
    skip_empty_lines: true,
    max_record_size: lineMax,
    on_record: (row: string[], { lines }) => {
      for (const text of row) if (text.includes("\r")) before -= text.split("\r").length - 1;
      if (!fields) fields = readersOf(row, columns, form);
      else read.push(recordOf(row, fields, before + lines));
      return null;
    },
  });
  const failed = once(parser, "error").then(([error]) => {
    throw refusalOf(error as Error, before);
  });
  failed.catch(() => undefined);
  parser.resume();
  const done = new Promise<void>((resolve) => parser.once("end", () => resolve()));
  try {
    for await (const text of texts) {
      const written = new Promise<void>((resolve) => parser.write(text, () => resolve()));
      await Promise.race([written, failed]);
      if (read.length > 0) yield read;
      read = [];
    }
    parser.end();
    await Promise.race([done, failed]);
    if (read.length > 0) yield read;
  } finally {
    parser.destroy();
  }
}

function refusalOf(error: Error, before: number): AppError {
  if (error instanceof AppError) return error;
  const { lines } = error as CsvError & { lines?: number };
  const where = lines === undefined ? "" : ` about line ${before + lines}`;
  return new AppError("bad_request", { message: `The CSV cannot be read${where}: ${error.message}` });
}

/** @param last the line on which the row ends, as csv-parse counts */
function recordOf(row: string[], fields: (Reader | undefined)[], last: number): ReadRecord {
  let inside = 0;
  for (const text of row) if (text.includes("\n")) inside += text.split("\n").length - 1;
  const line = last - inside;
  if (row.length !== fields.length) {
    const message = `The row has ${row.length} fields, not ${fields.length}.`;
    return { line, last, error: new AppError("bad_request", { message }) };
  }
  const value: Record<string, unknown> = {};
  for (let i = 0; i < row.length; i++) if (row[i] !== "") fields[i]?.(value, row[i]!);
  return { line, last, value };
}

/** By position in a row what it says; undefined for what is not looked at. */
function readersOf(names: string[], columns: readonly Column[], form: CsvForm): (Reader | undefined)[] {
  const fieldOf = new Map<string, string>();
  for (const [field, name] of form.map ?? []) {
    if (!names.includes(name)) throw refused(`There is no column "${name}": there are ${names.join(", ")}.`);
    if (readerOf(field, columns, form.decimalComma) === undefined)
      throw refused(`There is no field "${field}" to map to.`);
    if (fieldOf.has(name)) throw refused(`The column "${name}" is mapped twice.`);
    fieldOf.set(name, field);
  }
  const readers = names.map((name) => {
    if (form.map)
      return fieldOf.has(name) ? readerOf(fieldOf.get(name)!, columns, form.decimalComma) : undefined;
    const reader = readerOf(name, columns, form.decimalComma);
    if (!reader) throw refused(`The board has no column "${name}"; say by \`map\` which columns are meant.`);
    return reader;
  });
  const meant = new Set<string>();
  for (const name of names) {
    const field = form.map ? fieldOf.get(name) : name;
    if (field === undefined) continue;
    const target = targetOf(field, columns);
    // Which of them is meant nobody knows.
    if (meant.has(target))
      throw refused(`The first row has two columns for "${target}", the second is "${name}".`);
    meant.add(target);
  }
  if (!meant.has("member") || !meant.has("score"))
    throw refused(`The first row must name "member" and "score".`);
  return readers;
}

/** The one name of a field that has several. */
function targetOf(field: string, columns: readonly Column[]): string {
  if ((FIELDS as readonly string[]).includes(field)) return field;
  const name = columnOf(field);
  return name === columns[0]!.name ? "score" : `column.${name}`;
}

function columnOf(field: string): string {
  return field.startsWith("column.") ? field.slice("column.".length) : field;
}

/** `column.wins` and `wins` are the same; the first column is the score. */
function readerOf(field: string, columns: readonly Column[], decimalComma: boolean): Reader | undefined {
  const name = columnOf(field);
  const index = columns.findIndex((column) => column.name === name);
  const isOwn = (FIELDS as readonly string[]).includes(field);
  if (field === "score" || (index === 0 && !isOwn)) {
    return (value, text) => {
      value.score = numberIn(text, decimalComma, columns[0]!);
    };
  }
  if (index > 0 && !isOwn) {
    return (value, text) => {
      value.columns ??= {};
      (value.columns as Record<string, unknown>)[name] = numberIn(text, decimalComma, columns[index]!);
    };
  }
  if (!isOwn) return undefined;
  if (field === "rank") return () => undefined;
  return (value, text) => {
    value[field] = field === "key" || (field === "reachedAt" && /^\d+$/.test(text)) ? Number(text) : text;
  };
}

/** A number, or the text as it is where it is none that is exact: whoever looks at the value says what is wrong with it. */
function numberIn(text: string, decimalComma: boolean, { type }: Column): number | string {
  const plain = decimalComma ? withPoint(text.trim()) : text.trim();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain)) return text;
  if (type === "int64" && /^[+-]?\d+$/.test(plain)) return plain.replace(/^\+/, "");
  return Number(plain);
}

/** Points group by three there. */
function withPoint(text: string): string {
  if (!/^[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?$/.test(text)) return `not a number: ${text}`;
  return text.replaceAll(".", "").replace(",", ".");
}

function refused(message: string): AppError {
  return new AppError("bad_request", { message });
}
