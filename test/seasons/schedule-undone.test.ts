/** A schedule that is taken back ends no season, and one that begins later begins not earlier by a change. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { checkSeason, takingAt } from "../../server/leaderboard/season-choice.ts";
import { closingInstant } from "../../server/leaderboard/season-steps.ts";
import { commandConnection } from "../support/builders.ts";
import { PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());
const END = Date.parse("2026-02-01T00:00:00Z");

test.each([
  ["cron", { cron: "0 0 1 * *", timeZone: "UTC" }],
  ["season.endsAt", { schedule: "manual" as const, endsAt: "2026-02-01T00:00:00Z" }],
])("%s taken back: the season (ties shared) stays open past the old end", async (_, season) => {
  const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("undone");
  await process.put(id, { operator: "best", shards: 1, season });
  const open = await process.put(id, { operator: "best", shards: 1, season: { schedule: "manual" } });
  expect(open.board.season).toEqual({ schedule: "manual" });
  clock.nowMs = END + 60_000;
  await process.turn(id);
  const now = await process.registry.get(id);
  expect(now.season.number).toBe(1);
  const ends = closingInstant(now);
  let refused: unknown;
  try {
    checkSeason(takingAt(now, clock.nowMs), undefined, clock.nowMs);
  } catch (error) {
    refused = (error as { code: string }).code;
  }
  expect({ ends, refused }).toEqual({ ends: undefined, refused: undefined });
});

test("startsAt ahead: a change of graceMs moves no end, and nothing is taken before startsAt", async () => {
  const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("ahead");
  const season = { cron: "0 0 1 * *", timeZone: "UTC", startsAt: "2026-04-15T00:00:00Z" };
  const first = await process.put(id, { operator: "best", shards: 1, season });
  expect(closingInstant(first)).toBe(Date.parse("2026-05-01T00:00:00Z"));
  await process.put(id, { operator: "best", shards: 1, season: { ...season, graceMs: 1_000 } });
  for (const nowMs of [END - PREOPEN_MS, END, END + 60_000]) {
    clock.nowMs = nowMs;
    await process.turn(id);
  }
  const now = await process.registry.get(id);
  expect(now.season.number).toBe(1);
  expect(closingInstant(now)).toBe(Date.parse("2026-05-01T00:00:00Z"));
});
