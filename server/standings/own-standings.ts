/**
 * Members of one board who follow themselves. While one is in sight, this only passes on what everybody is told. Who is hidden is told
 * the score and no rank; a shadow the rank that it would have, so that nothing tells it: looked up in the member's shard when something
 * hints at it, and again as the board changes, within the budget of reads.
 */
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Reader } from "../leaderboard/reader.ts";
import { type UnseenEntry, unseenEntries } from "../leaderboard/unseen-entries.ts";
import type { RedisStore } from "../redis/store.ts";
import type { BoardStandings, LiveBoard } from "./board-standings.ts";
import { hiddenStanding, saysTheSame, shadowStanding } from "./own-standing.ts";
import { SMALL_CHANGE } from "./ranked-members.ts";
import type { SendBudget } from "./send-budget.ts";

export type OwnStandingsOptions = {
  redis: RedisStore;
  hasher: Hasher;
  reader: Reader;
  board: LiveBoard;
  standings: BoardStandings;
  reads: SendBudget;
  sends: SendBudget;
  onError: (error: unknown) => void;
};

type Listener = (standing: Standing) => void;

type Followed = {
  member: string;
  listeners: Set<Listener>;
  told: Standing;
  toldAt: number;
  /** The board's changes when it was last looked up, and when that was. */
  changes: number;
  lookedAt: number;
};

/** Members looked up at once. */
const LOOKED_UP_MAX = 200;
/** Look-ups and counts on shards that cost as much as reading one window. */
const COUNTS_PER_READ = 64;
/** From one look to the next while only others change: below the published top, and for who has no entry or is hidden. */
const BELOW_TOP_MS = 1_000;
const UNRANKED_MS = 5_000;
/** As for others, a small change below the top waits, but not longer. */
const HELD_BACK_MS = 4_000;

export class OwnStandings {
  readonly #options: OwnStandingsOptions;
  readonly #followed = new Map<string, Followed>();
  /** Those of them who were not in sight when they were last told something. */
  readonly #unseen = new Set<Followed>();
  /** Those whom something hinted at. */
  readonly #nudged = new Set<Followed>();
  readonly #nudges = new Map<string, Set<() => void>>();
  #looking = false;

  constructor(options: OwnStandingsOptions) {
    this.#options = options;
  }

  /** The member's entry, if others do not see it. @throws AppError store_lost, unavailable */
  async entryOf(member: string): Promise<UnseenEntry | undefined> {
    const { redis, hasher, board } = this.#options;
    return (await unseenEntries(redis, hasher, board.open, [member])).unseen.get(member);
  }

