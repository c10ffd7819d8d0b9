/**
 * What hidden players see of themselves. Who is hidden sees the own score, marked as hidden and without a rank. A shadow sees the rank
 * that the entry would have, and nothing that others would not: tops and other members' reads lack it all the same.
 */
import type { HiddenAnswer } from "../../client-sdk/protocol/hidden-answer.ts";
import type { Entry, EntryValues, RankAnswer } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../leaderboard/board.ts";
import { entryValues } from "../leaderboard/codec.ts";
import type { Hasher } from "../leaderboard/hashing.ts";
import { percentileOf, type Reader } from "../leaderboard/reader.ts";
import { type UnseenEntry, unseenEntries } from "../leaderboard/unseen-entries.ts";
import type { RedisStore } from "../redis/store.ts";

export class OwnView {
  readonly #redis: RedisStore;
  readonly #reader: Reader;
  readonly #hasher: Hasher;

  constructor(options: { redis: RedisStore; reader: Reader; hasher: Hasher }) {
    this.#redis = options.redis;
    this.#reader = options.reader;
    this.#hasher = options.hasher;
  }

  /** Undefined when the member is in sight, or has no entry. @throws AppError store_lost, unavailable */
  async entryOf(open: OpenBoard, member: string): Promise<UnseenEntry | undefined> {
    return (await unseenEntries(this.#redis, this.#hasher, open, [member])).unseen.get(member);
  }

  /** The own rank, as the member may know it. @throws AppError store_lost, unavailable */
  async rank(open: OpenBoard, member: string): Promise<RankAnswer | HiddenAnswer | undefined> {
    const own = await this.entryOf(open, member);
    if (!own) return undefined;
    const heading = { board: open.board.id, season: open.season.number, member };
    const values: EntryValues = entryValues(open, own.place);
    if (!own.shadow) return { ...heading, ...values, rank: null, hidden: true };
    const { ranks, total } = await this.#reader.ranksAt(open, [own.place]);
    const rank = ranks[0]!;
    return {
      ...heading,
      ...values,
      rank,
      exact: true,
      total: total + 1,
      percentile: percentileOf(rank, total + 1),
    };
  }

  /** What lies round a shadow, itself among it. Undefined for everybody else. @throws AppError store_lost, unavailable */
  async around(
    open: OpenBoard,
    member: string,
    limit: number,
  ): Promise<{ total: number; entries: Entry[] } | undefined> {
    const own = await this.entryOf(open, member);
    return own?.shadow ? this.#reader.aroundPlace(open, own.place, limit) : undefined;
  }
}
