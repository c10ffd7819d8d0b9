/** Settings of bans and of the audit trail. */
import { count, ms, type Setting, setting } from "./setting.ts";

export const moderationSettings = {
  BANS_MAX: setting(count(10_000), "Bans at a time; every process keeps all of them in memory."),
  BANS_POLL_MS: setting(
    ms(1_000),
    "ms. A process whose word of a changed ban was lost finds it in this time; bans that have run out are lifted as soon.",
  ),
} as const satisfies Record<string, Setting>;
