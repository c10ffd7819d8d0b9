/**
 * Bans across boards: put and lifted here, carried out board by board by whichever process has the lease, from where the last one stopped.
 *
 * A ban leaves a mark in the member's shard of every board, also where it has no entry yet; boards and seasons that open later get theirs
 * before the first submission of a banned member that reaches them. Lifting takes only these marks away, so who was hidden on a board stays so.
 */

import type { BanSet, KnownBan } from "../bans/ban-set.ts";
import type { BanStore, NewBan } from "../bans/ban-store.ts";
import { AppError } from "../base/errors.ts";
import { Loop } from "../base/loop.ts";
import type { BanRow } from "../database/moderation-table-types.ts";
import { hintDirty, markActive } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { SIGHTS, type Sight, setSight } from "../leaderboard/direct-writes.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import type { Registry } from "../leaderboard/registry.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import type { Lease } from "../locks/lease.ts";
import type { RedisStore } from "../redis/store.ts";

export type BansOptions = {
  redis: RedisStore;
  registry: Registry;
  hasher: Hasher;
  limits: DedupLimits;
  store: BanStore;
  set: BanSet;
  lease: Lease;
  /** ms between two looks for what is to be carried out. */
  everyMs: number;
  now: () => number;
  /** A member may have moved on a board. Must not throw. */
  onMoved: (board: string, members: string[]) => void;
  /** After a board is done: tests end the process here. */
  onBoardDone?: (ban: BanRow, board: string) => void;
  onError: (error: unknown) => void;
};

const AT_ONCE = 50;
/** Members that are known to have their mark in a season; beyond them it is set once more, which changes nothing. */
const MARKED_MAX = 10_000;

export class Bans {
  readonly #options: BansOptions;
  readonly #loop: Loop;
  readonly #marked = new Set<string>();

  constructor(options: BansOptions) {
    this.#options = options;
    const step = (): Promise<void> => this.carryOut();
    this.#loop = new Loop({ everyMs: options.everyMs, step, onError: options.onError });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#options.lease.release().catch(() => undefined);
  }

  /** Ban a member everywhere: no gateway that has heard of it takes a submission of it openly any more. @throws AppError unavailable, too_many_items */
  async put(ban: NewBan): Promise<BanRow> {
    const { store, set } = this.#options;
    const row = await store.put(ban);
    await set.tell(row);
    this.#loop.nudge();
    return row;
  }

  /** @throws AppError ban_not_found, unavailable */
  async lift(member: string): Promise<BanRow> {
    const { store, set } = this.#options;
    const row = await store.lift(member);
    if (!row) throw new AppError("ban_not_found");
    await set.tell(row);
    this.#loop.nudge();
    return row;
  }

  /**
   * Before a submission of a member goes to its shard. A shadow's goes where nobody sees it.
   * @returns what to wait for, if anything: rejects with AppError unavailable. @throws AppError banned
   */
  admit(open: OpenBoard, member: string): Promise<void> | undefined {
    const ban = this.#options.set.banOf(member);
    if (!ban) return undefined;
    if (ban.mode === "hide") throw new AppError("banned");
    return this.#onceMarked(open, member, ban);
  }

  /**
   * Before an entry is put on a board by an import: it goes where the ban says. @returns as `admit`
   */
  markBanned(open: OpenBoard, member: string): Promise<void> | undefined {
    const ban = this.#options.set.banOf(member);
    return ban && this.#onceMarked(open, member, ban);
  }

  #onceMarked(open: OpenBoard, member: string, { version, mode }: KnownBan): Promise<void> | undefined {
    // A ban that was lifted elsewhere took its mark away; the next one has another version.
    const name = `${open.season.incarnation} ${version} ${member}`;
    if (this.#marked.has(name)) return undefined;
    return this.#markFirst(open, member, { name, sight: mode === "hide" ? SIGHTS.hidden : SIGHTS.shadow });
  }

  async #markFirst(
    open: OpenBoard,
    member: string,
    { name, sight }: { name: string; sight: Sight },
  ): Promise<void> {
    await this.#mark(open, member, sight);
    // Whoever lifted it meanwhile, unheard of here, may have been at this board before: then the mark goes again.
    const { set } = this.#options;
    await set.refresh();
    if (!set.banOf(member)) return this.#mark(open, member, SIGHTS.visible);
    if (this.#marked.size >= MARKED_MAX) this.#marked.clear();
    this.#marked.add(name);
  }

  /** One turn: whatever is due, as far as the lease lasts. @throws AppError unavailable */
  async carryOut(): Promise<void> {
    const { set, store, lease } = this.#options;
    if (!set.isDue || !(await lease.hold())) return;
    for (const row of await store.due(AT_ONCE)) {
      const hasRunOut =
        row.state !== "lifting" && row.until !== null && row.until.getTime() <= this.#options.now();
      const due = hasRunOut ? await store.lift(row.member) : row;
      if (due) await this.#carryOut(due);
    }
    await set.refresh();
  }

  async #carryOut(row: BanRow): Promise<void> {
    const { registry, store, set, lease, onBoardDone } = this.#options;
    const sight =
      row.state === "lifting" ? SIGHTS.visible : row.mode === "hide" ? SIGHTS.hidden : SIGHTS.shadow;
    await registry.refresh();
    for (const { board } of registry.list()) {
      if (row.progress !== null && board.id <= row.progress) continue;
      if (!(await lease.hold())) return;
      for (const open of this.#seasonsOf(board.id)) await this.#mark(open, row.member, sight);
      if (!(await store.advance(row, board.id))) return;
      onBoardDone?.(row, board.id);
    }
    if (!(await store.finish(row))) return;
    await set.tell({ ...row, state: "active" }, { over: row.state === "lifting" });
    if (row.state === "lifting") this.#marked.clear();
  }

  #seasonsOf(board: string): OpenBoard[] {
    const { registry } = this.#options;
    const record = registry.record(board);
    if (!record) return [];
    const seasons = [record, ...(record.next ? [record.next] : []), ...record.closing];
    return seasons.flatMap(({ season }) => registry.hot(board, season.number) ?? []);
  }

  /** A board whose data is lost has nothing to mark. */
  async #mark(open: OpenBoard, member: string, sight: Sight): Promise<void> {
    const { redis, hasher, limits, now, onMoved } = this.#options;
    const shard = hasher.shardOf(member, open.board.shards);
    try {
      const { members } = await setSight(redis, open, shard, [member], { by: "ban", sight, limits });
      if (members[0]?.key === undefined) return;
    } catch (error) {
      if (error instanceof AppError && error.code === "store_lost") return;
      throw error;
    }
    onMoved(open.board.id, [member]);
    await markActive(redis, open.board.id, now());
    await hintDirty(redis, [open.board.id]);
  }
}
