/**
 * The published top as standings need it: where everybody in it stands, and who has passed whom since the last frame.
 *
 * Ranks here are exact at the feed's position.
 */
import type { Row, SortKey, Ties } from "../../client-sdk/protocol/messages.ts";
import { compareMembers, ranksOf } from "../../client-sdk/protocol/rows.ts";

/** Names told of those who passed a member, or whom it passed. */
const NAMES_MAX = 5;

export type Passing = { overtakenBy: string[]; overtook: string[] };

export class PublishedTop {
  readonly #ties: Ties;
  #rows: readonly Row[] = [];
  #ranks: number[] = [];
  #at = new Map<string, number>();
  #before = new Map<string, number>();

  constructor(ties: Ties) {
    this.#ties = ties;
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  /** Of each row. */
  get ranks(): readonly number[] {
    return this.#ranks;
  }

  /** Take the next rows. What stood before is kept for `passing`. */
  advance(rows: readonly Row[]): void {
    this.#before = this.#at;
    this.#rows = rows;
    this.#ranks = ranksOf(rows, this.#ties);
    this.#at = new Map(rows.map(([member], i) => [member, i]));
  }

  /** The row of a member and its rank; undefined when the member is not published. */
  of(member: string): { row: Row; rank: number } | undefined {
    const at = this.#at.get(member);
    return at === undefined ? undefined : { row: this.#rows[at]!, rank: this.#ranks[at]! };
  }

  /** The rank that a place has among the published rows, a row of the same member left out; undefined when it comes after all of them. */
  rankOf(key: SortKey, member: string): number | undefined {
    const rows = this.#rows;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [other, sortKey] = rows[middle]!;
      const ahead =
        sortKey < key || (this.#ties !== "shared" && sortKey === key && compareMembers(other, member) < 0);
      if (ahead) low = middle + 1;
      else high = middle;
    }
    if (low === rows.length) return undefined;
    const own = this.#at.get(member);
    return 1 + low - (own !== undefined && own < low ? 1 : 0);
  }

  /** Who came from behind a member to before it since the last frame, and the other way round; nearest first. */
  passing(member: string, changed: ReadonlySet<string>): Passing {
    const now = this.#at.get(member);
    if (now === undefined) return { overtakenBy: [], overtook: [] };
    const was = this.#before.get(member) ?? Number.POSITIVE_INFINITY;
    const ahead: number[] = [];
    const behind: number[] = [];
    // Where the member itself did not move, only those who did can have passed it.
    for (const other of changed.has(member) ? this.#at.keys() : changed) {
      const at = this.#at.get(other);
      if (at === undefined || other === member || this.#rows[at]![1] === this.#rows[now]![1]) continue;
      const stood = this.#before.get(other) ?? Number.POSITIVE_INFINITY;
      if (at < now && stood > was) ahead.push(at);
      else if (at > now && stood < was) behind.push(at);
    }
    const names = (places: number[], order: 1 | -1): string[] =>
      places
        .sort((a, b) => order * (a - b))
        .slice(0, NAMES_MAX)
        .map((at) => this.#rows[at]![0]);
    return { overtakenBy: names(ahead, -1), overtook: names(behind, 1) };
  }
}
