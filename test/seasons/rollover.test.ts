/** A board's way from season to season, by a clock that the test holds: its order, what is refused, and that nothing breaks it. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardRecord } from "../../server/leaderboard/board.ts";
import { checkSeason } from "../../server/leaderboard/season-choice.ts";
import { commandConnection } from "../support/builders.ts";
import { type AnyStep, Died, GRACE_MS, PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const MONTHLY = {
  operator: "incr" as const,
  columns: [{ name: "points", max: 1_000_000 }],
  shards: 2,
  season: { cron: "0 0 1 * *", timeZone: "UTC", carryOver: { rule: "keep" as const } },
};
const END = Date.parse("2026-02-01T00:00:00Z");
const archived = async () => "archived" as const;

/** What shall be the same however often a process died. */
function essence({ season, next, closing, board }: BoardRecord): object {
  return {
    columns: board.columns.length,
    number: season.number,
    state: season.state,
    endsAtMs: season.endsAtMs,
    next: next?.season.number,
    closing: closing.map(({ season: { number, state }, carried }) => ({ number, state, carried })),
  };
}

async function scoresOf(process: SeasonProcess, id: string): Promise<Record<string, number>> {
  const { shards } = await process.registry.get(id);
  const scores: Record<string, number> = {};
  for (const { entries } of shards) {
    const flat = await redis.zrange(entries, "0", "-1", "WITHSCORES");
    for (let i = 0; i < flat.length; i += 2)
      if (flat[i] !== "") scores[flat[i]!] = 1_000_000 - Number(flat[i + 1]);
  }
  return scores;
}

describe("a scheduled season", () => {
  test("has its successor open before it ends, drains, is frozen, handed over, and leaves nothing in Redis", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("monthly");
    const first = await process.put(id, MONTHLY);
    expect(first.season.endsAtMs).toBe(END);
    const submitter = await Submitter.create(redis, first);
    await submitter.submit("alonso", 25);
    await process.turn(id);
    expect(process.steps).toEqual([]);

    clock.nowMs = END - PREOPEN_MS;
    await process.turn(id);
    expect(process.steps).toEqual(["prepared", "shards", "opened"]);
    expect((await process.registry.get(id)).season.number).toBe(1);
    expect(process.registry.hot(id, 2)?.season.state).toBe("open");

    clock.nowMs = END;
    await process.turn(id);
    expect(process.steps.slice(3)).toEqual(["moved"]);
    expect((await process.registry.get(id)).season).toMatchObject({
      number: 2,
      openedAtMs: END,
      endsAtMs: Date.parse("2026-03-01T00:00:00Z"),
    });
    expect(process.registry.hot(id, 1)?.season.state).toBe("open");

    clock.nowMs = END + GRACE_MS;
    await process.turn(id);
    expect(process.steps.slice(4)).toEqual(["shards-frozen", "frozen", "entries", "carried"]);
    expect(await submitter.submit("late", 1)).toEqual({ tag: "season_closed" });

    expect(await process.archive(id, async () => "behind")).toBe("behind");
    expect(process.registry.hot(id, 1)).toBeDefined();
    const handed: number[] = [];
    await process.archive(id, async ({ season }) => {
      handed.push(season.number);
      return "archived";
    });
    expect(handed).toEqual([1]);
    expect(process.registry.record(id)!.closing).toEqual([]);
    expect(process.registry.hot(id, 1)).toBeUndefined();
    const { state, top, frames, index } = first.feed;
    const keys = [...first.shards.flatMap((shard) => Object.values(shard)), state, top, frames, index];
    expect(await redis.exists(...keys)).toBe(0);
    expect(await scoresOf(process, id)).toEqual({ alonso: 25 });
  });

  test("that ended while everything was down is followed by one new season, whatever was missed", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const id = uniqueBoard("monthly");
    await new SeasonProcess(redis, clock).put(id, MONTHLY);

    clock.nowMs = Date.parse("2026-06-15T12:00:00Z");
    const process = new SeasonProcess(redis, clock);
    const waiting = await process.registry.get(id);
    expect(() => checkSeason(waiting, undefined, clock.nowMs)).toThrow(
      expect.objectContaining({ code: "season_changing" }),
    );
    expect(() => checkSeason(waiting, 1, clock.nowMs)).toThrow(
      expect.objectContaining({ code: "season_closed" }),
    );
    await process.turn(id);
    await process.turn(id);
    expect(process.registry.record(id)!.season).toMatchObject({
      number: 2,
      openedAtMs: clock.nowMs,
      endsAtMs: Date.parse("2026-07-01T00:00:00Z"),
    });
    expect(process.registry.record(id)!.closing.map(({ season }) => season.number)).toEqual([1]);
  });

  test("is the last one at the end that the board has", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("last");
    await process.put(id, { ...MONTHLY, season: { ...MONTHLY.season, endsAt: "2026-01-20T00:00:00Z" } });
    clock.nowMs = Date.parse("2026-01-21T00:00:00Z");
    await process.turn(id);
    const open = await process.registry.get(id);
    expect(open.season.number).toBe(1);
    expect(() => checkSeason(open, undefined, clock.nowMs)).toThrow(
      expect.objectContaining({ code: "season_closed" }),
    );
  });

  test("begins when its board says", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const open = await process.put(uniqueBoard("later"), {
      ...MONTHLY,
      season: { ...MONTHLY.season, startsAt: "2026-01-20T00:00:00Z" },
    });
    const early = expect.objectContaining({ code: "season_changing", retryAfterMs: 60_000 });
    expect(() => checkSeason(open, undefined, clock.nowMs)).toThrow(early);
    expect(() => checkSeason(open, undefined, Date.parse("2026-01-20T00:00:00Z"))).not.toThrow();
  });

  test("is not followed by another while too many wait for the archive", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("waiting");
    await process.put(id, MONTHLY);
    for (const month of [3, 4, 5, 6]) {
      clock.nowMs = Date.parse(`2026-0${month}-10T00:00:00Z`);
      await process.turn(id);
    }
    expect(process.registry.record(id)!.closing).toHaveLength(4);
    clock.nowMs = Date.parse("2026-07-10T00:00:00Z");
    await expect(process.turn(id)).rejects.toThrow(/wait for the archive/);
    await process.archive(id, archived);
    await process.turn(id);
    expect(process.registry.record(id)!.season.number).toBe(6);
  });

  test("closes at the end of a new schedule that the board was given meanwhile", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const process = new SeasonProcess(redis, clock);
    const id = uniqueBoard("replanned");
    await process.put(id, { ...MONTHLY, season: { schedule: "manual" } });
    await process.put(id, {
      ...MONTHLY,
      season: { everyWeeks: 1, from: "2026-01-05T00:00", timeZone: "UTC" },
    });
    clock.nowMs = Date.parse("2026-01-12T00:00:00Z");
    await process.turn(id);
    expect((await process.registry.get(id)).season.number).toBe(2);
  });
});

