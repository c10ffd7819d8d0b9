/** The followed members that are in the published top: which they are, and what a frame means to them. */
import type { Row } from "../../client-sdk/protocol/messages.ts";
import type { BoardFeed } from "../feed/board-feed.ts";
import { sortKeyOf } from "../leaderboard/codec.ts";
import type { Announcements } from "./announcements.ts";
import type { LiveBoard } from "./board-standings.ts";
import { PublishedTop } from "./published-top.ts";
import type { RankedMembers } from "./ranked-members.ts";
import type { TrackedPlaces } from "./tracked-places.ts";

export type PublishedMembersOptions = {
  board: LiveBoard;
  feed: BoardFeed;
  now: () => number;
  members: RankedMembers;
  places: TrackedPlaces;
  announcements: Announcements;
  /** The feed and the shard disagree about a member: the shard is to be asked. */
  hint: (member: string) => void;
};

export class PublishedMembers {
  readonly #options: PublishedMembersOptions;
  readonly top: PublishedTop;
  /** Slots that the published top knows better than the index does. */
  readonly #inside = new Set<number>();
  #at: number;

  constructor(options: PublishedMembersOptions) {
    this.#options = options;
    this.top = new PublishedTop(options.board.open.board.ties);
    this.top.advance(options.feed.rows);
    this.#at = options.now();
  }

  /** When the published rows were last taken: ms since the Unix epoch. */
  get at(): number {
    return this.#at;
  }

  /** See whether the published top knows a member better than the index does. */
  note(slot: number): void {
    const { members } = this.#options;
    const sortKey = this.#sortKey(slot);
    const inside = sortKey !== undefined && this.top.rankOf(sortKey, members.nameOf(slot)) !== undefined;
    members.inTop[slot] = inside ? 1 : 0;
    if (inside) this.#inside.add(slot);
    else this.#inside.delete(slot);
  }

  forget(slot: number): void {
    this.#inside.delete(slot);
  }

  /** The feed has moved on: look at the followed members that are published, or were until now. */
  advance(changed: ReadonlySet<string>): void {
    const { feed, now, members, announcements } = this.#options;
    this.top.advance(feed.rows);
    this.#at = now();
    const affected = new Set(this.#inside);
    for (const [member] of this.top.rows) {
      const slot = members.slotOf(member);
      if (slot !== undefined) affected.add(slot);
    }
    for (const slot of affected) this.#look(slot, changed);
    announcements.flush();
  }

  #look(slot: number, changed: ReadonlySet<string>): void {
    const { members, announcements, hint } = this.#options;
    const member = members.nameOf(slot);
    const published = this.top.of(member);
    announcements.passed(slot, this.top.passing(member, changed));
    if (published && published.row[1] !== this.#sortKey(slot)) {
      // The feed tells of a change that the shard has not been asked about yet, or of one that is older than what is known here.
      hint(member);
      return;
    }
    const was = members.inTop[slot] === 1;
    this.note(slot);
    if (was && members.inTop[slot] === 0) announcements.own(slot);
    else announcements.inTop(slot);
  }

  #sortKey(slot: number): Row[1] | undefined {
    const place = this.#options.places.placeOf(slot);
    return place && sortKeyOf(this.#options.board.open.layout, place);
  }
}
