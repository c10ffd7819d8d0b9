/** The feed's scripts: append with compare-and-set and fenced epoch, resume, retention. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Row } from "../../client-sdk/protocol/messages.ts";
import {
  appendFrame,
  type FeedLimits,
  type FeedOf,
  openEpoch,
  readRecent,
  readSince,
  readSnapshot,
  type StoredChange,
} from "../../server/feed/feed-store.ts";
import { Lease } from "../../server/locks/lease.ts";
import { feedOf } from "../../server/options.ts";
import { leaseKeys } from "../../server/redis/keys.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis({ args: ["--enable-debug-command", "yes"] });
  redis = await commandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const LIMITS: FeedLimits = { retentionMs: 60_000, retentionBytes: 1_000_000, messageBytesMax: 64_000 };

const NOTHING: StoredChange = { removes: [], adds: [] };

async function feed() {
  const of = feedOf(await openBoard(redis, uniqueBoard("feed"), { operator: "set", shards: 1 }));
  const lease = new Lease(redis, leaseKeys(of.board), { ttlMs: 60_000 });
  await lease.hold();
  const { epoch } = await snapshot(of);
  const append = (offset: number, change: { set?: Row[]; drop?: string[] } = {}, limits = LIMITS) => {
    const frame = { epoch, offset, set: [], drop: [], total: 1, ...change };
    const stored: StoredChange = {
      removes: frame.drop,
      adds: frame.set.flatMap(([member, key]) => [key, member]),
    };
    return appendFrame(redis, of, frame, { token: lease.token!, limits, change: stored });
  };
  return { of, lease, epoch, append };
}

async function snapshot(of: FeedOf) {
  const taken = await readSnapshot(redis, of);
  if (taken === "store_lost") throw new Error("the feed is lost");
  return taken;
}

describe("appending a frame", () => {
  test("changes the published top, the position and the stream in one step", async () => {
    const { of, epoch, append } = await feed();
    expect(
      await append(1, {
        set: [
          ["a", 3, 7],
          ["b", 5, 5],
        ],
      }),
    ).toBe("appended");
    expect(await append(2, { set: [["a", 9, 1]], drop: ["b"] })).toBe("appended");
    expect(await snapshot(of)).toMatchObject({ epoch, offset: 2, rows: [{ member: "a", score: 9 }] });
    expect((await readSince(redis, of, { epoch, offset: 0 }, 10))?.map(({ offset }) => offset)).toEqual([
      1, 2,
    ]);
  });

  test("[R 8] is refused as stale when somebody else has appended", async () => {
    const { of, append } = await feed();
    await append(1);
    expect(await append(1, { set: [["x", 1, 1]] })).toBe("stale");
    expect(await append(5)).toBe("stale");
    expect(await snapshot(of)).toMatchObject({ offset: 1, rows: [] });
  });

  test("[R 8] is refused as fenced without the lease, and with an earlier holder's token", async () => {
    const { of, lease, epoch, append } = await feed();
    const oldToken = lease.token!;
    await redis.del(leaseKeys(of.board).lease);
    expect(await append(1)).toBe("fenced");
    const next = new Lease(redis, leaseKeys(of.board), { ttlMs: 60_000 });
    expect(await next.hold()).toBe(true);
    expect(Number(next.token)).toBeGreaterThan(Number(oldToken));
    const frame = { epoch, offset: 1, set: [], drop: [], total: 0 };
    expect(await appendFrame(redis, of, frame, { token: oldToken, limits: LIMITS, change: NOTHING })).toBe(
      "fenced",
    );
    expect(await appendFrame(redis, of, frame, { token: next.token!, limits: LIMITS, change: NOTHING })).toBe(
      "appended",
    );
  });

  test("[R 8] is refused as another epoch after Redis's replication history changed, until a fresh epoch is opened", async () => {
    const { of, lease, epoch, append } = await feed();
    await append(1);
    await redis.call("DEBUG", "CHANGE-REPL-ID");
    expect(await append(2)).toBe("epoch");
    expect(await snapshot(of)).toMatchObject({ whole: false });
    const opened = await openEpoch(redis, of, lease.token!);
    expect(opened).toMatchObject({ offset: 1 });
    if (typeof opened === "string") return;
    expect(opened.epoch).not.toBe(epoch);
    // Positions of the old epoch, and those before the new one's start, cannot be resumed.
    expect(await readSince(redis, of, { epoch, offset: 1 }, 10)).toBeUndefined();
    expect(await readSince(redis, of, { epoch: opened.epoch, offset: 0 }, 10)).toBeUndefined();
    const frame = { epoch: opened.epoch, offset: 2, set: [], drop: [], total: 0 };
    expect(
      await appendFrame(redis, of, frame, { token: lease.token!, limits: LIMITS, change: NOTHING }),
    ).toBe("appended");
  });

  test("publishes the frame, or only its position when it is large", async () => {
    const { of, epoch, append } = await feed();
    const subscriber = server.client();
    const heard: unknown[] = [];
    const both = new Promise<void>((resolve) => {
      subscriber.on("smessage", (_, message: string) => {
        heard.push(JSON.parse(message));
        if (heard.length === 2) resolve();
      });
    });
    await subscriber.ssubscribe(of.keys.channel);
    await append(1, { set: [["a", 1, 1]] });
    await append(2, { set: [["b", 2, 2]] }, { ...LIMITS, messageBytesMax: 1024, retentionMs: 60_000 });
    await append(3, { set: [["c".repeat(2000), 2, 2]] }, { ...LIMITS, messageBytesMax: 1024 });
    await both;
    expect(heard[0]).toEqual({ epoch, offset: 1, set: [["a", 1, 1]], drop: [], total: 1 });
    await expect.poll(() => heard[2]).toEqual({ epoch, offset: 3 });
  });
});

describe("the frames of a feed", () => {
  test("are given complete or not at all", async () => {
    const { of, epoch, append } = await feed();
    for (let offset = 1; offset <= 5; offset++) await append(offset);
    expect(await readSince(redis, of, { epoch, offset: 5 }, 10)).toEqual([]);
    expect(await readSince(redis, of, { epoch, offset: 2 }, 10)).toHaveLength(3);
    expect(await readSince(redis, of, { epoch, offset: 2 }, 2)).toBeUndefined();
    expect(await readSince(redis, of, { epoch, offset: 6 }, 10)).toBeUndefined();
    await redis.xdel(of.keys.frames, "4-0");
    expect(await readSince(redis, of, { epoch, offset: 2 }, 10)).toBeUndefined();
    expect((await readRecent(redis, of, { epoch, offset: 5 }, 10)).map(({ offset }) => offset)).toEqual([5]);
  });

  test("are trimmed by age and by bytes, and the newest always stays", async () => {
    const { of, epoch, append } = await feed();
    const big: Row[] = [["x".repeat(3_000), 1, 1]];
    for (let offset = 1; offset <= 20; offset++) {
      await append(offset, { set: big }, { ...LIMITS, retentionBytes: 10_000 });
    }
    const bytes = Number(await redis.hget(of.keys.state, "bytes"));
    expect(bytes).toBeLessThanOrEqual(10_000);
    const kept = await redis.xrange(of.keys.frames, "-", "+");
    expect(kept.reduce((sum, [, fields]) => sum + fields[1]!.length, 0)).toBe(bytes);
    expect(kept.at(-1)?.[0]).toBe("20-0");
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (let offset = 21; offset <= 24; offset++) await append(offset, {}, { ...LIMITS, retentionMs: 1 });
    expect(await readSince(redis, of, { epoch, offset: 15 }, 100)).toBeUndefined();
    expect((await redis.xrange(of.keys.frames, "-", "+")).at(-1)?.[0]).toBe("24-0");
  });
});

describe("a lease", () => {
  test("is held by one at a time, renewed by its holder only, and given on after its time", async () => {
    const keys = leaseKeys(uniqueBoard("lease"));
    const [one, two] = [new Lease(redis, keys, { ttlMs: 100 }), new Lease(redis, keys, { ttlMs: 100 })];
    expect(await one.hold()).toBe(true);
    expect(await two.hold()).toBe(false);
    const first = Number(one.token);
    await expect.poll(() => two.hold()).toBe(true);
    expect(Number(two.token)).toBeGreaterThan(first);
    expect(await one.hold()).toBe(false);
    await two.release();
    expect(await one.hold()).toBe(true);
    expect(Number(one.token)).toBeGreaterThan(first + 1);
  });
});
