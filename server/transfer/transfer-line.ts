/**
 * The lines in which entries leave a board and come to one: of an export, and of an import that takes the same. Pure.
 *
 * NDJSON: the first line says what follows (`ExportHeader`), then comes one line an entry (`TransferEntry`), and the last line is the count
 * (`ExportEnd`), so that a file that was cut off is noticed. CSV: the names, then one row an entry, RFC 4180, nothing else; what the
 * first and the last line would say is in the answer's headers.
 */
import type { Board, OpenBoard, Season } from "../leaderboard/board.ts";
import { entryValues } from "../leaderboard/codec.ts";
import { type Layout, tieInstant } from "../leaderboard/layout.ts";
import { digitAt } from "../leaderboard/sortable-text.ts";

export type TransferFormat = "ndjson" | "csv";

export const TRANSFER_VERSION = 1;

/** Up to where the entries of one shard are those of its score log. */
export type ExportedShard = {
  shard: number;
  /** The batch of the shard's score log that its entries are as of. */
  n: number;
  /** When that batch was made, ISO 8601; absent before the first one. */
  at?: string;
  /** Batches that the shard had at the request and the archive had not when its patience ended; absent when it had all. */
  behind?: number;
};

/** The first line of NDJSON. */
export type ExportHeader = {
  rankwire: "export";
  version: typeof TRANSFER_VERSION;
  board: string;
  season: number;
  /** `archived`: of the final table, in its order and with ranks; else of the current entries, in no order that matters. */
  state: "open" | "closing" | "archived";
  /** Of the season: from `openedAt` on its tie times count. */
  openedAt: string;
  endsAt?: string;
  /** When the export began. */
  exportedAt: string;
  /** The rules that the season has or had, as `PUT /v1/admin/boards/:board` takes them. */
  definition: Omit<Board, "id">;
  /** Empty for an archived season, which does not move any more. */
  shards: ExportedShard[];
  /** Entries that follow, hidden ones among them. */
  total: number;
};

/** The last line of NDJSON. */
export type ExportEnd = { end: true; entries: number };

/** One entry. Numbers are numbers where they are exact, and text where they are not: 64-bit integers. */
export type TransferEntry = {
  member: string;
  score: number;
  columns?: Record<string, number | string>;
  /** When the present value was reached, ISO 8601 in steps of the board's `tieResolutionMs`: on boards whose ties go by time. */
  reachedAt?: string;
  /** There too: the sort key as it is stored, and what wide boards have behind it. Exact where the layouts of both seasons are the same. */
  key?: number;
  rest?: string;
  /** Absent for whom everybody sees. */
  visibility?: "hidden" | "shadow";
  metadata?: string;
  /** Of archived seasons, for whom everybody sees. */
  rank?: number;
};

/** An entry as the tables have it. */
export type StoredPlace = {
  member: string;
  key: number;
  rest: string;
  /** 0 visible, 1 hidden, 2 shadow. */
  visibility: number;
  metadata?: string | null;
  rank?: number;
};

const SIGHTS = [undefined, "hidden", "shadow"] as const;

/** What CSV names its columns, in order. Every column behind the score is called `column.<name>`, so that none is taken for something else. */
export function csvNames({ layout, board }: Pick<OpenBoard, "layout" | "board">, ranked: boolean): string[] {
  const [, ...others] = layout.columns;
  return [
    "member",
    "score",
    ...others.map(({ column }) => `column.${column.name}`),
    ...(layout.ties === "shared" ? [] : ["reachedAt", "key", ...(layout.restLength > 0 ? ["rest"] : [])]),
    "visibility",
    ...(board.metadata ? ["metadata"] : []),
    ...(ranked ? ["rank"] : []),
  ];
}

/** An entry as its line says it; `JSON.stringify` of it is the line of NDJSON. */
export function transferEntry(open: Pick<OpenBoard, "layout">, stored: StoredPlace): TransferEntry {
  const { layout } = open;
  const { member, key, rest, metadata, rank } = stored;
  const entry: TransferEntry = { member, ...entryValues(open, stored) };
  const reachedAtMs = reachedAt(layout, stored);
  if (reachedAtMs !== undefined) {
    entry.reachedAt = new Date(reachedAtMs).toISOString();
    entry.key = key;
    if (rest !== "") entry.rest = rest;
  }
  const visibility = SIGHTS[stored.visibility];
  if (visibility !== undefined) entry.visibility = visibility;
  if (metadata !== undefined && metadata !== null) entry.metadata = metadata;
  if (rank !== undefined) entry.rank = rank;
  return entry;
}

/** The fields of a CSV row, in the order of these names; what an entry has not is empty. */
export function csvFields(names: readonly string[], entry: TransferEntry): string[] {
  return names.map((name) => {
    const value = name.startsWith("column.")
      ? entry.columns?.[name.slice("column.".length)]
      : entry[name as Exclude<keyof TransferEntry, "columns">];
    if (name === "visibility") return entry.visibility ?? "visible";
    return value === undefined ? "" : String(value);
  });
}

/** When a place's value was reached, in ms; undefined where ties are shared. */
export function reachedAt(layout: Layout, { key, rest }: { key: number; rest: string }): number | undefined {
  if (layout.ties === "shared") return undefined;
  const { kind, head, restLength, tieLength } = layout;
  const digit = kind === "packed" ? key % head.tieRadix : digitAt(rest, restLength - tieLength, tieLength);
  return tieInstant(layout, digit);
}

/** The season's part of a header. */
export function seasonTimes({ openedAtMs, endsAtMs }: Season): Pick<ExportHeader, "openedAt" | "endsAt"> {
  return {
    openedAt: new Date(openedAtMs).toISOString(),
    ...(endsAtMs === undefined ? {} : { endsAt: new Date(endsAtMs).toISOString() }),
  };
}
