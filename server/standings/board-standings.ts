/**
 * The live ranks of one board in this process: of every member that somebody here follows, at any depth.
 *
 * In the published top a rank is exact and every change of it is announced with the frame that brought it. Below, members are ranked anew
 * from the rank index on each of its ticks, without asking Redis; changes that nobody would see wait, at most until nothing has moved
 * for some seconds. A member's own change is announced at once.
 */
import type { Frame, Standing } from "../../client-sdk/protocol/messages.ts";
import type { BoardFeed } from "../feed/board-feed.ts";
import type { ViewListener } from "../feed/view.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, keyDecides } from "../leaderboard/codec.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import type { Reader } from "../leaderboard/reader.ts";
import type { RankIndex } from "../rank-index/rank-index.ts";
import type { RedisStore } from "../redis/store.ts";
import { Announcements, type MovedListener, type StandingListener } from "./announcements.ts";
import { PublishedMembers } from "./members-in-top.ts";
import type { PublishedTop } from "./published-top.ts";
import { RankedMembers } from "./ranked-members.ts";
import type { SendBudget } from "./send-budget.ts";
import { absentStanding, type Sources, standingOf } from "./standing-of.ts";
import { TrackedPlaces } from "./tracked-places.ts";
import { type Asked, completeStandings } from "./unknown-standings.ts";

/** The board as it now is: what changes live changes for all who hold this. */
export type LiveBoard = { open: OpenBoard };

export type BoardStandingsOptions = {
  redis: RedisStore;
  hasher: Hasher;
  reader: Reader;
  board: LiveBoard;
  feed: BoardFeed;
  index: RankIndex | undefined;
  budget: SendBudget;
  now: () => number;
  onError: (error: unknown) => void;
};

/** Own changes that come together within this are announced together. */
const TOGETHER_MS = 30;
/** Members counted exactly at once while there is no index. */
const COUNTED_MAX = 100;
/** Members below the top are looked at with every index, and at least this often for what has waited. */
const SCAN_MS = 1_000;

