/**
 * Live windows of one board: the entries round a member, and lists of members such as friends.
 *
 * A window is made again when a rank that it is about has visibly moved, at most once a second; now and then also when only others have
 * changed. Lists come from what is known here. What lies round a member comes from the published top where it reaches that far, else from
 * Redis, within a budget of reads: over it a window waits for its turn, and its `asOf` says how old it is.
 */
import type { LiveWindow, Standing, WindowEntry } from "../../client-sdk/protocol/messages.ts";
import { AppError } from "../base/errors.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, placeOf } from "../leaderboard/codec.ts";
import { comparePlaces, type Reader } from "../leaderboard/reader.ts";
import type { BoardStandings, LiveBoard } from "./board-standings.ts";
import type { OwnStandings } from "./own-standings.ts";
import type { SendBudget } from "./send-budget.ts";
import { completeStandings, unknownAmong } from "./unknown-standings.ts";

export type WindowQuestion =
  /** `isOwn`: the member itself asks. */
  | { kind: "around"; member: string; limit: number; isOwn?: boolean }
  | { kind: "members"; list: string; members: readonly string[] };

export type WindowsOptions = {
  board: LiveBoard;
  standings: BoardStandings;
  own: OwnStandings;
  reader: Reader;
  /** Windows read from Redis. */
  reads: SendBudget;
  sends: SendBudget;
  now: () => number;
  onError: (error: unknown) => void;
  /** Puts in what else windows of the board show. */
  complete: (open: OpenBoard, window: LiveWindow) => Promise<LiveWindow>;
};

type Followed = {
  question: WindowQuestion;
  onChange: (window: LiveWindow) => void;
  builtAt: number;
  /** The board's changes when it was made. */
  changes: number;
  dirtySince: number | undefined;
  building: boolean;
};

const AT_MOST_EVERY_MS = 1_000;
const AT_LEAST_EVERY_MS = 5_000;
/** Counts on shards that cost as much as reading one window. */
const COUNTS_PER_READ = 64;

export class Windows {
  readonly #options: WindowsOptions;
  readonly #followed = new Set<Followed>();

  constructor(options: WindowsOptions) {
    this.#options = options;
  }

  /** Follow a window that was made in this turn. @returns what ends it */
  follow(question: WindowQuestion, onChange: (window: LiveWindow) => void): () => void {
    const { standings, own } = this.#options;
    const followed: Followed = {
      question,
      onChange,
      builtAt: performance.now(),
      changes: standings.changes,
      dirtySince: undefined,
      building: false,
    };
    this.#followed.add(followed);
    const moved = (): void => {
      followed.dirtySince ??= performance.now();
    };
    const members = question.kind === "around" ? [question.member] : question.members;
    const stops = members.map((member) => standings.listen(member, { moved }));
    if (question.kind === "around" && question.isOwn) stops.push(own.onNudge(question.member, moved));
    return () => {
      for (const stop of stops) stop();
      this.#followed.delete(followed);
    };
  }

