/** A merger that lost its lease between reading and writing is refused at every place it writes to. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSnapshot } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { FencedError, readStates } from "../../server/leaderboard/top-reader.ts";
import { mergerLease } from "../../server/locks/lease.ts";
import { ActiveBoards } from "../../server/merger/active-boards.ts";
import { BoardMerger } from "../../server/merger/board-merger.ts";
import { Candidates } from "../../server/merger/candidates.ts";
import { feedOf } from "../../server/options.ts";
import { leaseKeys } from "../../server/redis/keys.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const LIMITS = { retentionMs: 60_000, retentionBytes: 1_000_000, messageBytesMax: 64_000 };

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

async function boardWithMerger() {
  const open = await openBoard(redis, uniqueBoard("fence"), {
    operator: "set",
    shards: 2,
    columns: [{ name: "s", max: 1_000 }],
  });
  const submitter = await Submitter.create(redis, open);
  const take = async () => {
    const lease = mergerLease(redis, open.board.id, 60_000);
    expect(await lease.hold()).toBe(true);
    return new BoardMerger({ redis, open, token: lease.token!, limits: LIMITS });
  };
  const tick = async (merger: BoardMerger) => merger.tick(open, (await readStates(redis, [open]))[0]!);
  return { open, submitter, take, tick };
}

describe("a paused merger that wakes up", () => {
  test("is fenced by the feed and by the shards, and publishes nothing", async () => {
    const { open, submitter, take, tick } = await boardWithMerger();
    await submitter.submit("a", 5);
    const paused = await take();
    expect(await tick(paused)).toBe("published");
    // Its lease runs out; another one takes over and publishes.
    await redis.del(leaseKeys(open.board.id).lease);
    const next = await take();
    await submitter.submit("b", 7);
    expect(await tick(next)).toBe("published");
    const published = await readSnapshot(redis, feedOf(open));
    await submitter.submit("c", 9);
    await expect(tick(paused)).rejects.toBeInstanceOf(FencedError);
    expect(await readSnapshot(redis, feedOf(open))).toEqual(published);
    expect(await tick(next)).toBe("published");
  });

  test("cannot move a shard's cutoff under the later one", async () => {
    const { open, submitter } = await boardWithMerger();
    for (let i = 0; i < 10; i++) await submitter.submit(`m${i}`, i);
    const [early, late] = [new Candidates(redis, open, "5"), new Candidates(redis, open, "6")];
    await late.refresh([], 2);
    await expect(early.refresh([], 2)).rejects.toBeInstanceOf(FencedError);
    await late.raise(2);
    expect(Number(await redis.hget(open.shards[0]!.meta, "cutoff"))).toBe(late.cutoff);
  });
});

describe("a failover of a shard [R 7]", () => {
  test("that lost acknowledged writes is read in full and opens a fresh epoch, though no version changed", async () => {
    const { open, submitter, take, tick } = await boardWithMerger();
    await submitter.submit("a", 5);
    await submitter.submit("b", 7);
    const merger = await take();
    await tick(merger);
    const before = await readSnapshot(redis, feedOf(open));
    // What a promotion of a lagging replica does: an entry is as it was earlier, its dirty mark too, the history another.
    await redis.zadd(open.shards[submitter.shardOf("b")]!.entries, 1_000 - 3, "b");
    await redis.call("DEBUG", "CHANGE-REPL-ID");
    expect(await tick(merger)).toBe("published");
    const after = await readSnapshot(redis, feedOf(open));
    expect(after).toMatchObject({ whole: true, rows: [{ member: "a" }, { member: "b", score: 997 }] });
    if (before === "store_lost" || after === "store_lost") throw new Error("the feed is lost");
    expect(after.epoch).not.toBe(before.epoch);
    expect(after.offset).toBeGreaterThan(before.offset);
  });
});

describe("a merger that found a board lost, again and again", () => {
  test("waits before it looks again, but not once the board is restored", async () => {
    const { open } = await boardWithMerger();
    const { id } = open.board;
    const boards = new ActiveBoards({ redis, leaseTtlMs: 60_000, quietMs: 600_000 });
    boards.wake(id);
    const turns = async (known: OpenBoard) => (await boards.turns(new Map([[id, known]]))).length;
    for (let failures = 0; failures < 5; failures++) {
      const [active] = await boards.turns(new Map([[id, open]]));
      await boards.failed(active!, open, 0);
    }
    boards.wake(id);
    expect(await turns(open)).toBe(0);
    const restored = { ...open, season: { ...open.season, incarnation: "the next life" } };
    expect(await turns(restored)).toBe(1);
    await boards.releaseAll();
  });
});
