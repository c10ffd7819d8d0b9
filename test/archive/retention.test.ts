import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { ArchivedBoards } from "../../server/archiver/archived-boards.ts";
import { Retention } from "../../server/archiver/retention.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { TestArchive } from "../support/archive.ts";
import { commandConnection, openBoard, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const DAY_MS = 86_400_000;
const WINDOW_MS = 600_000;

describeOnBoth("the score log in the database", (store) => {
  beforeAll(() => store.open().ready(), 60_000);

  const logAfter = async (logRetentionDays: number, elapsedMs: number) => {
    const database = store.open();
    const definition = { operator: "set" as const, shards: 2, logRetentionDays };
    const open = await openBoard(redis, uniqueBoard("kept"), definition);
    const archive = await TestArchive.of(database, open);
    const submitter = await Submitter.create(redis, open);
    for (let i = 0; i < 30; i++) await submitter.submit(`m${i}`, i);
    await archive.catchUp(redis);
    const repository = createRedisBoardRepository(redis);
    const boards = new ArchivedBoards({ repository, mirror: new BoardMirror(database), log: silentLog });
    await boards.refresh();
    const now = () => Date.now() + elapsedMs;
    const pace = { everyMs: 1_000, dedupWindowMs: WINDOW_MS };
    await new Retention({ database, boards, now, log: silentLog, ...pace }).clear();
    expect((await archive.entries()).size).toBe(30);
    return (await archive.log()).length;
  };

  it("is cleared of what is older than the board keeps, and entries stay", async () => {
    expect(await logAfter(2, 2 * DAY_MS - 60_000)).toBe(30);
    expect(await logAfter(2, 2 * DAY_MS + 60_000)).toBe(0);
  });

  it("is never kept for less than two dedup windows, which a rebuild needs", async () => {
    expect(await logAfter(0, 2 * WINDOW_MS - 60_000)).toBe(30);
    expect(await logAfter(0, 2 * WINDOW_MS + 60_000)).toBe(0);
  });
});
