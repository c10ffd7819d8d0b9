/** The tables of rewards as TypeScript sees them: what `migrations/0005_rewards.sql` makes. `bigint` is read as a number. */
import type { ColumnType, Generated } from "kysely";

export type RewardTables = {
  reward_runs: {
    board: string;
    season: number;
    shown: number;
    ordinal: Generated<number>;
    passed: Generated<number>;
    stored_rank: Generated<number>;
    rank: Generated<number>;
    granted: Generated<number>;
    began_at: Date;
  };
  reward_rules: {
    board: string;
    season: number;
    rule: string;
    /** Written as JSON text, read as what it says. */
    reward: ColumnType<unknown, string, string>;
  };
  rewards: {
    board: string;
    season: number;
    member: string;
    rule: string;
    ordinal: number;
    rank: number;
    granted_at: Date;
    claimed_at: Date | null;
    revoked_at: Date | null;
  };
};
