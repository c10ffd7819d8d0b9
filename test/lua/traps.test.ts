/** The traps of Redis and Lua that the code is built around: each shown on a real Redis, beside what ours does instead. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { loadScripts } from "../../server/redis/scripts.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const lua = (script: string, ...args: string[]): Promise<unknown> => redis.eval(script, 0, ...args);
const BIG = 2 ** 53 - 1;

async function bigBoard() {
  const open = await openBoard(redis, uniqueBoard("trap"), { operator: "incr", shards: 1 });
  return { open, submitter: await Submitter.create(redis, open) };
}

describe("numbers across the Lua border", () => {
  test("lose their fraction and their sign of smallness, so scores come back as text", async () => {
    expect(await lua("return tonumber('12.75')")).toBe(12);
    expect(await lua("return tonumber('-0.5')")).toBe(0);
    const open = await openBoard(redis, uniqueBoard("trap"), {
      operator: "incr",
      shards: 1,
      columns: [{ name: "s", decimals: 2 }],
    });
    const submitter = await Submitter.create(redis, open);
    await submitter.submit("a", 12.75);
    const { scaledMax } = open.layout.head.columns[0]!;
    expect(await submitter.submit("a", 0.25)).toMatchObject({ places: [{ key: scaledMax - 1_300 }] });
  });

  test("are rounded to 14 digits by concatenation and cjson from 1e14 up, so ours are formatted with all 17", async () => {
    expect(await lua("return 'v:' .. 100000000000001")).toBe("v:1e+14");
    expect(await lua("return cjson.encode({n = 100000000000001})")).toBe('{"n":1e+14}');
    expect(await lua("return string.format('%.17g', 9007199254740991)")).toBe("9007199254740991");
    const { open, submitter } = await bigBoard();
    await submitter.submit("a", BIG - 2);
    expect(await submitter.submit("a", 1)).toMatchObject({ places: [{ key: 1 }] });
    expect(await redis.zscore(open.shards[0]!.entries, "a")).toBe("1");
    await submitter.submit("b", 1);
    expect(await redis.zscore(open.shards[0]!.entries, "b")).toBe(String(BIG - 1));
  });

  test("are exact as arguments of redis.call, up to 53 bits and no further", async () => {
    const key = uniqueBoard("zset");
    await lua(`redis.call('ZADD', '${key}', 9007199254740991, 'x')`);
    expect(await redis.zscore(key, "x")).toBe("9007199254740991");
    await redis.zadd(key, "9007199254740993", "y");
    expect(await redis.zscore(key, "y")).toBe("9007199254740992");
    await redis.del(key);
    const { submitter } = await bigBoard();
    await submitter.submit("a", BIG);
    expect(await submitter.submit("a", 1)).toMatchObject({ statuses: ["r"], places: [{ key: 0 }] });
  });
});

describe("replies", () => {
  test("are cut short at nil, so ours hold empty text instead", async () => {
    expect(await lua("return {1, nil, 3}")).toEqual([1]);
    expect(await lua("return {1, false, 3}")).toEqual([1, null, 3]);
    const { open } = await bigBoard();
    const events = ["a", "b"].map((member) => ({ member, idHash: "", metadata: "", payload: ["1"] }));
    const reply = await submitBatch(redis, open, 0, { producer: "p", seq: 1, events }, DEDUP);
    // A delta of +1 is a digit below zero on a desc board: both are rejected and have no row.
    expect(reply).toMatchObject({ statuses: ["r", "r"], places: [undefined, undefined] });
  });
});

describe("equal scores", () => {
  test("list by member bytes and flip with REV, so no read of ours uses REV", async () => {
    const key = uniqueBoard("zset");
    await redis.zadd(key, 10, "bob", 10, "alice", 10, "Carol");
    expect(await redis.zrange(key, "0", "-1")).toEqual(["Carol", "alice", "bob"]);
    expect(await redis.zrange(key, "0", "-1", "REV")).toEqual(["bob", "alice", "Carol"]);
    await redis.del(key);
    for (const { name, lua: source } of loadScripts())
      expect([name, /\bZREV|'REV'/.test(source)]).toEqual([name, false]);
  });

  test("compare by locale in Lua, so places compare bytes", () => {
    const comparing = loadScripts().filter(({ lua: source }) => source.includes("bytes_before("));
    expect(comparing.map(({ name }) => name)).toContain("leaderboard/count_before");
  });
});

describe("ranges by rank", () => {
  test("take nothing when their ends are the wrong way round", async () => {
    const key = uniqueBoard("zset");
    await redis.zadd(key, 1, "a", 2, "b", 3, "c");
    expect(await redis.zremrangebyrank(key, -1, -3)).toBe(0);
    expect(await redis.zremrangebyrank(key, -3, -1)).toBe(3);
  });
});

describe("a stream", () => {
  test("takes an id of ours only once, so a frame cannot be appended twice", async () => {
    const key = uniqueBoard("stream");
    await redis.xadd(key, "2", "f", "x");
    await expect(redis.xadd(key, "2", "f", "x")).rejects.toThrow("equal or smaller");
    await redis.del(key);
  });
});

describe("scripts that Redis has forgotten", () => {
  test("are sent again, alone and in pipelines, but not inside MULTI, where none of ours goes", async () => {
    const { open } = await bigBoard();
    const { entries, meta } = open.shards[0]!;
    const count = "rw_leaderboard_count_before" as const;
    type Counting = Record<typeof count, (...args: string[]) => Promise<unknown[]>>;
    const args = [entries, meta, open.season.incarnation, "key"];
    await redis.script("FLUSH");
    expect(await (redis as unknown as Counting)[count](...args)).toEqual(["counted", 0, "0"]);
    await redis.script("FLUSH");
    const pipeline = redis.pipeline();
    void (pipeline as unknown as Counting)[count](...args);
    expect(await pipeline.exec()).toEqual([[null, ["counted", 0, "0"]]]);
    // In one transaction: other tests of the same Redis may teach it the script again at any moment.
    const multi = redis.multi();
    void multi.script("FLUSH");
    void (multi as unknown as Counting)[count](...args);
    const [, [error] = []] = (await multi.exec()) ?? [];
    expect(error?.message).toContain("NOSCRIPT");
  });
});

describe("a header", () => {
  test("gives every script its number of keys", () => {
    for (const { name, numberOfKeys } of loadScripts())
      expect([name, numberOfKeys > 0]).toEqual([name, true]);
  });
});

describe("unpack", () => {
  test("fails near 8,000 elements, so batches and chunks stay far below", async () => {
    await expect(lua("local t = {} for i = 1, 8000 do t[i] = i end return {unpack(t)}")).rejects.toThrow(
      "too many results",
    );
    const { open } = await bigBoard();
    const events = Array.from({ length: 200 }, (_, i) => ({
      member: `m${i}`,
      idHash: `h${i}`,
      metadata: "m",
      payload: ["-1"],
    }));
    expect(await submitBatch(redis, open, 0, { producer: "p", seq: 1, events }, DEDUP)).toMatchObject({
      tag: "applied",
    });
  });
});
