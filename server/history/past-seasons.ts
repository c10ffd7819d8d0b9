/**
 * Archived seasons, answered from their final tables in the shapes of `leaderboard/reader.ts`: exact, at any depth, for ever, and without
 * a question to Redis.
 */
import type { Entry, EntryValues, RankAnswer } from "../../client-sdk/protocol/messages.ts";
import type { FinalRow, FinalTable } from "../archive/final-table.ts";
import { readFinal } from "../archive/final-table.ts";
import type { StoredSeasons } from "../archive/stored-seasons.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { BoardSeason, OpenBoard } from "../leaderboard/board.ts";
import { parseSeason } from "../leaderboard/board-schema.ts";
import { entryValues, prefixOf } from "../leaderboard/codec.ts";
import { encodeCursor, type Place } from "../leaderboard/page-cursor.ts";
import { type Page, percentileOf } from "../leaderboard/reader.ts";
import { derive } from "../leaderboard/season-steps.ts";
import { codedColumns } from "../leaderboard/values.ts";

/** Seasons whose rules and layout are kept ready. */
const KEPT_MAX = 500;

/** A season of the archive: rules as they were then. */
export type PastSeason = OpenBoard & { endedAtMs: number };

export type Percentiles = {
  total: number;
  percentiles: { percent: number; rank: number; score: number; exact: boolean; error: number }[];
};

export class PastSeasons {
  readonly #database: Database;
  readonly #stored: StoredSeasons;
  readonly #kept = new Map<string, PastSeason>();

  constructor(database: Database, stored: StoredSeasons) {
    this.#database = database;
    this.#stored = stored;
  }

  /** The board was deleted, and its tables may be too. */
  forget(board: string): void {
    for (const id of [...this.#kept.keys()]) if (id.startsWith(`${board} `)) this.#kept.delete(id);
  }

  /** Undefined when the archive has no final table of it. @throws AppError unavailable */
  async find(board: string, season: number): Promise<PastSeason | undefined> {
    const id = `${board} ${season}`;
    const kept = this.#kept.get(id);
    if (kept) return kept;
    const stored = await this.#stored.archived({ board, season });
    if (!stored) return undefined;
    const { board: rules, season: facts } = parseSeason(stored.definition) as BoardSeason;
    const open = derive({ board: rules, season: { ...facts, state: "closed" } });
    const past = { ...open, endedAtMs: stored.endedAt.getTime() };
    if (this.#kept.size >= KEPT_MAX) this.#kept.clear();
    this.#kept.set(id, past);
    return past;
  }

  count(open: OpenBoard): Promise<number> {
    return this.#ask(open, (table) => table.total());
  }

  /** @throws AppError member_not_found, unavailable */
  async rank(open: OpenBoard, member: string): Promise<RankAnswer> {
    const { ranked, total } = await this.members(open, [member], { ranks: true });
    const entry = ranked[0];
    if (!entry) throw notFound(open, member);
    const percentile = percentileOf(entry.rank, total);
    return { board: open.board.id, season: open.season.number, ...entry, exact: true, total, percentile };
  }

  /** Many members at once, best first; those who are not on the board are listed apart. */
  members(
    open: OpenBoard,
    members: string[],
    { ranks }: { ranks: boolean },
  ): Promise<{ ranked: Entry[]; missing: string[]; total: number }> {
    const unique = [...new Set(members)];
    return this.#ask(open, async (table) => {
      const rows = await table.members(unique);
      const hidden = ranks ? await table.hiddenBefore(rows.map(({ rank }) => rank)) : [];
      const ranked = rows.map((row, i): Entry => {
        const carried = open.board.metadata && row.metadata !== null ? { metadata: row.metadata } : {};
        const rank = ranks ? row.rank - hidden[i]! : 0;
        return { rank, member: row.member, ...entryValues(open, row), ...carried };
      });
      const found = new Set(rows.map(({ member }) => member));
      return { ranked, missing: unique.filter((member) => !found.has(member)), total: await table.total() };
    });
  }

  /** The entries round a member, about half of them better; shifted at the ends of the board. @throws AppError member_not_found, unavailable */
  around(open: OpenBoard, member: string, limit: number): Promise<{ total: number; entries: Entry[] }> {
    return this.#ask(open, async (table) => {
      const [own] = await table.members([member]);
      if (!own) throw notFound(open, member);
      const total = await table.total();
      const [hidden] = await table.hiddenBefore([own.ordinal]);
      const better = own.ordinal - 1 - hidden!;
      const wanted = Math.min(limit, total);
      const start = Math.max(0, Math.min(better - Math.floor((limit - 1) / 2), total - wanted));
      const [first] = await table.ordinalsOfShown([1 + start]);
      return { total, entries: await this.#ranked(open, table, await table.from(first!, wanted)) };
    });
  }

