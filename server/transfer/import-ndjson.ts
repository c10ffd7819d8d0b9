/** What an import reads, record by record, and the reading of NDJSON: one JSON value a line. */
import { AppError } from "../base/errors.ts";

/** `line` is where a record begins, `last` where it ends; lines count from 1, blank ones and the names of CSV too. */
export type ReadRecord = { line: number; last: number } & ({ value: unknown } | { error: AppError });

export type LineBounds = {
  /** Characters of one line, or one row of CSV. */
  lineMax: number;
  /** The number of the first line: of a stream that begins in the middle of a file. */
  firstLine: number;
};

/**
 * @yields the records of each piece of text
 * @throws what `texts` throws
 */
export async function* ndjsonRecords(
  texts: AsyncIterable<string>,
  { lineMax, firstLine }: LineBounds,
): AsyncGenerator<ReadRecord[]> {
  let line = firstLine;
  let carried = "";
  // The line under way is too long already; what is left of it is not kept.
  let overlong = false;
  for await (const text of texts) {
    const lines = (carried + text).split("\n");
    carried = lines.pop()!;
    const records: ReadRecord[] = [];
    for (const one of lines) {
      const record = overlong ? tooLong(line, lineMax) : recordOf(one, line, lineMax);
      overlong = false;
      if (record) records.push(record);
      line++;
    }
    if (carried.length > lineMax) {
      overlong = true;
      carried = "";
    }
    if (records.length > 0) yield records;
  }
  const last = overlong ? tooLong(line, lineMax) : recordOf(carried, line, lineMax);
  if (last) yield [last];
}

function recordOf(text: string, line: number, lineMax: number): ReadRecord | undefined {
  if (text.length > lineMax) return tooLong(line, lineMax);
  try {
    return { line, last: line, value: JSON.parse(text) };
  } catch {
    if (text.trim() === "") return undefined;
    return { line, last: line, error: new AppError("bad_json", { message: "The line is not valid JSON." }) };
  }
}

function tooLong(line: number, lineMax: number): ReadRecord {
  const message = `The line is longer than ${lineMax} characters (IMPORT_LINE_MAX).`;
  return { line, last: line, error: new AppError("payload_too_large", { message }) };
}
