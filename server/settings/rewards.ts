/** Settings of the rewards at the end of seasons. */
import { count, ms, type Setting, setting } from "./setting.ts";

export const rewardSettings = {
  REWARDS_LOOK_MS: setting(
    ms(5_000),
    "ms. The role `seasons` looks this often for archived seasons whose rewards are to be granted.",
  ),
  REWARD_NOTICE_SEASONS_MAX: setting(
    count(100),
    "Seasons whose rewards a gateway may still have to tell its connected players of; notices of more are left out.",
  ),
} as const satisfies Record<string, Setting>;
