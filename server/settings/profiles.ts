/** Settings of members' profiles and of the cache before their table. */
import { z } from "zod";
import { bytes, count, ms, type Setting, setting } from "./setting.ts";

export const profileSettings = {
  CACHE_REDIS_URL: setting(
    z.string().min(1).optional(),
    "A second Redis for copies of profiles, in the forms of REDIS_URL; `allkeys-lfu` is right there. Unset: they are in the first one.",
  ),
  PROFILE_WRITERS: setting(
    z.enum(["server", "player"]).default("server"),
    "`player`: a signed-in player may change its own profile too.",
  ),
  PROFILE_TTL_MS: setting(ms(600_000), "ms. The longest life of a copy of a profile in Redis."),
  PROFILE_REFRESH_MS: setting(
    ms(480_000),
    "ms. A copy of this age is refreshed by its next reader, who does not wait for it.",
  ),
  PROFILE_NEGATIVE_TTL_MS: setting(ms(30_000), "ms. How long a member is remembered to have no profile."),
  PROFILE_LEASE_MS: setting(
    ms(2_000),
    "ms. One process at a time brings a profile from the database; after this long another may.",
  ),
  PROFILE_LOCAL_MAX: setting(count(10_000), "Profiles that one process keeps in its own memory…"),
  PROFILE_LOCAL_BYTES: setting(bytes(16 * 1024 * 1024), "bytes, about. …and what they may take together."),
  PROFILE_LOCAL_TTL_MS: setting(
    ms(5_000),
    "ms. The life of such a copy when no notice of a change clears it sooner.",
  ),
  PROFILE_QUERIES_MAX: setting(
    count(4),
    "Queries for profiles, of up to 1,000 members each, that one process has under way.",
  ),
} as const satisfies Record<string, Setting>;
