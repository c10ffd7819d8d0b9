/** History over a total loss of Redis: what was archived of the life before stands, what it lost is a gap, and the next life goes on. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { StoredSeasons } from "../../server/archive/stored-seasons.ts";
import { FeedArchiver } from "../../server/archiver/feed-archiver.ts";
import type { Database } from "../../server/database/database.ts";
import { MemberHistory } from "../../server/history/member-history.ts";
import { PastSeasons } from "../../server/history/past-seasons.ts";
import { PastTops } from "../../server/history/past-tops.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { derive } from "../../server/leaderboard/season-steps.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";
import { commandConnection, openBoard, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { Publisher } from "../support/publisher.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

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

describeOnBoth("history over a rebuild", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  async function archiveFeed(open: OpenBoard): Promise<void> {
    const { board, season } = open;
    const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
    const feeds = { everyMs: 0, topFrames: 500, topMs: 3_600_000 };
    const archiver = new FeedArchiver({ open, life }, { redis, database, log: silentLog, feeds });
    while (await archiver.turn(open));
  }

  test("names what was lost, and goes on", async () => {
    const board = uniqueBoard("lost");
    const open = await openBoard(redis, board, { operator: "set", order: "asc", shards: 1 });
    const before = await Submitter.create(redis, open);
    const publisher = await Publisher.of(redis, open);
    await before.submit("ann", 5);
    const one = await publisher.publish(new Map([["ann", 5]]));
    await archiveByHand(redis, database, open);
    await archiveFeed(open);
    await publisher.pass();
    // Published, and gone with Redis before anybody archived it.
    const two = await publisher.publish(new Map([["ann", 3]]));

    await redis.flushall();
    const repository = createRedisBoardRepository(redis);
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    await rebuild({ redis, database, repository, dedup, boards: [board], force: false });
    const again = derive((await repository.get(board))!.record);
    // The rebuild itself published the first top.
    const next = await Publisher.of(redis, again);
    const three = next.published[0]!;
    expect(three.top).toEqual([["ann", 5]]);
    const after = await Submitter.create(redis, again);
    await after.submit("ann", 8);
    await next.pass();
    const four = await next.publish(new Map([["ann", 8]]));
    await archiveByHand(redis, database, again);
    await archiveFeed(again);

    const seasons = new StoredSeasons(database);
    const tops = new PastTops({ redis, database, seasons });
    const at = async (atMs: number) => {
      const { rows, complete, gap } = await tops.at(again, atMs, true);
      return { rows: rows.map(([member, key]) => [member, key]), complete, gap };
    };
    expect(await at(one.atMs)).toEqual({ rows: one.top, complete: true, gap: undefined });
    const lost = await at(two.atMs);
    expect(lost).toMatchObject({ rows: one.top, complete: false });
    expect(lost.gap!.fromMs).toBeLessThan(two.atMs);
    expect(lost.gap!.toMs).toBe(three.atMs);
    expect(await at(three.atMs)).toEqual({ rows: three.top, complete: true, gap: undefined });
    expect(await at(four.atMs)).toEqual({ rows: four.top, complete: true, gap: undefined });

    const past = new PastSeasons(database, seasons);
    const history = new MemberHistory({ database, past, tops, hasher: await createHasher(), rowsMax: 100 });
    const range = { fromMs: open.season.openedAtMs, toMs: four.atMs, points: 50 };
    const curve = await history.curve(again, "ann", { ...range, withRanks: true, isHot: true });
    expect(curve.complete).toBe(true);
    expect(curve.scores.map(({ values }) => values?.score)).toEqual([5, 8]);
    expect(curve.ranks.every(({ exact, rank }) => exact && rank === 1)).toBe(true);
  });
});
