/** Settings of history: what is kept of feeds and rank indexes, and what one question may cost. */
import { count, ms, type Setting, setting } from "./setting.ts";

export const historySettings = {
  HISTORY_MS: setting(
    ms(1_000),
    "ms. What was published on boards that are written to is archived this often; well below FEED_RETENTION_MS.",
  ),
  HISTORY_TOP_FRAMES: setting(
    count(500),
    "Frames after which the whole top is archived again: what a read of the top as it stood applies at most, about.",
  ),
  HISTORY_TOP_MS: setting(
    ms(600_000),
    "ms. The whole top is archived this often while frames come, and history says exact ranks of these instants.",
  ),
  HISTORY_SAMPLE_MS: setting(
    ms(600_000),
    "ms. The rank index of a board that has one and moves is archived this often.",
  ),
  HISTORY_SAMPLE_BOUNDARIES: setting(
    count(256, 16),
    "Boundaries of an archived rank index, at most; fewer make its ranks coarser.",
  ),
  HISTORY_SCAN_ROWS: setting(
    count(20_000, 100),
    "Changes that one question about the past looks at; an answer that would need more says so.",
  ),
} as const satisfies Record<string, Setting>;
