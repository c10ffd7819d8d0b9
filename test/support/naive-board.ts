/** The naive model of a board: an array, sorted on demand. What every ranking test is compared with. */
import type { Board } from "../../server/leaderboard/board.ts";

export type NaiveEntry = { member: string; values: number[]; reachedAt: number };
export type NaiveSubmission = { member: string; values: number[]; id: string; at: number };
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

  #apply(member: string, values: number[], at: number): NaiveOutcome {
    const { operator, columns } = this.#board;
    const old = this.entries.get(member);
    let next = values;
    if (operator === "incr" || operator === "decr") {
      const sign = operator === "incr" ? 1 : -1;
      next = columns.map(({ decimals }, i) => {
        const scale = 10 ** decimals;
        return (Math.round((old?.values[i] ?? 0) * scale) + sign * Math.round(values[i]! * scale)) / scale;
      });
    }
    if (next.some((value, i) => value < columns[i]!.min || value > columns[i]!.max)) return "r";
    if (old && this.#compareValues(next, old.values) === 0) return "u";
    if (operator === "best" && old && this.#compareValues(next, old.values) > 0) return "u";
    this.entries.set(member, { member, values: next, reachedAt: at });
    return "a";
  }

  /** Negative when `a` is better. */
  #compareValues(a: number[], b: number[]): number {
    for (const [i, { order }] of this.#board.columns.entries()) {
      const difference = order === "desc" ? b[i]! - a[i]! : a[i]! - b[i]!;
      if (difference !== 0) return difference;
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
  ranked(): { member: string; values: number[]; rank: number }[] {
    const sorted = [...this.entries.values()].sort((a, b) => this.#compare(a, b));
    const shared = this.#board.ties === "shared";
    return sorted.map(({ member, values }, i) => {
      const better = sorted.filter((other) => this.#compareValues(other.values, values) < 0).length;
      return { member, values, rank: 1 + (shared ? better : i) };
    });
  }

  /** Ranks of a hypothetical score: 1 + members strictly better on these columns. */
  rankOf(values: number[]): number {
    const { columns } = this.#board;
    const prefix = columns.slice(0, values.length);
    const better = [...this.entries.values()].filter(({ values: own }) => {
      for (const [i, { order }] of prefix.entries()) {
        const difference = order === "desc" ? own[i]! - values[i]! : values[i]! - own[i]!;
        if (difference !== 0) return difference > 0;
      }
      return false;
    });
    return 1 + better.length;
  }
}
