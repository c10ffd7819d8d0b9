/**
 * What an admin does to one member's entry on one board: hide, make it a shadow, show, remove, restore, adjust. In a season that Redis
 * holds by a script on the member's shard, in an archived one by the flag in its final table; in one that is just being archived by both.
 */
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import { type FinalSight, hiddenFinals, setFinalSight } from "../archive/final-sight.ts";
import { archivedSeasons } from "../archive/stored-lives.ts";
import type { AuditTrail } from "../audit/audit-trail.ts";
import { AppError } from "../base/errors.ts";
import type { Database } from "../database/database.ts";
import { hintDirty, markActive } from "../leaderboard/activity.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues, placeFrom } from "../leaderboard/codec.ts";
import {
  type Found,
  lookUp,
  putEntries,
  removeEntries,
  SIGHTS,
  type Sight,
  setSight,
  sightOf,
} from "../leaderboard/direct-writes.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import { hiddenMembers } from "../leaderboard/hidden-members.ts";
import type { Registry } from "../leaderboard/registry.ts";
import type { DedupLimits } from "../leaderboard/submit-batch.ts";
import { wholeKey } from "../leaderboard/values.ts";
import type { RedisStore } from "../redis/store.ts";

export type ModerationOptions = {
  redis: RedisStore;
  registry: Registry;
  hasher: Hasher;
  limits: DedupLimits;
  database: Database;
  trail: AuditTrail;
  now: () => number;
  /** Ranks may have moved on a board: look sooner. Must not throw. */
  onMoved: (board: string, members: string[]) => void;
  onError: (error: unknown) => void;
};

export type SightName = keyof typeof SIGHTS;
/** An entry as moderation knows it; without a score in an archived season. */
export type ModeratedEntry = Partial<EntryValues> & { sight: SightName };
/** Null where there was, or is, no entry. */
export type ModerationResult = {
  season: number;
  before: ModeratedEntry | null;
  after: ModeratedEntry | null;
};

/** What `restore` puts back, as the removal notes it. */
export type Removed = { key: string; metadata?: string | undefined; here: Sight } | { visibility: number };

/** Told what is about to be removed, before it is. */
export type BeforeRemoval = (removed: Removed, season: number) => Promise<void>;

const NAMES: readonly SightName[] = ["visible", "hidden", "shadow"];

export class Moderation {
  readonly #options: ModerationOptions;

  constructor(options: ModerationOptions) {
    this.#options = options;
  }

