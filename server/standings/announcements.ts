/**
 * Which changes of rank are announced, to whom, and when.
 *
 * A member's own change and any change in the published top go out at once; below, a change that is small beside the rank waits until
 * nothing has moved for a while, and what is stated as `error` covers it. Under the budget of sends the largest relative changes go first.
 */
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import type { Passing } from "./published-top.ts";
import type { RankedMembers } from "./ranked-members.ts";
import type { SendBudget } from "./send-budget.ts";

/** Takes each standing to one follower. It costs of the budget. */
export type StandingListener = (standing: Standing) => void;
/** Hears that a member's standing has visibly changed. Costs nothing. */
export type MovedListener = () => void;

type Followers = { standing: Set<StandingListener>; moved: Set<MovedListener> };

export class Announcements {
  readonly #members: RankedMembers;
  readonly #standing: (slot: number) => Standing | undefined;
  readonly #budget: SendBudget;
  readonly #followers = new Map<number, Followers>();
  /** Slots to announce, with how much each has changed relative to its rank; own changes are infinite. */
  readonly #due = new Map<number, number>();
  readonly #passed = new Map<number, Passing>();

  constructor(options: {
    members: RankedMembers;
    standing: (slot: number) => Standing | undefined;
    budget: SendBudget;
  }) {
    this.#members = options.members;
    this.#standing = options.standing;
    this.#budget = options.budget;
  }

  /** @returns what ends it */
  listen(slot: number, kind: { standing?: StandingListener; moved?: MovedListener }): () => void {
    const { standing, moved } = kind;
    const followers = this.#followers.get(slot) ?? { standing: new Set(), moved: new Set() };
    this.#followers.set(slot, followers);
    if (standing) followers.standing.add(standing);
    if (moved) followers.moved.add(moved);
    return () => {
      if (standing) followers.standing.delete(standing);
      if (moved) followers.moved.delete(moved);
    };
  }

  /** Nobody follows the slot any more. */
  forget(slot: number): void {
    this.#followers.delete(slot);
    this.#due.delete(slot);
    this.#passed.delete(slot);
  }

  /** The member's own place has changed. */
  own(slot: number): void {
    this.#due.set(slot, Number.POSITIVE_INFINITY);
  }

  /** Something moved in the published top: any change of the member's rank is announced. */
  inTop(slot: number): void {
    const standing = this.#differs(slot);
    if (!standing) return;
    const rank = standing.rank ?? 0;
    const change = Math.abs(rank - this.#members.announced[slot]!) / Math.max(1, rank);
    this.#due.set(slot, Math.max(change || 1, this.#due.get(slot) ?? 0));
  }

  /** The standing as it now is, where it is another one than what was announced. */
  #differs(slot: number): Standing | undefined {
    const standing = this.#standing(slot);
    const { announced, announcedError } = this.#members;
    const same =
      standing && (standing.rank ?? 0) === announced[slot] && standing.error === announcedError[slot];
    return same ? undefined : standing;
  }

  /** Who passed the member, or was passed, since the last frame; told with its next standing. */
  passed(slot: number, { overtakenBy, overtook }: Passing): void {
    if (overtakenBy.length === 0 && overtook.length === 0) return;
    const before = this.#passed.get(slot);
    const join = (now: string[], earlier: string[] = []): string[] =>
      [...new Set([...now, ...earlier])].slice(0, 5);
    this.#passed.set(slot, {
      overtakenBy: join(overtakenBy, before?.overtakenBy),
      overtook: join(overtook, before?.overtook),
    });
  }

  /** Ranks below the top that are to be announced, those that changed most first. */
  moved(slots: readonly number[]): void {
    const { announced, ranks } = this.#members;
    for (const slot of slots) {
      const change = Math.abs(ranks[slot]! - announced[slot]!) / ranks[slot]!;
      this.#due.set(slot, Math.max(Number.isNaN(change) ? 1 : change, this.#due.get(slot) ?? 0));
    }
  }

  /** Announce what is due, as far as the budget goes. */
  flush(): void {
    if (this.#due.size === 0) return;
    const due = [...this.#due].sort(([, a], [, b]) => b - a || 0);
    const costs = (slot: number): boolean => (this.#followers.get(slot)?.standing.size ?? 0) > 0;
    let left = this.#budget.take(due.reduce((count, [slot]) => count + (costs(slot) ? 1 : 0), 0));
    for (const [slot] of due) {
      if (!costs(slot)) this.#announce(slot);
      else if (left > 0 && this.#announce(slot)) left--;
    }
  }

  /** Slots that are due and whose standing neither the top nor an index knows yet. */
  unknown(): number[] {
    return [...this.#due.keys()].filter((slot) => this.#standing(slot) === undefined);
  }

  /** Tell the followers where the member stands now. @returns false when that is not known yet: it stays due */
  #announce(slot: number): boolean {
    const standing = this.#standing(slot);
    return standing ? this.announce(slot, standing) : false;
  }

  /** Tell the followers of a standing. @returns whether there are any */
  announce(slot: number, standing: Standing): boolean {
    this.#due.delete(slot);
    const passing = this.#passed.get(slot);
    this.#passed.delete(slot);
    this.note(slot, standing);
    const followers = this.#followers.get(slot);
    if (!followers) return false;
    const told: Standing = { ...standing };
    if (passing && passing.overtakenBy.length > 0) told.overtakenBy = passing.overtakenBy;
    if (passing && passing.overtook.length > 0) told.overtook = passing.overtook;
    for (const listener of followers.standing) listener(told);
    for (const listener of followers.moved) listener();
    return true;
  }

  /** Remember what was said of a member, by an announcement or by an answer. */
  note(slot: number, { rank, error }: Standing): void {
    this.#members.announced[slot] = rank ?? 0;
    this.#members.announcedError[slot] = error;
  }
}
