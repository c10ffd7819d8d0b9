/** Settings of who plays: sessions, what their submissions may be, and what is counted. */
import { z } from "zod";
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
  COUNTER_DAYS: setting(
    count(7),
    "Days before today whose counts, players and peaks are kept: up to 17 KB each and board.",
  ),
  COUNTER_FLUSH_MS: setting(
    ms(1_000),
    "ms. Counts are sent to Redis this often; a process that is killed loses those it had not sent.",
  ),
  PRESENCE_BEAT_MS: setting(
    ms(5_000),
    "ms. A gateway says this often who is connected; what it said holds for three times as long.",
  ),
  HELD_MAX: setting(
    count(1_000),
    "Submissions that one shard of a board holds for review; more are refused.",
  ),
  SIGNING_SECRET: setting(
    z.string().min(32, "at least 32 characters").optional(),
    "Secret from which the signing secrets of sessions are made; the same for all gateways. Made once and kept in `DATA_DIR` when absent.",
  ),
} as const satisfies Record<string, Setting>;
