/** What a board's next season is given: by staging it, and by ending the present one by hand. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { takingAt } from "../../server/leaderboard/season-choice.ts";
import { withNext, withStaged } from "../../server/leaderboard/season-steps.ts";
import { commandConnection } from "../support/builders.ts";
import { PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const END = Date.parse("2026-02-01T00:00:00Z");
const SEASON = { cron: "0 0 1 * *", timeZone: "UTC", carryOver: { rule: "keep" as const } };
const MONTHLY = {
  operator: "incr" as const,
  columns: [{ name: "points", max: 1_000_000 }],
  shards: 2,
  season: SEASON,
};

describe("what cannot change while a season is open", () => {
  const definition = boardDefinition.parse({
    order: "asc",
    operator: "best",
    shards: 4,
    ties: "earliest",
    columns: [{ name: "time", order: "asc", max: 1_000_000 }],
  });

  test("changes exactly at the rollover when it is staged: order, operator, columns, ties and shards", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("staged");
    await process.put(id, { ...MONTHLY, season: { cron: "0 0 1 * *", timeZone: "UTC" } });
    const staged = boardFrom(id, { ...definition, season: { cron: "0 0 1 * *", timeZone: "UTC" } });
    await process.registry.change(id, (stored, nowMs) => withStaged(stored, staged, nowMs));
    clock.nowMs = END - 1;
    await process.turn(id);
    expect((await process.registry.get(id)).board).toMatchObject({
      operator: "incr",
      shards: 2,
      ties: "shared",
    });
    clock.nowMs = END;
    await process.turn(id);
    const open = await process.registry.get(id);
    expect(open.board).toMatchObject({ order: "asc", operator: "best", shards: 4, ties: "earliest" });
    // Its end is known when it opens, so the time of a tie fits beside the value.
    expect(open.layout.kind).toBe("packed");
    expect(open.shards).toHaveLength(4);
    expect(process.registry.record(id)!.staged).toBeUndefined();
    const submitter = await Submitter.create(redis, open);
    expect(await submitter.submit("alonso", 60_000)).toMatchObject({ tag: "applied" });
  });

  test("is refused before the rollover where the layout does not fit, or what is carried over would lie", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("refused");
    await process.put(id, MONTHLY);
    const stage = (changed: object) =>
      process.registry.change(id, (stored, nowMs) =>
        withStaged(stored, boardFrom(id, boardDefinition.parse({ ...MONTHLY, ...changed })), nowMs),
      );
    const invalid = expect.objectContaining({ code: "board_invalid" });
    await expect(stage({ columns: [{ name: "points", max: 1_000_000_000, decimals: 9 }] })).rejects.toThrow(
      invalid,
    );
    await expect(stage({ columns: [{ name: "points", max: 10 }] })).rejects.toThrow(/carryOver/);
    expect(process.registry.record(id)!.staged).toBeUndefined();
  });

  test("and what changes live reaches the season that is prepared", async () => {
    const clock = { nowMs: END - PREOPEN_MS };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("live");
    await process.put(id, MONTHLY);
    await process.turn(id);
    await process.put(id, { ...MONTHLY, topSize: 7 });
    clock.nowMs = END;
    await process.registry.refresh();
    expect((await process.registry.get(id)).board.topSize).toBe(7);
  });
});

test("a rollover by hand takes effect a lead later, and one that is repeated changes nothing", async () => {
  const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("hand");
  const board = boardFrom(id, boardDefinition.parse({ operator: "best" }));
  await process.registry.put(board);
  const roll = () =>
    process.registry.change(id, (stored, nowMs) => (stored.next ? stored : withNext(stored, nowMs)));
  await roll();
  await process.turn(id);
  const { closesAtMs } = process.registry.record(id)!.season;
  expect(closesAtMs).toBe(clock.nowMs + PREOPEN_MS);
  await roll();
  const open = await process.registry.get(id);
  expect(takingAt(open, closesAtMs! - 1).season.number).toBe(1);
  expect(takingAt(open, closesAtMs!).season.number).toBe(2);
  clock.nowMs = closesAtMs!;
  await process.turn(id);
  expect(process.registry.record(id)!.season.number).toBe(2);
});
