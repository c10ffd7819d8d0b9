/** Entries of a shard's score log, as the archive reads them. Pure; `lua/include/submit_log.lua` says what their fields hold. */

/** Where a member stands in the total order: smaller is better. The rest is empty on packed boards. */
export type EntryKey = { key: number; rest: string };

export type ChangeKind = "submit" | "carry" | "put" | "hide" | "shadow" | "show" | "remove";

/** One change of one member's entry. */
export type LogChange = {
  member: string;
  kind: ChangeKind;
  /** Undefined where there was no entry, or is none any more. */
  old: EntryKey | undefined;
  now: EntryKey | undefined;
  idHash: string | undefined;
  /** Undefined: as it was. */
  metadata: string | undefined;
};

/** One batch. What cannot be read has an error and no changes. */
export type LogEntry = {
  id: string;
  n: number;
  /** When it was written, by Redis's clock. */
  atMs: number;
  changes: LogChange[];
  error?: string;
  fields: string[];
};

/** As Redis gives it: the id, then names and values in turn. */
export type RawEntry = [id: string, fields: string[]];

const KINDS: ReadonlySet<string> = new Set(["submit", "carry", "put", "hide", "shadow", "show", "remove"]);

/**
 * Entries in the order of the log; without the first one of a shard, which only makes its key exist.
 * @param after the n before the first of them, for one whose own n cannot be read
 */
export function readEntries(raw: readonly RawEntry[], after: number): LogEntry[] {
  const entries: LogEntry[] = [];
  let last = after;
  for (const [id, fields] of raw) {
    const values = new Map<string, string>();
    for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i]!, fields[i + 1]!);
    if (values.get("n") === "0") continue;
    const told = Number(values.get("n"));
    const n = Number.isSafeInteger(told) && told > 0 ? told : last + 1;
    const entry: LogEntry = { id, n, atMs: Number(id.split("-")[0]), changes: [], fields };
    try {
      if (n !== told) throw new Error(`n is ${values.get("n")}`);
      entry.changes = changesOf(values);
    } catch (error) {
      entry.error = (error as Error).message;
    }
    entries.push(entry);
    last = n;
  }
  return entries;
}

function changesOf(values: ReadonlyMap<string, string>): LogChange[] {
  const pairs = listIn(values, "d") ?? [];
  const befores = listIn(values, "o") ?? [];
  const ids = listIn(values, "i");
  const metadata = listIn(values, "m");
  const kind = values.get("k") ?? "submit";
  if (!KINDS.has(kind)) throw new Error(`${kind} is no kind of change`);
  const count = pairs.length / 2;
  if (count < 1 || befores.length !== count) throw new Error(`${pairs.length} and ${befores.length} values`);
  return Array.from({ length: count }, (_, i) => {
    const text = metadata?.[i] ?? "";
    const member = pairs[2 * i + 1]!;
    if (member === "") throw new Error("a change without a member");
    return {
      member,
      kind: kind as ChangeKind,
      old: keyIn(befores[i]!),
      now: keyIn(pairs[2 * i]!),
      idHash: ids?.[i] || undefined,
      metadata: text === "" ? undefined : plainText(text),
    };
  });
}

function listIn(values: ReadonlyMap<string, string>, name: string): string[] | undefined {
  return values.get(name)?.split("\t");
}

/** "score", or "score rest". @throws Error when there is no number in it */
export function keyIn(text: string): EntryKey | undefined {
  if (text === "") return undefined;
  const space = text.indexOf(" ");
  const [score, rest] = space < 0 ? [text, ""] : [text.slice(0, space), text.slice(space + 1)];
  const key = score === "" ? Number.NaN : Number(score);
  if (!Number.isFinite(key)) throw new Error(`"${text}" is no key`);
  return { key, rest };
}

/** Tabs and backslashes as they were. PostgreSQL holds no NUL. */
function plainText(text: string): string {
  return text
    .replaceAll(/\\(.)/g, (_, letter: string) => (letter === "t" ? "\t" : letter))
    .replaceAll("\0", "\ufffd");
}

/** Whether one id of a log comes after another. */
export function isLaterId(id: string, other: string): boolean {
  const [ms = 0, seq = 0] = id.split("-").map(Number);
  const [otherMs = 0, otherSeq = 0] = other.split("-").map(Number);
  return ms > otherMs || (ms === otherMs && seq > otherSeq);
}
