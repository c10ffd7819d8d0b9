/** After an import: what the source says against what the board says. Every member's values, how many there are, and the order of the top. */
import { sleep } from "../../base/clock.ts";
import { member as memberName } from "../../gateway/schemas.ts";
import type { ApiClient } from "../api-client.ts";
import { pathOf } from "../board-paths.ts";
import type { ImportSource, ReadColumns, SourceEntry } from "./import-source.ts";
import { TopOfSource, type TopRow } from "./top-of-source.ts";

type Values = { score: number; columns?: Record<string, number | string> };
type Entry = Values & { member: string };

export type Difference = {
  /** `not_taken` no board takes it, or the import did not, `missing` not on the board or hidden there, `values` others there, `count`, `order` of the top. */
  reason: "not_taken" | "missing" | "values" | "count" | "order";
  where: string;
  source?: unknown;
  board?: unknown;
};

export type Comparison = {
  /** Members of the source whom everybody is to see. */
  members: number;
  /** Entries of the board. */
  total: number;
  found: number;
  /** The first of them. */
  differences: Difference[];
  /** Ranks of the top that were compared. */
  topCompared: number;
};

export type ComparisonOptions = {
  board: string;
  columns: ReadColumns;
  /** Rows that the board publishes. */
  topSize: number;
  /** `put`: both sides are the same; `best`: the board is as good or better; `absent`: who is in the source is on the board. */
  mode: "put" | "best" | "absent";
  /** What the import before did not take: the place in the source, and why. */
  refused?: ReadonlyMap<string, string>;
  onCompared: (more: number) => void;
};

/** Members of one question. */
const ASKED = 1_000;
const DIFFERENCES_MAX = 100;
/** Kept until the end, since a later line of the same member may agree. */
const SUSPECTS_MAX = 100_000;
const TOP = 1_000;
/** The top is published with the merger's ticks. */
const SETTLE = { tries: 20, everyMs: 250 };

/** @throws ApiFailure, and what reading the source throws */
export async function compare(
  api: ApiClient,
  source: ImportSource,
  options: ComparisonOptions,
): Promise<Comparison> {
  const { board, columns, topSize, mode, refused, onCompared } = options;
  const seen = new Set<string>();
  const suspects = new Map<string, Difference>();
  const others: Difference[] = [];
  let more = 0;
  const note = (difference: Difference): void => {
    if (others.length < SUSPECTS_MAX) others.push(difference);
    else more++;
  };
  const ranks = Math.min(TOP, topSize);
  const top = new TopOfSource(columns, ranks);
  for await (const page of portions(source.entries(columns))) {
    const asked = page.filter((entry) => !("problem" in entry) && !entry.isHidden && isName(entry.member));
    const there = await entriesOf(api, board, [...new Set(asked.map(({ member }) => member))]);
    for (const entry of page) {
      if ("problem" in entry) {
        note({ reason: "not_taken", where: entry.where, source: entry.problem });
        continue;
      }
      if (entry.isHidden) continue;
      if (!isName(entry.member)) {
        note({ reason: "not_taken", where: entry.where, source: "No board takes such a member." });
        continue;
      }
      seen.add(entry.member);
      top.add(entry);
      const found = there.get(entry.member);
      const why = found ? undefined : refused?.get(entry.where);
      const difference: Difference | undefined =
        why === undefined
          ? differenceOf(entry, found, top, mode)
          : { reason: "not_taken", where: entry.where, source: why };
      if (!difference) suspects.delete(entry.member);
      else if (suspects.size < SUSPECTS_MAX || suspects.has(entry.member))
        suspects.set(entry.member, difference);
      else more++;
    }
    onCompared(page.length);
  }
  const found = [...others, ...suspects.values()];
  // What differs in its values differs in its order too: there is nothing to wait for.
  const tries = suspects.size > 0 ? 1 : SETTLE.tries;
  const settled = await settledEnd(api, board, { members: seen.size, mode, rows: top.rows(), ranks }, tries);
  const all = [...settled.differences, ...found];
  const { total, topCompared } = settled;
  const differences = all.slice(0, DIFFERENCES_MAX);
  return { members: seen.size, total, found: all.length + more, differences, topCompared };
}

async function entriesOf(api: ApiClient, board: string, members: string[]): Promise<Map<string, Entry>> {
  if (members.length === 0) return new Map();
  const { entries } = await api.call<{ entries: Entry[] }>("POST", `${pathOf(board)}/members`, {
    body: { members, ranks: false },
    repeatable: true,
  });
  return new Map(entries.map((entry) => [entry.member, entry]));
}

/** What a question for members may name. */
function isName(text: string): boolean {
  return memberName.safeParse(text).success;
}

async function* portions(pages: AsyncIterable<SourceEntry[]>): AsyncGenerator<SourceEntry[]> {
  let portion: SourceEntry[] = [];
  for await (const page of pages) {
    for (const entry of page) {
      portion.push(entry);
      if (portion.length < ASKED) continue;
      yield portion;
      portion = [];
    }
  }
  if (portion.length > 0) yield portion;
}

function differenceOf(
  entry: Extract<SourceEntry, { score: number }>,
  there: Entry | undefined,
  top: TopOfSource,
  mode: ComparisonOptions["mode"],
): Difference | undefined {
  const { where, member } = entry;
  const source = {
    score: entry.score,
    ...(Object.keys(entry.columns).length > 0 ? { columns: entry.columns } : {}),
  };
  const of = where === JSON.stringify(member) ? where : `${where}, ${JSON.stringify(member)}`;
  if (!there) return { reason: "missing", where: of, source };
  if (mode === "absent") return undefined;
  const order = top.compare(entry, there);
  if (order === 0 || (mode === "best" && order > 0)) return undefined;
  const { score, columns } = there;
  return { reason: "values", where: of, source, board: { score, ...(columns ? { columns } : {}) } };
}

type End = { members: number; mode: ComparisonOptions["mode"]; rows: TopRow[]; ranks: number };

/** The count, and the top once it has come to what is expected, or time is up. */
async function settledEnd(api: ApiClient, board: string, end: End, triesMax: number) {
  for (let tries = 1; ; tries++) {
    const { total } = await api.call<{ total: number }>("GET", pathOf(board));
    const query = { limit: end.ranks };
    const { entries } = await api.call<{ entries: Entry[] }>("GET", `${pathOf(board)}/top`, { query });
    const differences = endDifferences(end, total, entries);
    if (differences[0]?.reason !== "order" || tries === triesMax) {
      return {
        total,
        topCompared: end.mode === "put" ? Math.min(end.rows.length, entries.length) : 0,
        differences,
      };
    }
    await sleep(SETTLE.everyMs);
  }
}

/** Beside submissions that go on only `put` says how many there are, and in which order. */
function endDifferences(
  { members, mode, rows }: End,
  total: number,
  entries: readonly Entry[],
): Difference[] {
  if (mode !== "put" ? total < members : total !== members) {
    return [{ reason: "count", where: "entries", source: members, board: total }];
  }
  if (mode !== "put") return [];
  for (const [i, { member, values }] of rows.entries()) {
    const there = entries[i];
    // Who shares a place may stand in another order.
    if (there && JSON.stringify(valuesOf(there, values.length)) === JSON.stringify(values)) continue;
    return [{ reason: "order", where: `rank ${i + 1}`, source: { member, values }, board: there }];
  }
  return [];
}

function valuesOf({ score, columns = {} }: Values, count: number): string[] {
  return [score, ...Object.values(columns)].slice(0, count).map(String);
}
