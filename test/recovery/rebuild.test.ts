/** A total loss of Redis: what the archive has comes back whole, under a new incarnation, whatever interrupts the rebuild. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { derive } from "../../server/leaderboard/season-steps.ts";
import { type RebuildNeeds, type RebuildReport, rebuild } from "../../server/recovery/rebuild.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand, archiveRecord } from "../support/hand-archive.ts";
import { firstTop } from "../support/publisher.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const POINTS: BoardDefinition = { operator: "incr", shards: 4, metadata: true };
const WIDE: BoardDefinition = {
  operator: "set",
  shards: 2,
  columns: [
    { name: "score", type: "float" },
    { name: "since", type: "int64" },
  ],
};

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

describeOnBoth("rebuild", (store) => {
  let database: Database;
  // PGlite takes its time on a busy machine.
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);
  beforeEach(() => redis.flushall());

  function needs(board: string, more: Partial<RebuildNeeds> = {}): RebuildNeeds {
    const repository = createRedisBoardRepository(redis);
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    return { redis, database, repository, dedup, boards: [board], force: false, ...more };
  }

  async function loseAndRebuild(board: string): Promise<{ open: OpenBoard; report: RebuildReport }> {
    await redis.flushall();
    const report = await rebuild(needs(board));
    return { open: await openNow(board), report };
  }

  async function openNow(board: string): Promise<OpenBoard> {
    return derive((await createRedisBoardRepository(redis).get(board))!.record);
  }

  const readTop = async (open: OpenBoard) => {
    const reader = new Reader(redis, await createHasher());
    return (await reader.page(open, undefined, 100)).entries;
  };

  test("every entry, hidden ones and metadata come back; a packed board ranks as before", async () => {
    const board = uniqueBoard("packed");
    const open = await openBoard(redis, board, POINTS);
    const submitter = await Submitter.create(redis, open);
    for (let i = 0; i < 40; i++) await submitter.submit(`m${i}`, i % 7);
    await redis.hset(open.shards[submitter.shardOf("m3")]!.metadata, "m3", '{"car":"7"}');
    await archiveByHand(redis, database, open);
    await database.run((db) =>
      db
        .updateTable("current_entries")
        .set({ visibility: 1 })
        .where("board", "=", board)
        .where("member", "=", "m5")
        .execute(),
    );
    const before = (await readTop(open)).filter(({ member }) => member !== "m5");
    const { open: after, report } = await loseAndRebuild(board);
    const ranked = await readTop(after);
    expect(ranked.map(({ member, score }) => [member, score])).toEqual(
      before.map(({ member, score }) => [member, score]),
    );
    expect(report.boards[0]).toMatchObject({
      status: "rebuilt",
      seasons: [{ season: 1, entries: 40, hidden: 1 }],
    });
    expect(await firstTop(redis, after)).toEqual(ranked.map(({ member }) => member));
    const { hidden, meta } = after.shards[submitter.shardOf("m5")]!;
    expect(await redis.zscore(hidden, "m5")).not.toBeNull();
    expect(await redis.hget(meta, "hidden")).toBe("1");
    expect(await redis.hget(after.shards[submitter.shardOf("m3")]!.metadata, "m3")).toBe('{"car":"7"}');
  });

  test("a wide board comes back down to the last bit, its hidden members behind their line feed", async () => {
    const board = uniqueBoard("wide");
    const open = await openBoard(redis, board, WIDE);
    const submitter = await Submitter.create(redis, open);
    const floats = [0.1, 0.1 + 0.2, -1e300, Number.MIN_VALUE, 2 ** 53 + 2, 1e21];
    for (const [i, score] of floats.entries())
      await submitter.submitValues(`w${i}`, { score, columns: { since: "9007199254740993" } });
    await archiveByHand(redis, database, open);
    await database.run((db) =>
      db
        .updateTable("current_entries")
        .set({ visibility: 2 })
        .where("board", "=", board)
        .where("member", "=", "w1")
        .execute(),
    );
    const before = (await readTop(open)).filter(({ member }) => member !== "w1");
    const { open: after } = await loseAndRebuild(board);
    expect((await readTop(after)).map(({ rank, ...entry }) => entry)).toEqual(
      before.map(({ rank, ...entry }) => entry),
    );
    expect(await firstTop(redis, after)).toEqual((await readTop(after)).map(({ member }) => member));
    const places = after.shards[submitter.shardOf("w1")]!.places;
    expect(await redis.hget(places, "\nw1")).not.toBeNull();
    const again = await Submitter.create(redis, after);
    expect(
      await again.submitValues("w2", { score: -1e300, columns: { since: "9007199254740993" } }),
    ).toMatchObject({
      tag: "applied",
      statuses: ["u"],
    });
  });

  test("the incarnation is new, batches go on from the archived one, and an id of before is a duplicate", async () => {
    const board = uniqueBoard("ids");
    const open = await openBoard(redis, board, POINTS);
    const submitter = await Submitter.create(redis, open);
    await submitter.submit("a", 5, "first");
    await submitter.submit("a", 2, "second");
    await archiveByHand(redis, database, open);
    await submitter.submit("a", 100, "too late for the archive");
    const { open: after, report } = await loseAndRebuild(board);
    expect(after.season.incarnation).not.toBe(open.season.incarnation);
    expect(after.season.salt).toBe(open.season.salt);
    expect(await submitter.submit("a", 1)).toEqual({ tag: "store_lost" });
    const shard = submitter.shardOf("a");
    expect(report.boards[0]).toMatchObject({ seasons: [{ ids: 2 }] });
    const said =
      report.boards[0]!.status === "rebuilt" ? report.boards[0]!.seasons[0]!.shards[shard]! : undefined;
    expect(said).toMatchObject({ n: 2, entries: 1 });
    expect(Date.parse(said!.at!)).toBeGreaterThan(Date.now() - 60_000);
    const again = await Submitter.create(redis, after);
    expect(await again.submit("a", 5, "first")).toMatchObject({ statuses: ["d"] });
    expect(await again.submit("a", 100, "too late for the archive")).toMatchObject({ statuses: ["a"], n: 3 });
    expect((await readTop(after)).map(({ member, score }) => [member, score])).toEqual([["a", 107]]);
  });

  test("ids are in the window that they were in when the archive ended, and older ones are forgotten", async () => {
    const board = uniqueBoard("windows");
    const open = await openBoard(redis, board, { ...POINTS, shards: 1 });
    const submitter = await Submitter.create(redis, open);
    for (const id of ["oldest", "older", "newest"]) await submitter.submit("a", 1, id);
    await archiveByHand(redis, database, open);
    const hours = (ago: number) => new Date(Date.now() - ago * 3_600_000);
    for (const [n, ago] of [
      [1, 2],
      [2, 1.25],
      [3, 1],
    ] as const) {
      await database.run((db) =>
        db
          .updateTable("score_log")
          .set({ at: hours(ago) })
          .where("n", "=", n)
          .where("life", "in", (lives) => lives.selectFrom("lives").select("life").where("board", "=", board))
          .execute(),
      );
    }
    await database.run((db) =>
      db
        .updateTable("shard_positions")
        .set({ at: hours(1) })
        .where("life", "in", (lives) => lives.selectFrom("lives").select("life").where("board", "=", board))
        .execute(),
    );
    const { open: after } = await loseAndRebuild(board);
    const { idsNow, idsBefore } = after.shards[0]!;
    const hasher = await createHasher();
    const hash = (id: string): string => hasher.idHash("salt", "a", id);
    expect((await redis.smembers(idsNow)).sort()).toEqual(["", hash("newest")].sort());
    expect((await redis.smembers(idsBefore)).sort()).toEqual(["", hash("older")].sort());
    // In a window of 20 minutes are both.
    await redis.flushall();
    await rebuild(needs(board, { dedup: { windowMs: 1_200_000, idsMax: 100_000 } }));
    expect((await redis.smembers(idsNow)).sort()).toEqual(["", hash("newest"), hash("older")].sort());
    // Of a window that holds two, one is left free.
    await redis.flushall();
    await rebuild(needs(board, { dedup: { windowMs: 3_000_000, idsMax: 2 } }));
    expect((await redis.smembers(idsNow)).sort()).toEqual(["", hash("newest")].sort());
    expect((await redis.smembers(idsBefore)).sort()).toEqual(["", hash("older"), hash("oldest")].sort());
  });

  test("stopped at each step and run again, it comes to the same entries under one more life", async () => {
    const board = uniqueBoard("killed");
    const open = await openBoard(redis, board, POINTS);
    const submitter = await Submitter.create(redis, open);
    for (let i = 0; i < 20; i++) await submitter.submit(`m${i}`, i, `id${i}`);
    await archiveByHand(redis, database, open);
    await redis.flushall();
    const hashes = (report: RebuildReport): unknown =>
      report.boards[0]!.status === "rebuilt" &&
      report.boards[0]!.seasons[0]!.shards.map(({ hash, n }) => [hash, n]);
    let steps = 0;
    const whole = await rebuild(needs(board, { onStep: () => void steps++ }));
    expect(steps).toBeGreaterThan(4);
    for (let last = 0; last < steps; last++) {
      await redis.flushall();
      let step = 0;
      const stop = () => {
        if (step++ === last) throw new Error("stopped");
      };
      await expect(rebuild(needs(board, { onStep: stop }))).rejects.toThrow("stopped");
      const again = await rebuild(needs(board));
      // After the last step everything is there already.
      if (last === steps - 1) expect(again.boards[0]).toMatchObject({ status: "there", shards: 4, of: 4 });
      else expect(hashes(again)).toEqual(hashes(whole));
      const found = await readTop(await openNow(board));
      expect(found.map(({ member }) => member)).toEqual(Array.from({ length: 20 }, (_, i) => `m${19 - i}`));
    }
  });

  test("data that is there is left alone, unless it is forced", async () => {
    const board = uniqueBoard("there");
    const open = await openBoard(redis, board, POINTS);
    const submitter = await Submitter.create(redis, open);
    await submitter.submit("a", 1);
    await archiveByHand(redis, database, open);
    await submitter.submit("a", 1);
    expect((await rebuild(needs(board))).boards).toEqual([{ board, status: "there", shards: 4, of: 4 }]);
    expect((await readTop(open))[0]).toMatchObject({ member: "a", score: 2 });
    const forced = await rebuild(needs(board, { force: true }));
    expect(forced.boards[0]).toMatchObject({ status: "rebuilt" });
    expect(await submitter.submit("a", 1)).toEqual({ tag: "store_lost" });
    expect((await readTop(await openNow(board)))[0]).toMatchObject({ member: "a", score: 1 });
  });

  test("a board that somebody creates meanwhile keeps its own shards, and the rebuild says so", async () => {
    const board = uniqueBoard("raced");
    const open = await openBoard(redis, board, POINTS);
    await (await Submitter.create(redis, open)).submit("a", 1);
    await archiveByHand(redis, database, open);
    await redis.flushall();
    let created: OpenBoard | undefined;
    const onStep = async ({ step }: { step: string }): Promise<void> => {
      if (step === "shards emptied") created = await openBoard(redis, board, POINTS);
    };
    await expect(rebuild(needs(board, { onStep }))).rejects.toMatchObject({ code: "store_lost" });
    expect(await readTop(created!)).toEqual([]);
    expect(await (await Submitter.create(redis, created!)).submit("b", 1)).toMatchObject({ statuses: ["a"] });
  });

  test("the next season and those that are closing come back too, those that are archived do not", async () => {
    const board = uniqueBoard("seasons");
    const open = await openBoard(redis, board, POINTS);
    await (await Submitter.create(redis, open)).submit("a", 1);
    await archiveByHand(redis, database, open);
    const { record } = (await createRedisBoardRepository(redis).get(board))!;
    const season = (number: number, state: "open" | "closed") => ({
      board: record.board,
      season: { ...record.season, number, state, incarnation: `of ${board} ${number}` },
    });
    const many = {
      ...record,
      season: { ...record.season, number: 3 },
      next: season(4, "open"),
      closing: [season(1, "closed"), season(2, "closed")],
      revision: 10,
    };
    await archiveRecord(database, many);
    await database.run((db) =>
      db
        .updateTable("seasons")
        .set({ archived_at: new Date() })
        .where("board", "=", board)
        .where("season", "=", 1)
        .execute(),
    );
    await redis.flushall();
    expect((await rebuild(needs(board))).boards[0]).toMatchObject({
      revision: 11,
      seasons: [{ season: 3 }, { season: 4 }, { season: 2 }],
    });
    const now = (await createRedisBoardRepository(redis).get(board))!.record;
    expect(now.closing.map(({ season: { number } }) => number)).toEqual([2]);
    expect(await redis.hget(derive(now.closing[0]!).shards[0]!.meta, "state")).toBe("closed");
    expect(await redis.hget(derive(now.next!).shards[0]!.meta, "state")).toBe("open");
  });
});