  /** A few times a second: make what is due, the one that has waited longest first. */
  beat(): void {
    const now = performance.now();
    const { standings, sends, reads } = this.#options;
    const due = [...this.#followed].filter((one) => isDue(one, now, standings.changes));
    due.sort((a, b) => (a.dirtySince ?? now) - (b.dirtySince ?? now));
    for (const followed of due) {
      const read = followed.question.kind === "around" && !this.#published(followed.question);
      if (read && reads.take(1) === 0) continue;
      if (sends.take(1) === 0) break;
      followed.building = true;
      this.#rebuild(followed).catch(this.#options.onError);
    }
  }

  async #rebuild(followed: Followed): Promise<void> {
    const { changes } = this.#options.standings;
    followed.dirtySince = undefined;
    try {
      const window = await this.build(followed.question);
      followed.changes = changes;
      if (this.#followed.has(followed)) followed.onChange(window);
    } catch (error) {
      followed.dirtySince ??= performance.now();
      throw error;
    } finally {
      followed.builtAt = performance.now();
      followed.building = false;
    }
  }

  /** The window as it is now. Its members are followed already. @throws AppError store_lost, unavailable */
  async build(question: WindowQuestion): Promise<LiveWindow> {
    const window =
      question.kind === "members"
        ? await this.#list(question)
        : (this.#published(question) ?? (await this.#read(question)));
    const { complete, board } = this.#options;
    return complete(board.open, window);
  }

  async #list({ list, members }: WindowQuestion & { kind: "members" }): Promise<LiveWindow> {
    const { board, standings, reader, now } = this.#options;
    const { open } = board;
    this.#pay(unknownAmong(standings, members).length * open.shards.length);
    const all = await completeStandings({ reader, now, open }, standings, members);
    const present = all.filter((standing) => standing.rank !== null);
    const order = (a: Standing, b: Standing): number => {
      const [x, y] = [standings.placeOf(a.member), standings.placeOf(b.member)];
      return x && y ? comparePlaces(x, y) : a.rank! - b.rank!;
    };
    const entries = present.sort(order).map((standing, i): WindowEntry => {
      const { rank, exact, error, member, score, columns } = standing;
      return {
        place: i + 1,
        rank: rank!,
        exact,
        error,
        member,
        score: score!,
        ...(columns ? { columns } : {}),
      };
    });
    const missing = all.filter(({ rank }) => rank === null).map(({ member }) => member);
    const asOf = Math.min(now(), ...all.map((standing) => standing.asOf));
    const total = Math.max(standings.feedTotal, ...all.map((standing) => standing.total));
    return { ...this.#heading(total, asOf), entries, kind: "members", list, missing };
  }

  /** From the published top, where the whole window lies in it and the member's row there is its present place. */
  #published({ member, limit }: WindowQuestion & { kind: "around" }): LiveWindow | undefined {
    const { board, standings, now } = this.#options;
    const { open } = board;
    const { top } = standings;
    const standing = standings.standingOf(member);
    if (!standing?.exact || standing.rank === null || !top.of(member)) return undefined;
    const { rows, ranks } = top;
    const at = rows.findIndex(([name]) => name === member);
    const above = Math.floor((limit - 1) / 2);
    const whole = rows.length < open.board.topSize;
    if (!whole && at + (limit - above) > rows.length) return undefined;
    const start = Math.max(0, Math.min(at - above, rows.length - limit));
    const entries = rows.slice(start, start + limit).map((row, i): WindowEntry => {
      const rank = ranks[start + i]!;
      return {
        place: i + 1,
        rank,
        exact: true,
        error: 0,
        member: row[0],
        ...entryValues(open, placeOf(row)),
      };
    });
    return { ...this.#heading(standing.total, now()), entries, kind: "around", member };
  }

  async #read(question: WindowQuestion & { kind: "around" }): Promise<LiveWindow> {
    const { board, standings, own, reader, now } = this.#options;
    const { open } = board;
    const { member, limit } = question;
    const asOf = now();
    const isSeen = standings.placeOf(member) !== undefined;
    const entry = !isSeen && question.isOwn ? await own.entryOf(member) : undefined;
    if (!isSeen && !entry?.shadow) {
      const nothing = {
        ...this.#heading(standings.feedTotal, asOf),
        entries: [],
        kind: "around" as const,
        member,
      };
      return entry ? { ...nothing, hidden: true, ...entryValues(open, entry.place) } : nothing;
    }
    const { entries, total } = entry
      ? await reader.aroundPlace(open, entry.place, limit)
      : await reader.around(open, member, limit);
    const lines = entries.map((entry, i): WindowEntry => ({ place: i + 1, exact: true, error: 0, ...entry }));
    return { ...this.#heading(total, asOf), entries: lines, kind: "around", member };
  }

  /** Counting on shards is for the time before a board's first index, and within the budget of reads. @throws AppError overloaded */
  #pay(counts: number): void {
    if (counts === 0 || this.#options.reads.spend(Math.ceil(counts / COUNTS_PER_READ))) return;
    const message = "The board's rank index is being counted for the first time.";
    throw new AppError("overloaded", { message, retryAfterMs: 1_000 });
  }

  #heading(total: number, asOf: number) {
    const { board, season } = this.#options.board.open;
    return { board: board.id, season: season.number, total, asOf };
  }
}

function isDue(
  { building, builtAt, dirtySince, changes }: Followed,
  now: number,
  changesNow: number,
): boolean {
  if (building) return false;
  if (dirtySince !== undefined) return now - builtAt >= AT_MOST_EVERY_MS;
  return changes !== changesNow && now - builtAt >= AT_LEAST_EVERY_MS;
}