export class BoardStandings implements ViewListener {
  readonly #options: BoardStandingsOptions;
  readonly #members: RankedMembers;
  readonly #places: TrackedPlaces;
  readonly #published: PublishedMembers;
  readonly #announcements: Announcements;
  readonly #hinted = new Set<string>();
  #changes = 0;
  #scannedAt = 0;
  #index: RankIndex | undefined;
  #nextIndex: RankIndex | undefined;
  #ticking = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BoardStandingsOptions) {
    const { board, redis, hasher, feed, index, budget } = options;
    const { open } = board;
    this.#options = options;
    this.#members = new RankedMembers({ shared: keyDecides(open.layout) });
    const onMoved = (slot: number): void => this.#ownChange(slot);
    this.#places = new TrackedPlaces({ redis, hasher, open, members: this.#members, onMoved });
    this.#announcements = new Announcements({
      members: this.#members,
      standing: (slot) => this.#standing(slot),
      budget,
    });
    this.#published = new PublishedMembers({
      board,
      feed,
      now: options.now,
      members: this.#members,
      places: this.#places,
      announcements: this.#announcements,
      hint: (member) => this.hint([member]),
    });
    if (index) this.#adopt(index);
    feed.view("all").listeners.add(this);
  }

  get size(): number {
    return this.#places.size;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#options.feed.view("all").listeners.delete(this);
  }

  /** Follow members; resolves when their places are known. @throws AppError store_lost, unavailable */
  async track(members: readonly string[]): Promise<void> {
    await this.#places.track(members);
    for (const member of members) this.#published.note(this.#members.slotOf(member)!);
  }

  untrack(members: readonly string[]): void {
    const slots = members.map((member) => this.#members.slotOf(member)!);
    this.#places.untrack(members);
    members.forEach((member, i) => {
      if (this.#members.slotOf(member) !== undefined) return;
      this.#published.forget(slots[i]!);
      this.#announcements.forget(slots[i]!);
    });
  }

  listen(member: string, kind: { standing?: StandingListener; moved?: MovedListener }): () => void {
    const slot = this.#members.slotOf(member)!;
    // A window's answer says more than one rank; from here on its members are told of like any.
    if (Number.isNaN(this.#members.announced[slot]!)) this.#members.announced[slot] = 0;
    return this.#announcements.listen(slot, kind);
  }

  /** Where a member stands as a new follower is to be told. @throws AppError store_lost, unavailable */
  async answerFor(member: string): Promise<Standing> {
    return (await completeStandings(this.#asked(), this, [member]))[0]!;
  }

  /** Remember what was answered. Who follows already hears of it too, if it is news; and what came meanwhile is told next. */
  answered(member: string, standing: Standing): void {
    const slot = this.#members.slotOf(member)!;
    const { announced, announcedError } = this.#members;
    const news = announced[slot] !== (standing.rank ?? 0) || announcedError[slot] !== standing.error;
    const toldBefore = !Number.isNaN(announced[slot]!);
    this.#announcements.note(slot, standing);
    if ((toldBefore && news) || !this.#isOf(standing, slot)) {
      this.#announcements.own(slot);
      this.#soon();
    }
  }

  /** Grows with every change of the board that this process has heard of. */
  get changes(): number {
    return this.#changes;
  }

  get top(): PublishedTop {
    return this.#published.top;
  }

  get feedTotal(): number {
    return this.#options.feed.total;
  }

  /** The standing of a followed member; undefined while neither the top nor an index knows. */
  standingOf(member: string): Standing | undefined {
    return this.#standing(this.#members.slotOf(member)!);
  }

  placeOf(member: string): Place | undefined {
    return this.#places.placeOf(this.#members.slotOf(member)!);
  }

  /** A submission of this process was acknowledged. Costs a look into a map for members that nobody follows. */
  acknowledged(member: string, place: Place, n: number): void {
    this.#places.acknowledged(member, place, n);
  }

  /** Something says that these members have moved: look sooner than the next tick would. */
  hint(members: Iterable<string>): void {
    for (const member of members) if (this.#members.slotOf(member) !== undefined) this.#hinted.add(member);
    if (this.#hinted.size > 0) this.#soon();
  }

  onFrame({ set, drop }: Frame): void {
    this.#changes++;
    this.#published.advance(new Set([...set.map(([member]) => member), ...drop]));
  }

  /** Another life of the feed: acknowledged writes may be gone, and with them what acknowledgements have told. */
  onSnapshot(): void {
    this.#changes++;
    this.#places.startOver();
    this.hint(this.#members.members);
    this.#published.advance(new Set());
  }

  /** The next rank index. While one is being worked in, only the newest that came meanwhile is kept. */
  onIndex(index: RankIndex): void {
    this.#nextIndex = index;
    if (this.#ticking) return;
    this.#ticking = true;
    // Never rejects.
    void this.#tick().then(() => {
      this.#ticking = false;
    });
  }

  /** A few times a second: announce what has waited for its time or for the budget. */
  beat(): void {
    if (performance.now() - this.#scannedAt >= SCAN_MS) this.#scan();
    else this.#announcements.flush();
  }

  /** Look at everybody below the published top. */
  #scan(): void {
    this.#scannedAt = performance.now();
    this.#announcements.moved(this.#members.moved(this.#scannedAt));
    this.#announcements.flush();
  }

  async #tick(): Promise<void> {
    for (let index = this.#nextIndex; index && !this.#closed; index = this.#nextIndex) {
      this.#nextIndex = undefined;
      try {
        await this.#places.lookWhereDirty(index.facts.ns);
      } catch (error) {
        // The places stay as they are known; the next tick asks again.
        this.#options.onError(error);
      }
      this.#adopt(index);
      this.#scan();
    }
  }

  #adopt(index: RankIndex): void {
    if (index.facts.ns.some((n, shard) => n !== this.#index?.facts.ns[shard])) this.#changes++;
    this.#index = index;
    this.#members.adopt(index);
  }

  #ownChange(slot: number): void {
    this.#published.note(slot);
    // Nobody has been told anything yet: the answer to the question that brought the member here is still to come.
    if (Number.isNaN(this.#members.announced[slot]!)) return;
    this.#announcements.own(slot);
    this.#soon();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#closed) return;
      const hinted = [...this.#hinted];
      this.#hinted.clear();
      this.#announcements.flush();
      if (hinted.length > 0) this.#places.look(hinted).catch(this.#options.onError);
      if (!this.#index) this.#countUnknown().catch(this.#options.onError);
    }, TOGETHER_MS);
  }

  /** A board's first index takes a second or two to come: own changes are counted exactly until then. */
  async #countUnknown(): Promise<void> {
    const members = this.#announcements.unknown().map((slot) => this.#members.nameOf(slot));
    if (members.length === 0) return;
    const followed = members.slice(0, COUNTED_MAX);
    for (const standing of await completeStandings(this.#asked(), this, followed)) {
      const slot = this.#members.slotOf(standing.member);
      // One that moved again since stays due.
      if (slot !== undefined && this.#isOf(standing, slot)) this.#announcements.announce(slot, standing);
      else this.#soon();
    }
  }

  #asked(): Asked {
    const { reader, now, board } = this.#options;
    return { reader, now, open: board.open };
  }

  /** Whether a standing tells of the member's present place. */
  #isOf({ score, columns, rank }: Standing, slot: number): boolean {
    const place = this.#places.placeOf(slot);
    if (!place) return rank === null;
    const values = entryValues(this.#options.board.open, place);
    return values.score === score && JSON.stringify(values.columns) === JSON.stringify(columns);
  }

  #standing(slot: number): Standing | undefined {
    const sources = this.sources;
    const member = this.#members.nameOf(slot);
    const place = this.#places.placeOf(slot);
    if (place) return standingOf(sources, place, this.#members.estimate(slot));
    return this.#members.ns[slot]! < 0 ? undefined : absentStanding(sources, member);
  }

  /** What standings are made from at present. */
  get sources(): Sources {
    const { board, feed, now } = this.#options;
    return {
      open: board.open,
      top: this.#published.top,
      position: feed.position,
      feedTotal: feed.total,
      feedAt: this.#published.at,
      index: this.#index,
      nowMs: now(),
    };
  }
}
