/** The best entries of a source by the board's own order, without keeping the others. */
import type { ReadColumns } from "./import-source.ts";

type Values = { score: number; columns?: Readonly<Record<string, number | string>> };

/** `values` are the columns in the board's order, as text. */
export type TopRow = { member: string; values: string[] };

export class TopOfSource {
  readonly #columns: ReadColumns;
  readonly #size: number;
  #kept = new Map<string, Values>();

  constructor(columns: ReadColumns, size: number) {
    this.#columns = columns;
    this.#size = size;
  }

  /** Of a member that comes again the last values stand. */
  add({ member, score, columns = {} }: Values & { member: string }): void {
    this.#kept.set(member, { score, columns });
    if (this.#kept.size >= 4 * this.#size) this.#kept = new Map(this.#best());
  }

  rows(): TopRow[] {
    return this.#best().map(([member, values]) => ({
      member,
      values: this.#columns.map((_, i) => String(this.#valueOf(values, i))),
    }));
  }

  /** Below 0 where the first is better, 0 where both are the same. */
  compare(a: Values, b: Values): number {
    for (const [i, { order }] of this.#columns.entries()) {
      const [x, y] = [this.#valueOf(a, i), this.#valueOf(b, i)];
      if (String(x) === String(y)) continue;
      // Whole numbers of 64 bits come as text.
      const isLess =
        typeof x === "string" && typeof y === "string" ? BigInt(x) < BigInt(y) : Number(x) < Number(y);
      return isLess === (order === "asc") ? -1 : 1;
    }
    return 0;
  }

  #best(): [string, Values][] {
    return [...this.#kept].sort(([, a], [, b]) => this.compare(a, b)).slice(0, this.#size);
  }

  #valueOf({ score, columns }: Values, index: number): number | string {
    return index === 0 ? score : (columns?.[this.#columns[index]!.name] ?? "");
  }
}
