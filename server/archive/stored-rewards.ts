/** Rewards that were granted, as they are read, claimed and revoked; and how far a season's granting is. */
import { sql } from "kysely";
import type { Database, Sql } from "../database/database.ts";
import type { FinalOf } from "./final-table.ts";

export type RewardOf = FinalOf & { member: string };

export type StoredReward = RewardOf & {
  rule: string;
  rank: number;
  ordinal: number;
  reward: unknown;
  grantedAt: Date;
  claimedAt: Date | null;
  revokedAt: Date | null;
};

/** The place of a reward in a member's list. */
export type MemberPlace = FinalOf & { grantedAt: Date };

export type RewardProgress = {
  archivedAt: Date | null;
  rewardedAt: Date | null;
  /** There where the season had rules, once the first step was taken. */
  run: { shown: number; passed: number; granted: number; beganAt: Date } | undefined;
};

export class StoredRewards {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** A season's, best first. @param after an ordinal. @throws AppError unavailable */
  ofSeason({ board, season }: FinalOf, after: number, limit: number): Promise<StoredReward[]> {
    return this.#database.run(async (db) =>
      rewards(db)
        .where("rewards.board", "=", board)
        .where("rewards.season", "=", season)
        .where("ordinal", ">", after)
        .orderBy("ordinal")
        .limit(limit)
        .execute(),
    );
  }

  /** A member's, the last granted first. @throws AppError unavailable */
  ofMember(member: string, after: MemberPlace | undefined, limit: number): Promise<StoredReward[]> {
    return this.#database.run((db) => {
      const all = rewards(db)
        .where("rewards.member", "=", member)
        .orderBy("granted_at", "desc")
        .orderBy("rewards.board")
        .orderBy("rewards.season")
        .limit(limit);
      if (!after) return all.execute();
      const { grantedAt, board, season } = after;
      const behind = all.where((eb) =>
        eb.or([
          eb("granted_at", "<", grantedAt),
          eb.and([
            eb("granted_at", "=", grantedAt),
            eb.or([
              eb("rewards.board", ">", board),
              eb.and([eb("rewards.board", "=", board), eb("rewards.season", ">", season)]),
            ]),
          ]),
        ]),
      );
      return behind.execute();
    });
  }

  /** Of these members in a season, in no order, without those that were revoked. @throws AppError unavailable */
  ofMembers({ board, season }: FinalOf, members: readonly string[]): Promise<StoredReward[]> {
    return this.#database.run((db) =>
      rewards(db)
        .where("rewards.board", "=", board)
        .where("rewards.season", "=", season)
        .where(sql<boolean>`rewards.member = any(${members}::text[])`)
        .where("revoked_at", "is", null)
        .execute(),
    );
  }

  /**
   * Note that it was claimed; once it is, another call changes nothing, and one that was revoked cannot be.
   * @returns the reward afterwards; undefined when there is none
   * @throws AppError unavailable
   */
  claim(of: RewardOf): Promise<StoredReward | undefined> {
    return this.#change(of, (db) =>
      db
        .updateTable("rewards")
        .set({ claimed_at: new Date() })
        .where("claimed_at", "is", null)
        .where("revoked_at", "is", null)
        .where("board", "=", of.board)
        .where("season", "=", of.season)
        .where("member", "=", of.member)
        .execute(),
    );
  }

  /** Note that it was taken back, claimed or not; once it is, another call changes nothing. @returns as `claim` does. @throws AppError unavailable */
  revoke(of: RewardOf): Promise<StoredReward | undefined> {
    return this.#change(of, (db) =>
      db
        .updateTable("rewards")
        .set({ revoked_at: new Date() })
        .where("revoked_at", "is", null)
        .where("board", "=", of.board)
        .where("season", "=", of.season)
        .where("member", "=", of.member)
        .execute(),
    );
  }

  /** Undefined when the tables do not know the season. @throws AppError unavailable */
  async progress({ board, season }: FinalOf): Promise<RewardProgress | undefined> {
    const row = await this.#database.run((db) =>
      db
        .selectFrom("seasons")
        .leftJoin("reward_runs", (join) =>
          join
            .onRef("reward_runs.board", "=", "seasons.board")
            .onRef("reward_runs.season", "=", "seasons.season"),
        )
        .select(["archived_at", "rewarded_at", "shown", "passed", "granted", "began_at"])
        .where("seasons.board", "=", board)
        .where("seasons.season", "=", season)
        .executeTakeFirst(),
    );
    if (!row) return undefined;
    const { archived_at: archivedAt, rewarded_at: rewardedAt, shown, passed, granted, began_at } = row;
    const run = began_at && { shown: shown!, passed: passed!, granted: granted!, beganAt: began_at };
    return { archivedAt, rewardedAt, run: run ?? undefined };
  }

  #change(
    { board, season, member }: RewardOf,
    change: (db: Sql) => Promise<unknown>,
  ): Promise<StoredReward | undefined> {
    return this.#database.run(async (db) => {
      await change(db);
      return rewards(db)
        .where("rewards.board", "=", board)
        .where("rewards.season", "=", season)
        .where("rewards.member", "=", member)
        .executeTakeFirst();
    });
  }
}

/** With what their rules give. */
function rewards(db: Sql) {
  return db
    .selectFrom("rewards")
    .innerJoin("reward_rules", (join) =>
      join
        .onRef("reward_rules.board", "=", "rewards.board")
        .onRef("reward_rules.season", "=", "rewards.season")
        .onRef("reward_rules.rule", "=", "rewards.rule"),
    )
    .select([
      "rewards.board",
      "rewards.season",
      "rewards.member",
      "rewards.rule",
      "rank",
      "ordinal",
      "reward",
      "granted_at as grantedAt",
      "claimed_at as claimedAt",
      "revoked_at as revokedAt",
    ]);
}
