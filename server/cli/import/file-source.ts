/** A file of NDJSON or CSV as a source. It is sent as it is: what its columns mean is said in the query, and the server counts its lines. */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { csvRecords } from "../../transfer/import-csv.ts";
import { ndjsonRecords, type ReadRecord } from "../../transfer/import-ndjson.ts";
import { textOf } from "../../transfer/import-text.ts";
import type { ExportHeader } from "../../transfer/transfer-line.ts";
import { jsonOf } from "../api-answers.ts";
import type { ApiClient, Query } from "../api-client.ts";
import { refuse } from "../api-failure.ts";
import { adminPathOf } from "../board-paths.ts";
import type { ImportSource, ReadColumns, SendOptions, Sent, SourceEntry } from "./import-source.ts";
import { persistently } from "./persistent-call.ts";

export type FileForm = {
  path: string;
  format: "ndjson" | "csv";
  /** `member=user_id,score=points`, as the API takes it. */
  map?: string | undefined;
  delimiter?: string | undefined;
  decimalComma?: boolean | undefined;
};

type Answer = Omit<Sent, "errors"> & { errors: { line: number; code: string; message: string }[] };

const LINE_MAX = 1024 * 1024;

export function fileSource(form: FileForm): ImportSource {
  return {
    size: async () => ({ total: (await statOf(form.path)).size, unit: "bytes" }),
    send: (api, options) => send(api, form, options),
    definition: async () => (form.format === "ndjson" ? definitionIn(form.path) : undefined),
    entries: (columns) => entries(form, columns),
  };
}

async function statOf(path: string) {
  const found = await stat(path).catch((error: Error) =>
    refuse(`The file cannot be read: ${error.message}.`, "Give a file of NDJSON or CSV."),
  );
  if (!found.isFile()) refuse(`${path} is not a file.`, "Give a file of NDJSON or CSV.");
  return found;
}

async function send(api: ApiClient, form: FileForm, options: SendOptions): Promise<Sent> {
  await statOf(form.path);
  const { format, map, delimiter, decimalComma } = form;
  const { board, mode, ties, dryRun, importId, onSent } = options;
  const query: Query = { format, map, delimiter, decimalComma, mode, ties, dryRun, importId };
  let furthest = 0;
  const answer = await persistently(async () => {
    const body = counted(createReadStream(form.path), (at) => {
      if (at > furthest) onSent(at - furthest);
      furthest = Math.max(furthest, at);
    });
    const contentType = format === "csv" ? "text/csv" : "application/x-ndjson";
    const response = await api.upload(`${adminPathOf(board)}/import`, { query, contentType, body });
    return (await jsonOf(response)) as Answer;
  });
  const errors = answer.errors.map(({ line, ...error }) => ({ where: `line ${line}`, ...error }));
  return { ...answer, errors };
}

async function* counted(pieces: AsyncIterable<Buffer>, onAt: (at: number) => void): AsyncGenerator<Buffer> {
  let at = 0;
  for await (const piece of pieces) {
    yield piece;
    at += piece.length;
    onAt(at);
  }
}

/** As the first line of an export has it, with a season that began when that one did: so tie times are the same instants. */
async function definitionIn(path: string): Promise<object | undefined> {
  const texts = textOf(createReadStream(path), { bytesMax: 0, idleMs: 60_000 });
  for await (const [first] of ndjsonRecords(texts, { lineMax: LINE_MAX, firstLine: 1 })) {
    const header = (first && "value" in first ? first.value : {}) as Partial<ExportHeader> | null;
    if (header?.rankwire !== "export" || !header.definition || !header.openedAt) return undefined;
    const { definition, openedAt } = header;
    return { ...definition, season: { ...definition.season, startsAt: openedAt } };
  }
  return undefined;
}

async function* entries(form: FileForm, columns: ReadColumns): AsyncGenerator<SourceEntry[]> {
  const texts = textOf(createReadStream(form.path), { bytesMax: 0, idleMs: 60_000 });
  const bounds = { lineMax: LINE_MAX, firstLine: 1 };
  const records =
    form.format === "csv" ? csvRecords(texts, columns, csvForm(form), bounds) : ndjsonRecords(texts, bounds);
  for await (const some of records) {
    const entries = some.flatMap((record) => entryOf(record) ?? []);
    if (entries.length > 0) yield entries;
  }
}

function csvForm({ map, delimiter = ",", decimalComma = false }: FileForm) {
  const pairs = map?.split(",").map((pair) => pair.split("=") as [string, string]);
  return {
    delimiter: delimiter === "tab" ? "\t" : delimiter,
    decimalComma,
    ...(pairs ? { map: new Map(pairs) } : {}),
  };
}

/** Undefined for the first and the last line of an export. */
function entryOf(record: ReadRecord): SourceEntry | undefined {
  const where = `line ${record.line}`;
  if ("error" in record) return { where, member: "", problem: record.error.message };
  const { member, score, columns = {}, visibility } = (record.value ?? {}) as Record<string, unknown>;
  if (member === undefined && typeof record.value === "object") {
    const { rankwire, end } = (record.value ?? {}) as Record<string, unknown>;
    if (rankwire !== undefined || end === true) return undefined;
  }
  if (typeof member !== "string") return { where, member: "", problem: "It has no member." };
  if (typeof score !== "number") return { where, member, problem: "Its score is no number." };
  if (typeof columns !== "object" || columns === null)
    return { where, member, problem: "Its columns are no object." };
  const isHidden = visibility === "hidden" || visibility === "shadow";
  return { where, member, score, columns: columns as Record<string, number | string>, isHidden };
}
