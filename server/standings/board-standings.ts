/**
 * The live ranks of one board in this process: of every member that somebody here follows, at any depth.
 *
 * In the published top a rank is exact and every change of it is announced with the frame that brought it. Below, members are ranked anew
 * from the rank index on each of its ticks, without asking Redis; changes that nobody would see wait, at most until nothing has moved
 * for some seconds. A member's own change is announced at once.
 */
import type { Frame, Row, Standing } from "../../client-sdk/protocol/messages.ts";
import type { BoardFeed } from "../feed/board-feed.ts";
import type { ViewListener } from "../feed/view.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { byOf } from "../leaderboard/fan-out.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Place } from "../leaderboard/page-cursor.ts";
import { rowOf } from "../leaderboard/reader.ts";
import type { RankIndex } from "../rank-index/rank-index.ts";
import type { RedisStore } from "../redis/store.ts";
import { Announcements, type MovedListener, type StandingListener } from "./announcements.ts";
import { PublishedTop } from "./published-top.ts";
import { RankedMembers } from "./ranked-members.ts";
import type { SendBudget } from "./send-budget.ts";
import { absentStanding, type Sources, standingOf } from "./standing-of.ts";
import { TrackedPlaces } from "./tracked-places.ts";

export type BoardStandingsOptions = {
  redis: RedisStore;
  hasher: Hasher;
  open: OpenBoard;
  feed: BoardFeed;
  index: RankIndex | undefined;
  budget: SendBudget;
  now: () => number;
  onError: (error: unknown) => void;
};

/** Own changes that come together within this are announced together. */
const TOGETHER_MS = 30;

export class BoardStandings implements ViewListener {
  readonly #options: BoardStandingsOptions;
  readonly #members: RankedMembers;
  readonly #places: TrackedPlaces;
  readonly #top: PublishedTop;
  readonly #announcements: Announcements;
  readonly #hinted = new Set<string>();
  /** Slots that the published top knows better than the index does. */
  readonly #inside = new Set<number>();
  #changes = 0;
  #feedAt = 0;
  #index: RankIndex | undefined;
  #nextIndex: RankIndex | undefined;
  #ticking = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: BoardStandingsOptions) {
    const { open, redis, hasher, feed, index, budget } = options;
    this.#options = options;
    this.#members = new RankedMembers({ shared: byOf(open) === "key" });
    const onMoved = (slot: number): void => this.#ownChange(slot);
    this.#places = new TrackedPlaces({ redis, hasher, open, members: this.#members, onMoved });
    this.#top = new PublishedTop(open.board.ties);
    this.#announcements = new Announcements({
      members: this.#members,
      standing: (slot) => this.#standing(slot),
      budget,
    });
    this.#takeTop();
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
    for (const member of members) this.#noteTop(this.#members.slotOf(member)!);
  }

  untrack(members: readonly string[]): void {
    const slots = members.map((member) => this.#members.slotOf(member)!);
    this.#places.untrack(members);
    members.forEach((member, i) => {
      if (this.#members.slotOf(member) !== undefined) return;
      this.#inside.delete(slots[i]!);
      this.#announcements.forget(slots[i]!);
    });
  }

  listen(member: string, kind: { standing?: StandingListener; moved?: MovedListener }): () => void {
    return this.#announcements.listen(this.#members.slotOf(member)!, kind);
  }

  /** Remember what was answered, so that it is not announced again. */
  answered(member: string, standing: Standing): void {
    this.#announcements.note(this.#members.slotOf(member)!, standing);
  }

  /** Grows with every change of the board that this process has heard of. */
  get changes(): number {
    return this.#changes;
  }

  get top(): PublishedTop {
    return this.#top;
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
    this.#takeTop();
    const changed = new Set([...set.map(([member]) => member), ...drop]);
    this.#topChanged(changed);
  }

  /** Another life of the feed: acknowledged writes may be gone, and with them what acknowledgements have told. */
  onSnapshot(): void {
    this.#takeTop();
    this.#places.startOver();
    this.hint(this.#members.members);
    this.#topChanged(new Set());
  }

  #takeTop(): void {
    this.#top.advance(this.#options.feed.rows);
    this.#feedAt = this.#options.now();
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
      this.#announcements.moved(this.#members.moved());
      this.#announcements.flush();
    }
  }

  #adopt(index: RankIndex): void {
    if (index.facts.ns.some((n, shard) => n !== this.#index?.facts.ns[shard])) this.#changes++;
    this.#index = index;
    this.#members.adopt(index);
  }

  #ownChange(slot: number): void {
    this.#noteTop(slot);
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
    }, TOGETHER_MS);
  }

  /** Whether the published top knows a member better than the index does. */
  #noteTop(slot: number): void {
    const sortKey = this.#sortKey(slot);
    const inside =
      sortKey !== undefined && this.#top.rankOf(sortKey, this.#members.nameOf(slot)) !== undefined;
    this.#members.inTop[slot] = inside ? 1 : 0;
    if (inside) this.#inside.add(slot);
    else this.#inside.delete(slot);
  }

  /** Look at the followed members that are published, or were until now. */
  #topChanged(changed: ReadonlySet<string>): void {
    this.#changes++;
    const affected = new Set(this.#inside);
    for (const [member] of this.#top.rows) {
      const slot = this.#members.slotOf(member);
      if (slot !== undefined) affected.add(slot);
    }
    for (const slot of affected) {
      const member = this.#members.nameOf(slot);
      const published = this.#top.of(member);
      this.#announcements.passed(slot, this.#top.passing(member, changed));
      if (published && published.row[1] !== this.#sortKey(slot)) {
        // The feed tells of a change that the shard has not been asked about yet, or of one that is older than what is known here.
        this.hint([member]);
        continue;
      }
      const was = this.#members.inTop[slot] === 1;
      this.#noteTop(slot);
      if (was && this.#members.inTop[slot] === 0) this.#announcements.own(slot);
      else this.#announcements.inTop(slot);
    }
    this.#announcements.flush();
  }

  #sortKey(slot: number): Row[1] | undefined {
    const place = this.#places.placeOf(slot);
    return place && rowOf(this.#options.open, place)[1];
  }

  #standing(slot: number): Standing | undefined {
    const sources = this.#sources();
    const member = this.#members.nameOf(slot);
    const place = this.#places.placeOf(slot);
    if (place) return standingOf(sources, place, this.#members.estimate(slot));
    return this.#members.ns[slot]! < 0 ? undefined : absentStanding(sources, member);
  }

  #sources(): Sources {
    const { open, feed, now } = this.#options;
    return {
      open,
      top: this.#top,
      position: feed.position,
      feedTotal: feed.total,
      feedAt: this.#feedAt,
      index: this.#index,
      nowMs: now(),
    };
  }
}