  /** The entries that follow a place, or the first ones. */
  page(open: OpenBoard, after: Place | undefined, limit: number): Promise<Page> {
    return this.#ask(open, async (table) => {
      const first = after ? await table.firstAfter(after) : 1;
      const rows = first === undefined ? [] : await table.from(first, limit + 1);
      return this.#page(open, table, rows, limit);
    });
  }

  /** The entries from an offset on, at any depth. */
  pageAt(open: OpenBoard, offset: number, limit: number): Promise<Page> {
    return this.#ask(open, async (table) => {
      const [first] = await table.ordinalsOfShown([1 + offset]);
      return this.#page(open, table, await table.from(first!, limit + 1), limit);
    });
  }

  /** The rank that a member with these values would have had: 1 + members strictly better on the columns given. */
  rankOfScore(
    open: OpenBoard,
    values: EntryValues,
  ): Promise<{ rank: number; total: number; percentile: number }> {
    const place = prefixOf(open.layout, codedColumns(open, values));
    return this.#ask(open, async (table) => {
      const total = await table.total();
      const ordinal = await table.firstAt(place);
      const [hidden] = ordinal === undefined ? [] : await table.hiddenBefore([ordinal]);
      const rank = ordinal === undefined ? 1 + total : ordinal - hidden!;
      return { rank, total, percentile: percentileOf(rank, Math.max(total, rank)) };
    });
  }

  /** The score that the best so many percent have at least; no lines on an empty board. */
  percentiles(open: OpenBoard, percents: readonly number[]): Promise<Percentiles> {
    return this.#ask(open, async (table) => {
      const total = await table.total();
      if (total === 0) return { total, percentiles: [] };
      const ranks = percents.map((percent) => Math.max(1, Math.floor((total * percent) / 100)));
      const ordinals = await table.ordinalsOfShown(ranks);
      const rows = new Map((await table.at(ordinals)).map((row) => [row.ordinal, row]));
      const percentiles = percents.map((percent, i) => {
        const { score } = entryValues(open, rows.get(ordinals[i]!)!);
        return { percent, rank: ranks[i]!, score, exact: true, error: 0 };
      });
      return { total, percentiles };
    });
  }

  async #page(open: OpenBoard, table: FinalTable, rows: FinalRow[], limit: number): Promise<Page> {
    const taken = rows.slice(0, limit);
    const last = taken.at(-1);
    const entries = await this.#ranked(open, table, taken);
    const cursor = last && rows.length > limit ? { cursor: encodeCursor(open, last) } : {};
    return { total: await table.total(), entries, ...cursor };
  }

  /** Rows that follow each other: all but the first's rank come from their order. */
  async #ranked(open: OpenBoard, table: FinalTable, rows: readonly FinalRow[]): Promise<Entry[]> {
    const first = rows[0];
    if (!first) return [];
    const [before, better] = await table.hiddenBefore([first.ordinal, first.rank]);
    const shown = first.ordinal - before!;
    let rank = first.rank - better!;
    return rows.map((row, i): Entry => {
      if (i > 0 && row.rank !== rows[i - 1]!.rank) rank = shown + i;
      return { rank, member: row.member, ...entryValues(open, row) };
    });
  }

  #ask<T>({ board, season }: OpenBoard, ask: (table: FinalTable) => Promise<T>): Promise<T> {
    return readFinal(this.#database, { board: board.id, season: season.number }, ask);
  }
}

function notFound({ board, season }: OpenBoard, member: string): AppError {
  const message = `"${member}" is not on board "${board.id}" in season ${season.number}.`;
  return new AppError("member_not_found", { message });
}
