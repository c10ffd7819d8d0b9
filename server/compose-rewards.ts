/** Rewards: what the role `seasons` grants, and how gateways read them and tell players who are connected. */
import { RewardRuns } from "./archive/reward-run.ts";
import { StoredRewards } from "./archive/stored-rewards.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { RewardNotices } from "./gateway/reward-notices.ts";
import { rewardLease } from "./locks/lease.ts";
import { rewardsChannel } from "./redis/keys.ts";
import { createRewardMetrics } from "./rewards/reward-metrics.ts";
import { Rewards } from "./rewards/rewards.ts";
import { note } from "./webhooks/outbox.ts";

/** Nothing to do without the role `seasons`. */
export async function startRewards(base: Base): Promise<void> {
  const { config, around, parts, metrics, database, commands } = base;
  if (!config.ROLES.includes("seasons")) return;
  const redis = await commands("rewards' redis connection");
  // An embedded database is opened by those who need it; one of the settings is there.
  const opensDatabase = config.DATABASE_URL !== undefined || config.ROLES.includes("archiver");
  const rewards = new Rewards({
    runs: new RewardRuns(database),
    note,
    lease: rewardLease(redis, config.SEASON_LEASE_MS),
    lookMs: config.REWARDS_LOOK_MS,
    mayLook: () => opensDatabase || database.isOpen,
    onGranted: ({ board, season }) => redis.spublish(rewardsChannel, JSON.stringify([board, season])),
    log: around.log,
    metrics: createRewardMetrics(metrics),
  });
  await parts.start(
    "rewards",
    () => rewards.start(),
    () => rewards.stop(),
  );
}

export async function startRewardReads(
  { config, around, parts, database }: Base,
  { channels }: GatewayNeeds,
  { control }: Pick<Gateway, "control">,
): Promise<Pick<Gateway, "storedRewards">> {
  const storedRewards = new StoredRewards(database);
  const { REWARD_NOTICE_SEASONS_MAX: seasonsMax } = config;
  const notices = new RewardNotices({ channels, storedRewards, control, seasonsMax, log: around.log });
  await parts.start(
    "reward notices",
    () => notices.start(),
    () => notices.stop(),
  );
  return { storedRewards };
}