describe("a process that dies", () => {
  const STEPS: AnyStep[] = [
    "prepared",
    "shards",
    "opened",
    "moved",
    "shards-frozen",
    "frozen",
    "entries",
    "carried",
    "archived",
    "deleted",
    "forgotten",
  ];

  /** A rollover from its beginning to its end, with a new process after each death. */
  async function run(
    diesAt: AnyStep | undefined,
  ): Promise<{ record: BoardRecord; scores: object; deaths: number }> {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const id = uniqueBoard("dying");
    const first = await new SeasonProcess(redis, clock).put(id, MONTHLY);
    const submitter = await Submitter.create(redis, first);
    for (let i = 0; i < 30; i++) await submitter.submit(`m${i}`, i + 1);
    let deaths = 0;
    const alive = async (work: (process: SeasonProcess) => Promise<unknown>): Promise<void> => {
      for (;;) {
        const process = new SeasonProcess(redis, clock);
        if (deaths === 0) process.diesAt = diesAt;
        try {
          await work(process);
          return;
        } catch (error) {
          if (!(error instanceof Died)) throw error;
          deaths++;
        }
      }
    };
    for (const nowMs of [END - PREOPEN_MS, END, END + GRACE_MS]) {
      clock.nowMs = nowMs;
      await alive((process) => process.turn(id));
    }
    await alive((process) => process.archive(id, archived));
    const last = new SeasonProcess(redis, clock);
    await last.registry.get(id);
    expect(await redis.exists(first.shards[0]!.entries, first.feed.state)).toBe(0);
    return { record: last.registry.record(id)!, scores: await scoresOf(last, id), deaths };
  }

  test.each(STEPS)("after the step %s is followed by one that finishes with the same end", async (step) => {
    const undisturbed = await run(undefined);
    const disturbed = await run(step);
    expect(disturbed.deaths).toBe(1);
    expect(essence(disturbed.record)).toEqual(essence(undisturbed.record));
    expect(disturbed.scores).toEqual(undisturbed.scores);
    expect(Object.keys(disturbed.scores)).toHaveLength(30);
  });

  test("or two at once roll over once", async () => {
    const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
    const id = uniqueBoard("two");
    const [one, two] = [new SeasonProcess(redis, clock), new SeasonProcess(redis, clock)];
    const first = await one.put(id, MONTHLY);
    const submitter = await Submitter.create(redis, first);
    for (let i = 0; i < 300; i++) await submitter.submit(`m${i}`, i + 1);
    for (const nowMs of [END - PREOPEN_MS, END, END + GRACE_MS]) {
      clock.nowMs = nowMs;
      // Under leases only one works at a time; without them the loser of a comparison begins anew.
      for (;;) {
        const turns = await Promise.allSettled([one.turn(id), two.turn(id)]);
        if (turns.every(({ status }) => status === "fulfilled")) break;
      }
    }
    await one.registry.refresh();
    expect(one.registry.record(id)!.season.number).toBe(2);
    expect(one.registry.record(id)!.closing).toHaveLength(1);
    const scores = await scoresOf(one, id);
    expect(scores).toEqual(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`m${i}`, i + 1])));
  });
});
