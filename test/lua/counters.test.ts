/** What the counter scripts promise, on a real Redis: added once, expiring days, beats that end, peaks that only rise [R 15]. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PlayerSketch } from "../../server/counters/player-sketch.ts";
import { counterShardKeys, presenceKeys } from "../../server/redis/keys.ts";
import { runScript } from "../../server/redis/scripts.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const DAY = 20_000;
const FAR = Date.UTC(2100, 0);

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

describe("a flush", () => {
  const keysOf = (board: string, process = "p") => {
    const { total, day, lastFlush } = counterShardKeys(board, 3);
    return [total, day(DAY), lastFlush(process)];
  };
  const add = (keys: string[], flush: number, ...counts: (string | number)[]) =>
    runScript(redis, "counters/add", keys, [flush, 60_000, FAR, ...counts]);

  test("is added once, however often it is sent, also after later ones", async () => {
    const keys = keysOf(uniqueBoard("once"));
    expect(await add(keys, 1, "accepted", 3, "held", 1)).toEqual(["added"]);
    expect(await add(keys, 1, "accepted", 3, "held", 1)).toEqual(["repeated"]);
    expect(await add(keys, 7, "accepted", 4)).toEqual(["added"]);
    expect(await add(keys, 1, "accepted", 3, "held", 1)).toEqual(["repeated"]);
    for (const key of keys.slice(0, 2))
      expect(await redis.hgetall(key)).toEqual({ accepted: "7", held: "1" });
  });

  test("has a number of its own process, not of others", async () => {
    const board = uniqueBoard("processes");
    for (const process of ["a", "b"]) {
      expect(await add(keysOf(board, process), 1, "accepted", 2)).toEqual(["added"]);
    }
    expect(await redis.hget(keysOf(board)[0]!, "accepted")).toBe("4");
  });

  test("lets the day and its own number expire, the total never", async () => {
    const keys = keysOf(uniqueBoard("expiry"));
    await add(keys, 1, "accepted", 1);
    const [total, day, last] = keys as [string, string, string];
    expect(await redis.pttl(total)).toBe(-1);
    expect(await redis.pexpiretime(day)).toBe(FAR);
    const lastTtl = await redis.pttl(last);
    expect(lastTtl).toBeGreaterThan(50_000);
    expect(lastTtl).toBeLessThanOrEqual(60_000);
  });
});

describe("players of a day", () => {
  test("are counted once each, within the error of a HyperLogLog", async () => {
    const key = presenceKeys(uniqueBoard("players")).players(DAY);
    const members = Array.from({ length: 50_000 }, (_, i) => `player-${(i * 7) % 40_000}`);
    for (let at = 0; at < members.length; at += 1_000) {
      await runScript(redis, "counters/see", [key], [FAR, ...members.slice(at, at + 1_000)]);
    }
    const counted = await redis.pfcount(key);
    // Four standard errors of 0.81 %: the members are the same in every run, so this cannot flicker.
    expect(Math.abs(counted - 40_000) / 40_000).toBeLessThan(4 * 0.0081);
    expect(await redis.pexpiretime(key)).toBe(FAR);
  });
});

describe("the sketch that a gateway keeps", () => {
  test("asks for exactly the members that change Redis's own", async () => {
    const all = presenceKeys(uniqueBoard("sketch")).players(DAY);
    const sketch = new PlayerSketch();
    const letters = ["a", "é", "😀", "-", "Z", "漢"];
    const members = Array.from({ length: 3_000 }, (_, i) => {
      const length = (i * 31) % 40;
      return `${i}${Array.from({ length }, (_, at) => letters[(i + at * at) % letters.length]).join("")}`;
    });
    // PFADD says 1 when a register has changed; the first one also because the key is new.
    const pipeline = redis.pipeline();
    for (const member of [...members, ...members]) pipeline.pfadd(all, member);
    const changed = (await pipeline.exec())!.map(([, reply]) => reply === 1);
    expect([...members, ...members].map((member) => sketch.raise(member))).toEqual(changed);
    expect(changed.filter(Boolean).length).toBeGreaterThan(2_000);
  });
});

describe("heartbeats", () => {
  const board = uniqueBoard("beats");
  const { beats, peak, dayPeak } = presenceKeys(board);
  const beat = (process: string, ttlMs: number, connections: number, players = 0, day = DAY) =>
    runScript(
      redis,
      "counters/beat",
      [beats, peak, dayPeak(day)],
      [process, ttlMs, connections, players, FAR],
    );
  const connected = () => runScript(redis, "counters/connected", [beats], []);

  test("sum over processes, replace what a process said before, end when it leaves", async () => {
    expect(await beat("a", 60_000, 5, 2)).toEqual(["connected", 5, 2, 1]);
    expect(await beat("b", 60_000, 7, 7)).toEqual(["connected", 12, 9, 2]);
    expect(await beat("a", 60_000, 1, 1)).toEqual(["connected", 8, 8, 2]);
    expect(await beat("b", 0, 0)).toEqual(["connected", 1, 1, 1]);
    expect(await connected()).toEqual(["connected", 1, 1, 1]);
  });

  test("raise the peaks and never lower them; a new day has its own", async () => {
    expect(await redis.hget(peak, "connections")).toBe("12");
    await beat("a", 60_000, 3, 0, DAY + 1);
    expect(await redis.hget(peak, "connections")).toBe("12");
    expect(await redis.hget(dayPeak(DAY), "connections")).toBe("12");
    expect(await redis.hget(dayPeak(DAY + 1), "connections")).toBe("3");
    expect(Number(await redis.hget(peak, "atMs"))).toBeGreaterThan(Date.now() - 60_000);
    expect(await redis.pexpiretime(dayPeak(DAY))).toBe(FAR);
  });

  test("of a process that says no more end with their time, and leave no key", async () => {
    await beat("killed", 80, 100, 100);
    expect(await connected()).toEqual(["connected", 103, 100, 2]);
    await eventually(async () => expect(await connected()).toEqual(["connected", 3, 0, 1]));
    await beat("a", 0, 0);
    expect(await redis.exists(beats)).toBe(0);
    await beat("a", 30, 1);
    await eventually(async () => expect(await redis.exists(beats)).toBe(0));
  });
});
