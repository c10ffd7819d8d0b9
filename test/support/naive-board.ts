/** The naive model of a board: an array, sorted on demand. What every ranking test is compared with. */
import type { Column } from "../../client-sdk/protocol/messages.ts";
import type { Board } from "../../server/leaderboard/board.ts";

/** Text for 64-bit integers. */
export type Value = number | string;
export type NaiveEntry = { member: string; values: Value[]; reachedAt: number };
export type NaiveSubmission = { member: string; values: Value[]; id: string; at: number };
export type NaiveOutcome = "a" | "u" | "d" | "r";

export class NaiveBoard {
  readonly #board: Board;
  readonly entries = new Map<string, NaiveEntry>();
  readonly #ids = new Set<string>();

  constructor(board: Board) {
    this.#board = board;
  }

  submit({ member, values, id, at }: NaiveSubmission): NaiveOutcome {
    const key = JSON.stringify([member, id]);
    const remembers = id !== "" && this.#board.operator !== "best";
    if (remembers && this.#ids.has(key)) return "d";
    const outcome = this.#apply(member, values, at);
    if (remembers && outcome !== "r") this.#ids.add(key);
    return outcome;
  }

  /** Whether the id has counted already. */
  knows({ member, id }: NaiveSubmission): boolean {
    return id !== "" && this.#board.operator !== "best" && this.#ids.has(JSON.stringify([member, id]));
  }

  /** What would come of it, and of the score; nothing is changed. */
  would({ member, values, at }: NaiveSubmission): { outcome: NaiveOutcome; score: number } {
    const old = this.entries.get(member);
    const outcome = this.#apply(member, values, at);
    const score = Number(this.entries.get(member)?.values[0] ?? 0);
    if (old) this.entries.set(member, old);
    else this.entries.delete(member);
    return { outcome, score };
  }

  #apply(member: string, values: Value[], at: number): NaiveOutcome {
    const { operator, columns } = this.#board;
    const old = this.entries.get(member);
    let next = values.map((value, i) => shown(columns[i]!, value));
    if (operator === "incr" || operator === "decr") {
      const sign = operator === "incr" ? 1 : -1;
      next = columns.map((column, i) => {
        const scale = column.type === "decimal" ? 10 ** column.decimals : 1;
        const scaled = (value: Value): number => Math.round(Number(value) * scale);
        return (scaled(old?.values[i] ?? 0) + sign * scaled(values[i]!)) / scale;
      });
    }
    if (next.some((value, i) => outside(columns[i]!, value))) return "r";
    if (old && this.#compareValues(next, old.values) === 0) return "u";
    if (operator === "best" && old && this.#compareValues(next, old.values) > 0) return "u";
    this.entries.set(member, { member, values: next, reachedAt: at });
    return "a";
  }

  /** Negative when `a` is better, on as many columns as `a` has. */
  #compareValues(a: Value[], b: Value[]): number {
    for (const [i, value] of a.entries()) {
      const difference = compare(value, b[i]!);
      if (difference !== 0) return this.#board.columns[i]!.order === "desc" ? -difference : difference;
    }
    return 0;
  }

  #compare(a: NaiveEntry, b: NaiveEntry): number {
    const { ties } = this.#board;
    const time =
      ties === "earliest" ? a.reachedAt - b.reachedAt : ties === "latest" ? b.reachedAt - a.reachedAt : 0;
    return (
      this.#compareValues(a.values, b.values) ||
      time ||
      Buffer.compare(Buffer.from(a.member), Buffer.from(b.member))
    );
  }

  /** Best first, with ranks. */
  ranked(): { member: string; values: Value[]; rank: number }[] {
    const sorted = [...this.entries.values()].sort((a, b) => this.#compare(a, b));
    const shared = this.#board.ties === "shared";
    return sorted.map(({ member, values }, i) => {
      const better = sorted.filter((other) => this.#compareValues(other.values, values) < 0).length;
      return { member, values, rank: 1 + (shared ? better : i) };
    });
  }

  /** The rank of values that nobody need have, of all columns or the first few: 1 + members strictly better on these. */
  rankOf(values: Value[]): number {
    const better = [...this.entries.values()].filter(
      ({ values: own }) => this.#compareValues(values, own) > 0,
    );
    return 1 + better.length;
  }
}

/** A value as it is answered. */
function shown({ type }: Column, value: Value): Value {
  if (type === "int64") return String(BigInt(value));
  // −0 is 0.
  return value === 0 ? 0 : value;
}

function outside(column: Column, value: Value): boolean {
  if (column.type === "int64") return false;
  const { min = -Number.MAX_VALUE, max = Number.MAX_VALUE } = column;
  return Number(value) < min || Number(value) > max;
}

function compare(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0;
}