  /** @throws AppError board_not_found, season_not_found, member_not_found, store_lost, unavailable */
  async setSight(
    board: string,
    season: number | undefined,
    member: string,
    sight: Sight,
  ): Promise<ModerationResult> {
    const { redis, limits } = this.#options;
    return this.#inSeason(board, season, {
      hot: async (open) => {
        const { members } = await setSight(redis, open, this.#shardOf(open, member), [member], {
          by: "board",
          sight,
          limits,
        });
        const [found] = members;
        if (found?.key === undefined) throw notFound(board, member);
        await this.#moved(open, member);
        const after = { ...found, mark: { ...found.mark, here: sight } };
        return { before: shown(open, member, found), after: shown(open, member, after) };
      },
      archived: async (number) => {
        const { before } = await this.#setFinal(board, number, member, sight);
        return { before: { sight: NAMES[before]! }, after: { sight: NAMES[sight]! } };
      },
    });
  }

  /** The entry goes; in an archived season it is hidden. @throws AppError as `setSight` */
  async remove(
    board: string,
    season: number | undefined,
    member: string,
    note: BeforeRemoval,
  ): Promise<ModerationResult> {
    const { redis, limits } = this.#options;
    return this.#inSeason(board, season, {
      hot: async (open) => {
        const shard = this.#shardOf(open, member);
        const [there] = await lookUp(redis, open, shard, [member]);
        if (there?.key === undefined) throw notFound(board, member);
        const number = open.season.number;
        await note({ key: there.key, here: there.mark.here }, number);
        const [found] = (await removeEntries(redis, open, shard, [member], { limits })).members;
        if (found?.key === undefined) throw notFound(board, member);
        // Submissions may have come in between: what went is what is put back.
        await note({ key: found.key, metadata: found.metadata, here: found.mark.here }, number);
        await this.#moved(open, member);
        return { before: shown(open, member, found), after: null };
      },
      archived: async (number, isAfterwards) => {
        // What is removed is not there: a second removal would note it as hidden, and restore it so.
        const removed = isAfterwards
          ? undefined
          : await this.#options.trail.standingRemoval(board, number, member);
        if (removed && "visibility" in (removed as Removed)) throw notFound(board, member);
        const { before } = await this.#setFinal(board, number, member, SIGHTS.hidden);
        // What was removed from Redis first is noted with all that it had.
        if (!isAfterwards) await note({ visibility: before }, number);
        return { before: { sight: NAMES[before]! }, after: null };
      },
    });
  }

  /** Put back what was removed last, hidden if it was. @throws AppError nothing_to_restore, entry_exists, and as `setSight` */
  async restore(board: string, season: number | undefined, member: string): Promise<ModerationResult> {
    const { redis, limits, trail } = this.#options;
    const removedIn = async (number: number, isStanding = false): Promise<Removed> => {
      const found = isStanding ? trail.standingRemoval : trail.lastRemoved;
      const removed = await found.call(trail, board, number, member);
      if (removed === undefined || removed === null) throw new AppError("nothing_to_restore");
      return removed as Removed;
    };
    return this.#inSeason(board, season, {
      hot: async (open) => {
        await this.#refuseSettled(open);
        const removed = await removedIn(open.season.number);
        if (!("key" in removed)) throw new AppError("nothing_to_restore");
        const shard = this.#shardOf(open, member);
        const [now] = await lookUp(redis, open, shard, [member]);
        const mark = { here: removed.here, ban: now!.mark.ban };
        const { key, metadata } = removed;
        const entry = { member, key, mark, ...(metadata === undefined ? {} : { metadata }) };
        const [put] = (await putEntries(redis, open, shard, [entry], { limits, onlyAbsent: true })).members;
        if (put?.outcome === "kept") throw new AppError("entry_exists");
        await this.#moved(open, member);
        return { before: null, after: shown(open, member, { key, mark }) };
      },
      archived: async (number) => {
        // One that was restored before is spent: what hides the member now is something else.
        const removed = await removedIn(number, true);
        const visibility = "visibility" in removed ? removed.visibility : removed.here;
        const { before } = await this.#setFinal(board, number, member, visibility);
        return { before: { sight: NAMES[before]! }, after: { sight: NAMES[visibility]! } };
      },
    });
  }

  /**
   * The entry has these values from now on, whatever the operator; who has none gets one.
   * @throws AppError season_archived, out_of_range, not_representable, column_missing, column_unknown, and as `setSight`
   */
  async adjust(
    board: string,
    season: number | undefined,
    member: string,
    values: EntryValues,
  ): Promise<ModerationResult> {
    const { redis, limits, now } = this.#options;
    return this.#inSeason(board, season, {
      hot: async (open) => {
        await this.#refuseSettled(open);
        const shard = this.#shardOf(open, member);
        const key = wholeKey(open.layout, values, now());
        const [there] = await lookUp(redis, open, shard, [member]);
        const [put] = (await putEntries(redis, open, shard, [{ member, key }], { limits })).members;
        await this.#moved(open, member);
        const before =
          put!.before === undefined ? null : shown(open, member, { ...there!, key: put!.before });
        return { before, after: shown(open, member, { ...there!, key }) };
      },
      archived: async () => {
        throw new AppError("season_archived");
      },
    });
  }

  /** Who is hidden in a season that Redis holds. @throws AppError cursor_invalid, store_lost, unavailable */
  async hidden(open: OpenBoard, limit: number, cursor?: string) {
    const page = await hiddenMembers(this.#options.redis, open, limit, cursor);
    const members = page.members.map(({ mark, ...member }) => ({
      ...member,
      here: NAMES[mark.here]!,
      ban: NAMES[mark.ban]!,
    }));
    return { ...page, members };
  }

  /** Who is hidden in an archived season. @throws AppError cursor_invalid, unavailable */
  async hiddenInArchive(open: OpenBoard, limit: number, cursor?: string) {
    const of = { board: open.board.id, season: open.season.number };
    const { rows, cursor: next } = await hiddenFinals(this.#options.database, of, limit, cursor);
    const members = rows.map(({ member, key, rest, visibility }) => ({
      member,
      ...entryValues(open, { key, rest }),
      here: NAMES[visibility]!,
      ban: NAMES[SIGHTS.visible]!,
    }));
    return { members, ...(next === undefined ? {} : { cursor: next }) };
  }

  /**
   * Scores of a season that is over stay put while they are handed on to the next one, which reads them page by page in their order, and
   * once its final table is there, which nobody would read them from. @throws AppError season_changing, season_archived, unavailable
   */
  async #refuseSettled({ board, season }: OpenBoard): Promise<void> {
    const { registry, database } = this.#options;
    const closing = registry.record(board.id)?.closing.find((one) => one.season.number === season.number);
    if (!closing) return;
    if (!closing.carried) {
      throw new AppError("season_changing", {
        message: `Season ${season.number} of "${board.id}" is being handed on to the next one.`,
      });
    }
    if ((await archivedSeasons(database, board.id)).has(season.number)) throw new AppError("season_archived");
  }

  async #inSeason(
    board: string,
    asked: number | undefined,
    how: {
      hot: (open: OpenBoard) => Promise<Omit<ModerationResult, "season">>;
      /** `isAfterwards`: after it was done in Redis. */
      archived: (season: number, isAfterwards: boolean) => Promise<Omit<ModerationResult, "season">>;
    },
  ): Promise<ModerationResult> {
    const { registry } = this.#options;
    const current = await registry.get(board);
    const season = asked ?? current.season.number;
    const open = registry.hot(board, season);
    if (!open) return { season, ...(await how.archived(season, false)) };
    const result = await how.hot(open);
    // Its final table may have been made while we wrote to Redis.
    if (open.season.number < current.season.number) {
      await how.archived(season, true).catch((error: unknown) => {
        if (
          !(error instanceof AppError) ||
          !["season_not_found", "member_not_found", "season_archived", "nothing_to_restore"].includes(
            error.code,
          )
        )
          throw error;
      });
    }
    return { season, ...result };
  }

  async #setFinal(board: string, season: number, member: string, visibility: number): Promise<FinalSight> {
    const set = await setFinalSight(this.#options.database, { board, season }, member, visibility);
    if (set === "no_season") {
      throw new AppError("season_not_found", {
        message: `Board "${board}" has no season ${season} in the archive.`,
      });
    }
    if (set === "no_member") throw notFound(board, member);
    return set;
  }

  #shardOf({ board }: OpenBoard, member: string): number {
    return this.#options.hasher.shardOf(member, board.shards);
  }

  /** The merger looks at the next tick, gateways at those who follow the member. */
  async #moved({ board }: OpenBoard, member: string): Promise<void> {
    const { redis, now, onMoved, onError } = this.#options;
    onMoved(board.id, [member]);
    await markActive(redis, board.id, now())
      .then(() => hintDirty(redis, [board.id]))
      .catch(onError);
  }
}

function shown(open: OpenBoard, member: string, { key, mark }: Found): ModeratedEntry {
  const values = key === undefined ? {} : entryValues(open, placeFrom(open.layout, key, member));
  return { sight: NAMES[sightOf(mark)]!, ...values };
}

function notFound(board: string, member: string): AppError {
  return new AppError("member_not_found", { message: `"${member}" has no entry on board "${board}" there.` });
}
