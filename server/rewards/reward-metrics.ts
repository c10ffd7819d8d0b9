/** What the granting of rewards counts. */
import { Counter, type Registry } from "prom-client";

export type RewardMetrics = {
  granted: Counter;
  seasons: Counter;
  failures: Counter;
};

export function createRewardMetrics(registry: Registry): RewardMetrics {
  const registers = [registry];
  return {
    granted: new Counter({
      name: "rankwire_rewards_granted_total",
      help: "Rewards granted at the end of seasons",
      registers,
    }),
    seasons: new Counter({
      name: "rankwire_rewarded_seasons_total",
      help: "Seasons whose end was seen to, with rewards or without",
      registers,
    }),
    failures: new Counter({
      name: "rankwire_reward_failures_total",
      help: "Seasons whose rewards could not be granted just now; they are tried again",
      registers,
    }),
  };
}
