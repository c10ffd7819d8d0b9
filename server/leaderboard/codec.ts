/**
 * Places between their forms: values, what the ZSETs store, the text of a key, the sort key on the wire. Pure, and the only
 * place that knows packed boards from wide ones; on a packed board the rest is empty, and most of this is nothing to do.
 */
import type { EntryValues, Row, SortKey } from "../../client-sdk/protocol/messages.ts";
import type { ColumnLayout, Layout } from "./layout.ts";
import { digitOf, digitValue, packKey, unpackKey } from "./packing.ts";
import type { Place } from "./page-cursor.ts";
import { digitAt, digitText, floatAt, floatText, int64At, int64Text, WORD_LENGTH } from "./sortable-text.ts";

/** One value of a column as `values.ts` has checked it: a scaled integer, a float, a 64-bit integer. */
export type Coded = number | bigint;
type WithLayout = { layout: Layout };
/** What orders places of different members. */
export type PlaceKey = Pick<Place, "key" | "rest">;

/** The key of these values, as scripts take and give it: a number, or "score rest". */
export function keyText(layout: Layout, coded: readonly Coded[], tie: number): string {
  if (layout.kind === "packed") return String(packKey(layout.head, coded as number[], tie));
  const rest = restText(layout, coded) + tieText(layout, tie);
  return `${scoreOf(layout, coded)} ${rest}`;
}

/** A tie digit as scripts take it beside digit deltas. */
export function tieText({ kind, tieLength }: Layout, tie: number): string {
  return kind === "packed" ? String(tie) : tieLength === 0 ? "" : digitText(tie, tieLength);
}

/** What `keyText` made. */
export function placeFrom(layout: Layout, text: string, member: string): Place {
  if (layout.kind === "packed") return { key: Number(text), rest: "", member };
  const space = text.indexOf(" ");
  return { key: Number(text.slice(0, space)), rest: text.slice(space + 1), member };
}

/** A member of a ZSET and its score as a place. */
export function fromStored({ restLength }: Layout, stored: string, score: number): Place {
  return { key: score, rest: stored.slice(0, restLength), member: stored.slice(restLength) };
}

/** Under what a place stands in a ZSET. */
export function storedMember({ rest, member }: Place): string {
  return rest + member;
}

/** The smallest key that has these first columns: everything strictly better on them is before it. */
export function prefixOf(layout: Layout, coded: readonly Coded[]): PlaceKey {
  const { head } = layout;
  const best = head.columns.map((c, i) => coded[i] ?? (c.direction === 1 ? c.scaledMin : c.scaledMax));
  const key = head.columns.length > 0 ? packKey(head, best as number[], 0) : scoreOf(layout, coded);
  return { key, rest: restText(layout, coded) };
}

/** True where keys alone say who is strictly better, so that an index of keys can count it exactly. */
export function keyDecides({ ties, restLength }: Layout): boolean {
  return ties === "shared" && restLength === 0;
}

/** The score that stands at a key, which may lie between those of entries, and the best and the worst key of that score. */
export function scoreSpan(
  { head, columns }: Layout,
  between: number,
): { score: number; best: number; worst: number } {
  if (head.columns.length === 0) {
    const score = columns[0]!.direction === 1 ? between : 0 - between;
    return { score, best: between, worst: between };
  }
  const key = Math.floor(between);
  // All keys that differ in the digits behind the first column only.
  const width = head.columns.slice(1).reduce((product, { radix }) => product * radix, head.tieRadix);
  const best = key - (key % width);
  return { score: unpackKey(head, key)[0]!, best, worst: best + width - 1 };
}

/** The sort key of a row. */
export function sortKeyOf({ kind }: Layout, { key, rest }: PlaceKey): SortKey {
  return kind === "packed" ? key : floatText(key, 1) + rest;
}

/** The place of a row. */
export function placeOf([member, sortKey]: Row): Place {
  if (typeof sortKey === "number") return { key: sortKey, rest: "", member };
  return { key: floatAt(sortKey, 0, 1), rest: sortKey.slice(WORD_LENGTH), member };
}

/** A place as the feed sends it. */
export function rowOf({ layout }: WithLayout, place: Place): Row {
  const [score, ...others] = valuesOf(layout, place);
  return [place.member, sortKeyOf(layout, place), score as number, ...others];
}

/** The values of a place as an entry shows them. */
export function entryValues({ layout }: WithLayout, place: PlaceKey): EntryValues {
  const [score, ...others] = valuesOf(layout, place);
  const values: EntryValues = { score: score as number };
  if (others.length > 0) {
    const named = others.map((value, i) => [layout.columns[i + 1]!.column.name, value] as const);
    values.columns = Object.fromEntries(named);
  }
  return values;
}

function valuesOf({ kind, head, tail, columns }: Layout, { key, rest }: PlaceKey): (number | string)[] {
  if (kind === "packed") return unpackKey(head, key);
  // 0 − 0 is 0 where −0 would be −0.
  const values: (number | string)[] =
    head.columns.length > 0 ? unpackKey(head, key) : [columns[0]!.direction === 1 ? key : 0 - key];
  let at = 0;
  for (const column of tail) {
    values.push(valueAt(column, rest, at));
    at += column.length;
  }
  return values;
}

function scoreOf({ head, columns }: Layout, coded: readonly Coded[]): number {
  if (head.columns.length > 0) return packKey(head, coded as number[], 0);
  return columns[0]!.direction === 1 ? (coded[0] as number) : 0 - (coded[0] as number);
}

/** The columns of the rest, as many as there are values for. */
function restText({ tail, columns }: Layout, coded: readonly Coded[]): string {
  let text = "";
  for (let i = columns.length - tail.length; i < coded.length; i++) text += wordOf(columns[i]!, coded[i]!);
  return text;
}

function wordOf(column: ColumnLayout, coded: Coded): string {
  if (column.type === "float") return floatText(coded as number, column.direction);
  if (column.type === "int64") return int64Text(coded as bigint, column.direction);
  return digitText(digitOf(column, coded as number), column.length);
}

function valueAt(column: ColumnLayout, rest: string, at: number): number | string {
  if (column.type === "float") return floatAt(rest, at, column.direction);
  if (column.type === "int64") return String(int64At(rest, at, column.direction));
  return digitValue(column, digitAt(rest, at, column.length));
}
