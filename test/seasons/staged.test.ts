/** What is staged or prepared for the next season, and a change of the present one meanwhile. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { closingInstant, withNext, withStaged } from "../../server/leaderboard/season-steps.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveRecord, rebuildBoard } from "../support/hand-archive.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const START = Date.parse("2026-01-10T00:00:00Z");
const END = Date.parse("2026-02-01T00:00:00Z");
const MONTHLY = { cron: "0 0 1 * *", timeZone: "UTC" };
let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await commandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
const boardOf = (id: string, definition: BoardDefinition) => boardFrom(id, boardDefinition.parse(definition));

describe("staged", () => {
  test("other columns without carry-over, then topSize of the live board is patched: the season still rolls over", async () => {
    const clock = { nowMs: START };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("staged");
    const live: BoardDefinition = {
      operator: "incr",
      shards: 1,
      season: { ...MONTHLY, carryOver: { rule: "keep" } },
    };
    await process.put(id, live);
    const staged = boardOf(id, {
      operator: "best",
      shards: 1,
      columns: [{ name: "kills", max: 10 }],
      season: MONTHLY,
    });
    await process.registry.change(id, (stored, nowMs) => withStaged(stored, staged, nowMs));
    await process.registry.patch(id, (board) => ({ ...board, topSize: 50 }));
    let failed: unknown;
    for (const nowMs of [END - PREOPEN_MS, END]) {
      clock.nowMs = nowMs;
      await process.turn(id).catch((error: unknown) => (failed = (error as Error).message));
    }
    expect({ failed, season: (await process.registry.get(id)).season.number }).toEqual({
      failed: undefined,
      season: 2,
    });
  });

  test("what a change of the live board does not name stays as it was staged", async () => {
    const clock = { nowMs: START };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("staged");
    await process.put(id, { operator: "best", shards: 1, season: MONTHLY });
    const staged = boardOf(id, {
      operator: "best",
      shards: 1,
      season: { schedule: "manual" },
      visibility: "private",
      topSize: 7,
    });
    await process.registry.change(id, (stored, nowMs) => withStaged(stored, staged, nowMs));
    await process.registry.patch(id, (board) => ({ ...board, logRetentionDays: 3 }));
    for (const nowMs of [END - PREOPEN_MS, END]) {
      clock.nowMs = nowMs;
      await process.turn(id);
    }
    const { board } = await process.registry.get(id);
    expect([board.visibility, board.topSize, board.season]).toEqual(["private", 7, { schedule: "manual" }]);
  });

  test("a new schedule that is put while the next season is open already holds for it", async () => {
    const clock = { nowMs: START };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("planned");
    await process.put(id, { operator: "best", shards: 1, season: MONTHLY });
    clock.nowMs = END - PREOPEN_MS;
    await process.turn(id);
    await process.put(id, { operator: "best", shards: 1, season: { schedule: "manual" } });
    clock.nowMs = END;
    await process.turn(id);
    const now = await process.registry.get(id);
    expect([now.season.number, now.board.season, closingInstant(now)]).toEqual([
      2,
      { schedule: "manual" },
      undefined,
    ]);
  });
});

test("a staged endsAt that has passed while everything was down does not stop the board for ever", async () => {
  const clock = { nowMs: START };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("passed");
  await process.put(id, { operator: "best", shards: 1, season: MONTHLY });
  const staged = boardOf(id, { operator: "best", shards: 1, endsAt: "2026-02-10T00:00:00Z" });
  await process.registry.change(id, (stored, nowMs) => withStaged(stored, staged, nowMs));
  clock.nowMs = Date.parse("2026-02-12T00:00:00Z");
  let failed: unknown;
  await process.turn(id).catch((error: unknown) => (failed = (error as Error).message));
  expect(failed).toBeUndefined();
  const now = await process.registry.get(id);
  expect([now.season.number, closingInstant(now)]).toEqual([2, Date.parse("2026-02-10T00:00:00Z")]);
});

describeOnBoth("prepared", (store) => {
  test("by hand and not open yet when Redis was lost: after a rebuild it is opened and the season ends", async () => {
    const database = store.open();
    await database.ready();
    await redis.flushall();
    const clock = { nowMs: START };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("prepared");
    await process.put(id, { operator: "best", shards: 1 });
    const record = await process.registry.change(id, withNext);
    expect(record.next?.season.state).toBe("opening");
    await archiveRecord(database, record);
    await redis.flushall();
    await rebuildBoard(redis, database, id);
    const after = new SeasonProcess(redis, clock);
    for (let i = 0; i < 3; i++) {
      await after.turn(id);
      clock.nowMs += 3_600_000;
    }
    await after.turn(id);
    expect((await after.registry.get(id)).season.number).toBe(2);
  });
});
