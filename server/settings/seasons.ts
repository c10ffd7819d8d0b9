/** Settings of seasons that roll over. */
import { count, ms, type Setting, setting } from "./setting.ts";

export const seasonSettings = {
  SEASON_PREOPEN_MS: setting(
    ms(5_000),
    "ms. The next season is opened this long before the end of the present one, and this long before a rollover by hand takes effect: every gateway must know it by then.",
  ),
  SEASON_GRACE_MS: setting(
    ms(15_000),
    "ms. What arrived before the end may drain into the old season for this long, where its board does not say another time.",
  ),
  SEASON_LOOK_MS: setting(ms(500), "ms. The role `seasons` looks this often at what is due."),
  SEASON_LEASE_MS: setting(
    ms(10_000),
    "ms. After the death of a process that rolled over another goes on within this time.",
  ),
  SEASONS_CLOSING_MAX: setting(
    count(32),
    "Seasons of one board that may wait for the archive in Redis; with more of them nothing is rolled over.",
  ),
} as const satisfies Record<string, Setting>;
