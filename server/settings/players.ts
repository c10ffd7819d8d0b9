/** Settings of who plays: sessions. */
import { count, ms, type Setting, setting } from "./setting.ts";

export const playerSettings = {
  SESSION_IDLE_MS: setting(ms(24 * 3_600_000), "ms. A session ends after this long without use."),
  SESSION_MAX_MS: setting(ms(30 * 24 * 3_600_000), "ms. A session ends at this age."),
  SESSIONS_PER_PLAYER_MAX: setting(
    count(20),
    "Sessions of one player; one more ends the one that was not used for longest.",
  ),
  SESSION_CHECK_MS: setting(
    ms(30_000),
    "ms. Sessions of connected players are checked, and kept alive, this often.",
  ),
} as const satisfies Record<string, Setting>;
