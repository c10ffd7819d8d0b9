/**
 * The rows of the board. A row is placed by a transform, never by layout, and a CSS transition carries it to its new
 * place from wherever it is just then: frames may come faster than a move lasts.
 */
import type { BoardInfo, Entry, ProfileField } from "../../client-sdk/index.ts";
import { BoardRow } from "./board-row.ts";
import { type FormatNumber, formatGap } from "./number-format.ts";

export type BoardListOptions = {
  list: HTMLOListElement;
  /** Rows there is room for. */
  limit: number;
  onChoose: (member: string) => void;
};

export type BoardListState = {
  entries: readonly Entry[];
  order: BoardInfo["order"];
  format: FormatNumber;
  fields: readonly ProfileField[];
  followed: string | undefined;
  nowMs: number;
};

export class BoardList {
  readonly #options: BoardListOptions;
  readonly #rows = new Map<string, BoardRow>();

  constructor(options: BoardListOptions) {
    this.#options = options;
    const { list, limit, onChoose } = options;
    list.style.setProperty("--rows", String(limit));
    list.addEventListener("click", (event) => {
      const row = event.target instanceof Element ? event.target.closest<HTMLElement>("li") : null;
      if (row?.dataset.member !== undefined) onChoose(row.dataset.member);
    });
  }

  show({ entries, order, format, fields, followed, nowMs }: BoardListState): void {
    const leader = entries[0]?.score ?? 0;
    const gaps = entries.map(({ score }) => formatGap(leader, score, order, format));
    this.#makeRoom("--gap-chars", gaps);
    this.#makeRoom(
      "--score-chars",
      entries.map(({ score }) => format(score)),
    );
    entries.forEach((entry, index) => {
      const gap = gaps[index]!;
      this.#row(entry.member).show(entry, index, {
        gap,
        format,
        fields,
        followed: entry.member === followed,
        nowMs,
      });
    });
    this.#dropAllBut(new Set(entries.map(({ member }) => member)));
    this.#arrange(entries);
  }

  /** Every row is a grid of its own: that columns stand under each other, and hold the longest text, is said here. */
  #makeRoom(property: string, texts: readonly string[]): void {
    const chars = String(Math.max(0, ...texts.map(({ length }) => length)));
    // Around the list and the names of its columns.
    const { style } = this.#options.list.parentElement!;
    if (style.getPropertyValue(property) !== chars) style.setProperty(property, chars);
  }

  #row(member: string): BoardRow {
    let row = this.#rows.get(member);
    if (!row) {
      row = new BoardRow(member);
      this.#rows.set(member, row);
    }
    return row;
  }

  #dropAllBut(present: ReadonlySet<string>): void {
    for (const [member, row] of this.#rows) {
      if (present.has(member)) continue;
      this.#rows.delete(member);
      row.leave(this.#options.limit);
    }
  }

  /** The order in the document, which keyboard and screen reader follow. The eye follows the transforms. */
  #arrange(entries: readonly Entry[]): void {
    const { list } = this.#options;
    let place = list.firstElementChild;
    for (const { member } of entries) {
      const { element } = this.#rows.get(member)!;
      if (element === place) place = place.nextElementSibling;
      else if (!element.isConnected) list.insertBefore(element, place);
      // Unlike insertBefore it keeps focus and transitions alive. Browsers without it keep the order of arrival.
      else if ("moveBefore" in list) list.moveBefore(element, place);
    }
  }
}
