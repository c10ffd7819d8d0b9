/** What score rules keep in a shard, on a real Redis: how much, for how long, and in shards from before there were rules. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { commandConnection, DEDUP, openBoard, registryOn } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const PLAIN = { operator: "incr" as const, shards: 1, columns: [{ name: "score", max: 1_000 }] };
const TIMED = { ...PLAIN, rules: { minIntervalMs: 1_000, maxChangePerMinute: 500 } };

/** Accepts every member's +1 in one batch of its own producer. */
async function submit(open: OpenBoard, members: string[], atMs?: number) {
  const events = members.map((member) => ({
    member,
    idHash: "",
    metadata: "",
    payload: payloadOf(open, { score: 1 }, Date.now()),
  }));
  const batch = { producer: uniqueBoard("p"), seq: 1, events, ...(atMs === undefined ? {} : { atMs }) };
  return submitBatch(redis, open, 0, batch, DEDUP);
}

describe("what the rules remember", () => {
  test("goes by age as new members come, and what still counts stays", async () => {
    const open = await openBoard(redis, uniqueBoard("states"), TIMED);
    const { rules } = open.shards[0]!;
    const start = Date.now();
    const wave = (i: number): string[] => Array.from({ length: 150 }, (_, m) => `${i}-${m}`);
    for (let i = 0; i < 20; i++) {
      expect(await submit(open, wave(i), start + i * 80_000)).toMatchObject({ tag: "applied" });
      const states = await redis.hgetall(rules);
      expect(Object.keys(states).length).toBeLessThanOrEqual(5 * 150);
      // The members of this wave may not come again yet.
      expect(wave(i).every((member) => states[member] !== undefined)).toBe(true);
    }
  });

  test("is nothing on boards without rules of time", async () => {
    const open = await openBoard(redis, uniqueBoard("states"), { ...PLAIN, rules: { maxChange: 5 } });
    await submit(open, ["a", "b"]);
    expect(await redis.hkeys(open.shards[0]!.rules)).toEqual([""]);
  });

  test("goes by Redis's clock", async () => {
    const open = await openBoard(redis, uniqueBoard("states"), TIMED);
    expect(await submit(open, ["a"])).toMatchObject({ statuses: ["a"] });
    const again = await submit(open, ["a"]);
    expect(again).toMatchObject({ statuses: ["v"] });
    const verdict = again.tag === "applied" ? again.verdicts?.get(0) : undefined;
    expect(verdict).toMatchObject({ violation: { rule: "minIntervalMs", limit: 1_000 } });
    expect(verdict?.retryAfterMs).toBeLessThanOrEqual(1_000);
  });

  test("of a later time is forgotten when the clock goes back, so that nobody is locked out", async () => {
    const open = await openBoard(redis, uniqueBoard("states"), TIMED);
    await submit(open, ["a"], Date.now() + 3_600_000);
    expect(await submit(open, ["a"], Date.now())).toMatchObject({ statuses: ["a"] });
  });
});

describe("a shard from before there were rules", () => {
  test("gets their keys with the first rules [R 1]; a lost one stays lost [R 3]", async () => {
    const id = uniqueBoard("older");
    const { shards } = await openBoard(redis, id, PLAIN);
    const { rules, held, meta } = shards[0]!;
    await redis.del(rules, held);
    const put = () => registryOn(redis).put(boardFrom(id, boardDefinition.parse(TIMED)));
    const { open } = await put();
    expect(await redis.exists(rules, held)).toBe(2);
    await redis.del(...Object.values(shards[0]!));
    await put();
    expect(await redis.exists(rules, held, meta)).toBe(0);
    expect(await submit(open, ["a"])).toEqual({ tag: "store_lost" });
  });

  test("judges and holds also without them", async () => {
    const open = await openBoard(redis, uniqueBoard("older"), TIMED);
    await redis.del(open.shards[0]!.rules, open.shards[0]!.held);
    expect(await submit(open, ["a"], 1_000_000)).toMatchObject({ statuses: ["a"] });
    expect(await submit(open, ["a"], 1_000_500)).toMatchObject({ statuses: ["v"] });
    expect(await submit(open, ["a"], 1_001_000)).toMatchObject({ statuses: ["a"] });
  });
});