  /** What a member is told who was found to be absent. @throws AppError store_lost, unavailable */
  async answerFor(member: string, absent: Standing): Promise<Standing> {
    const entry = await this.entryOf(member);
    return entry ? (await this.#standings([entry]))[0]! : absent;
  }

  /** Follow oneself, from an answer that was given in this turn. @returns what ends it */
  follow(member: string, answer: Standing, listener: Listener): () => void {
    const followed = this.#followed.get(member) ?? this.#begin(member, answer);
    followed.listeners.add(listener);
    if (!saysTheSame(followed.told, answer)) this.#nudged.add(followed);
    const stop = this.#options.standings.listen(member, {
      standing: (standing) => this.#heard(followed, standing, listener),
    });
    return () => {
      stop();
      followed.listeners.delete(listener);
      if (followed.listeners.size > 0) return;
      this.#followed.delete(member);
      this.#unseen.delete(followed);
      this.#nudged.delete(followed);
    };
  }

  #begin(member: string, told: Standing): Followed {
    const now = performance.now();
    const { changes } = this.#options.standings;
    const listeners = new Set<Listener>();
    const followed = { member, listeners, told, toldAt: now, changes, lookedAt: now };
    this.#followed.set(member, followed);
    const isSeen = this.#options.standings.placeOf(member) !== undefined;
    if (!isSeen) this.#unseen.add(followed);
    // What it was hinted at while the answer was made went by.
    if (!isSeen && told.score !== undefined) this.#nudged.add(followed);
    return followed;
  }

  /** What everybody is told: true for the member too while there is a rank. */
  #heard(followed: Followed, standing: Standing, listener: Listener): void {
    if (standing.rank === null) {
      this.#nudged.add(followed);
      this.#unseen.add(followed);
      return;
    }
    this.#unseen.delete(followed);
    this.#nudged.delete(followed);
    followed.told = standing;
    followed.toldAt = performance.now();
    listener(standing);
  }

  /** Hear when something hints at a member. @returns what ends it */
  onNudge(member: string, nudge: () => void): () => void {
    const nudges = this.#nudges.get(member) ?? new Set();
    this.#nudges.set(member, nudges);
    nudges.add(nudge);
    return () => {
      nudges.delete(nudge);
      if (nudges.size === 0) this.#nudges.delete(member);
    };
  }

  /** Members are said to have moved: those who are out of sight are looked up next. */
  nudge(members: Iterable<string>): void {
    for (const member of members) {
      const followed = this.#followed.get(member);
      if (followed && this.#unseen.has(followed)) this.#nudged.add(followed);
      for (const nudge of this.#nudges.get(member) ?? []) nudge();
    }
  }

  /** A few times a second: look up who is due, those that something hinted at first. */
  beat(): void {
    if (this.#looking || this.#unseen.size === 0) return;
    const looked = this.#due();
    if (looked.length === 0) return;
    const { shards } = this.#options.board.open;
    const counts = looked.filter(({ told }) => told.rank !== null).length;
    const cost = Math.ceil((looked.length + counts * shards.length) / COUNTS_PER_READ);
    if (!this.#options.reads.spend(cost)) return;
    this.#looking = true;
    this.#look(looked)
      .catch(this.#options.onError)
      .finally(() => {
        this.#looking = false;
      });
  }

  #due(): Followed[] {
    const now = performance.now();
    const due = new Set<Followed>();
    for (const one of this.#nudged) if (due.size < LOOKED_UP_MAX) due.add(one);
    for (const one of this.#unseen) {
      if (due.size >= LOOKED_UP_MAX) break;
      if (this.#isDue(one, now)) due.add(one);
    }
    return [...due];
  }

  #isDue({ told, changes, lookedAt }: Followed, now: number): boolean {
    if (told.rank !== null && now - lookedAt >= HELD_BACK_MS) return true;
    if (changes === this.#options.standings.changes) return false;
    const wait = told.rank === null ? UNRANKED_MS : told.position ? 0 : BELOW_TOP_MS;
    return now - lookedAt >= wait;
  }

  async #look(looked: readonly Followed[]): Promise<void> {
    const { redis, hasher, board, standings } = this.#options;
    for (const one of looked) {
      this.#nudged.delete(one);
      // To the end of the line.
      if (this.#unseen.delete(one)) this.#unseen.add(one);
      one.changes = standings.changes;
      one.lookedAt = performance.now();
    }
    try {
      const members = looked.map(({ member }) => member);
      const { unseen, seen } = await unseenEntries(redis, hasher, board.open, members);
      const made = new Map((await this.#standings([...unseen.values()])).map((one) => [one.member, one]));
      // In sight again: what everybody is told follows.
      standings.hint(seen);
      const inSight = new Set(seen);
      for (const one of looked) {
        if (this.#followed.get(one.member) !== one || inSight.has(one.member)) continue;
        if (standings.placeOf(one.member)) continue;
        const now = made.get(one.member) ?? standings.standingOf(one.member);
        if (now) this.#tell(one, now);
      }
    } catch (error) {
      for (const one of looked) if (this.#unseen.has(one)) this.#nudged.add(one);
      throw error;
    }
  }

  #tell(followed: Followed, standing: Standing): void {
    const { told, toldAt, listeners } = followed;
    if (saysTheSame(told, standing)) return;
    const isSmall =
      told.rank !== null &&
      standing.rank !== null &&
      told.score === standing.score &&
      !standing.position &&
      Math.abs(standing.rank - told.rank) <= SMALL_CHANGE * standing.rank;
    if (isSmall && performance.now() - toldAt < HELD_BACK_MS) return;
    if (this.#options.sends.take(1) === 0) {
      this.#nudged.add(followed);
      return;
    }
    followed.told = standing;
    followed.toldAt = performance.now();
    for (const listener of listeners) listener(standing);
  }

  /** Shadows are counted, all in one question. @throws AppError store_lost, unavailable */
  async #standings(entries: readonly UnseenEntry[]): Promise<Standing[]> {
    const { reader, board, standings } = this.#options;
    const places = entries.flatMap(({ place, shadow }) => (shadow ? [place] : []));
    if (places.length === 0) return entries.map(({ place }) => hiddenStanding(standings.sources, place));
    const { ranks, total } = await reader.ranksAt(board.open, places);
    const rankOf = new Map(places.map((place, i) => [place, ranks[i]!]));
    const { sources } = standings;
    return entries.map(({ place }) => {
      const rank = rankOf.get(place);
      return rank === undefined
        ? hiddenStanding(sources, place)
        : shadowStanding(sources, place, { rank, total });
    });
  }
}
