/**
 * Who has passed a member since an instant: behind it by their keys then, ahead by their keys now. Those who moved are in the score log;
 * those whom the member itself fell behind are between its place then and its place now.
 */

import type { EntryKey } from "../archive/log-entry.ts";
import {
  changesSince,
  hasLogGaps,
  livesOf,
  mirroredEntry,
  type PastChange,
} from "../archive/member-changes.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { decodeCursor, type Place } from "../leaderboard/page-cursor.ts";
import { comparePlaces, type Reader } from "../leaderboard/reader.ts";
import { compareKeys } from "./series.ts";

export type PassedMember = {
  /** Where the member is now. */
  place: Place;
  /** Where it was then; undefined: not on the board. */
  before: EntryKey | undefined;
  /** When its entry last changed; undefined where it was not it that moved. */
  atMs: number | undefined;
};

export type Passed = {
  /** As asked, or later where one question would have looked at more: the answer is that of this instant. */
  sinceMs: number;
  complete: boolean;
  /** Where the member itself was then; undefined: not on the board, so that nobody could pass it. */
  before: EntryKey | undefined;
  /** All of them, best first. */
  passed: PassedMember[];
};

/** Members of one question to the shards, and pages of the board that are looked through. */
const STEP = 1_000;
const PAGES_MAX = 5;

export class PassedMembers {
  readonly #database: Database;
  readonly #reader: Reader;
  readonly #rowsMax: number;

  /** @param rowsMax changes that one question looks at */
  constructor(options: { database: Database; reader: Reader; rowsMax: number }) {
    this.#database = options.database;
    this.#reader = options.reader;
    this.#rowsMax = options.rowsMax;
  }

  /** Of the present season. @throws AppError member_not_found, unavailable */
  async since(open: OpenBoard, member: string, sinceMs: number): Promise<Passed> {
    const [own] = await this.#reader.places(open, [member]);
    if (!own) {
      const message = `"${member}" is not on board "${open.board.id}".`;
      throw new AppError("member_not_found", { message });
    }
    const of = { board: open.board.id, season: open.season.number };
    const lives = await livesOf(this.#database, of);
    const budget = { shards: open.shards.length, max: this.#rowsMax };
    const { changes, fromMs } = await changesSince(this.#database, lives, sinceMs, budget);
    const moved = movesOf(changes);
    const ownMove = moved.get(member);
    const before = ownMove ? ownMove.old : await mirroredEntry(this.#database, of, member);
    const hasGaps = await hasLogGaps(this.#database, lives, { sinceMs });
    const complete = fromMs === sinceMs && !hasGaps;
    if (!before) return { sinceMs: fromMs, complete, before: undefined, passed: [] };
    const unmoved = compareKeys(before, own) < 0 ? await this.#between(open, before, own) : undefined;
    const members = new Set(unmoved?.members);
    for (const [who, { old, now }] of moved) {
      if (compareKeys(old, before) > 0 && compareKeys(now, own) < 0) members.add(who);
    }
    members.delete(member);
    const passed = (await this.#places(open, [...members])).flatMap((place): PassedMember[] => {
      const move = moved.get(place.member);
      const then = move ? move.old : place;
      if (compareKeys(then, before) <= 0 || compareKeys(place, own) >= 0) return [];
      return [{ place, before: then, atMs: move?.atMs }];
    });
    passed.sort((a, b) => comparePlaces(a.place, b.place));
    return { sinceMs: fromMs, complete: complete && (unmoved?.whole ?? true), before, passed };
  }

  /** Who is on the board between two places of a member that fell back. */
  async #between(
    open: OpenBoard,
    from: EntryKey,
    own: Place,
  ): Promise<{ members: string[]; whole: boolean }> {
    const members: string[] = [];
    let after: Place = { ...from, member: "" };
    for (let page = 0; page < PAGES_MAX; page++) {
      const { entries, cursor } = await this.#reader.page(open, after, STEP);
      const found = entries.map(({ member }) => member);
      members.push(...found);
      if (cursor === undefined || found.includes(own.member)) return { members, whole: true };
      after = decodeCursor(open, cursor);
      if (comparePlaces(after, own) >= 0) return { members, whole: true };
    }
    return { members, whole: false };
  }

  async #places(open: OpenBoard, members: string[]): Promise<Place[]> {
    const places: Place[] = [];
    for (let i = 0; i < members.length; i += STEP) {
      places.push(...(await this.#reader.places(open, members.slice(i, i + STEP))));
    }
    return places;
  }
}

type Move = { old: EntryKey | undefined; now: EntryKey | undefined; atMs: number };

/** What all changes of each member make together. @param changes of one member the newest first */
function movesOf(changes: readonly PastChange[]): Map<string, Move> {
  const moves = new Map<string, Move>();
  for (const { member, atMs, old, now } of changes) {
    const known = moves.get(member);
    if (known) known.old = old;
    else moves.set(member, { old, now, atMs });
  }
  return moves;
}
