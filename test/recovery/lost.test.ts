/** Whoever keeps where its submissions are in the score log can tell after a total loss of Redis which ones are lost. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { derive } from "../../server/leaderboard/season-steps.ts";
import { LostSubmissions } from "../../server/recovery/lost.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";
import { asProcess, fileOf } from "../cli/rankwire.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { newEmbeddedFolder } from "../support/embedded-template.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let own: TestRedis;
let redis: Redis;
let server: TestServer;
beforeAll(async () => {
  own = await startTestRedis();
  redis = await commandConnection(own.url);
  server = await startServer(own.url);
});
afterAll(async () => {
  await server.stop();
  redis.disconnect();
  await own.stop();
});

describeOnBoth("lost submissions", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  test("are those beyond what a rebuild went on from, over two losses, and not before Redis is lost", async () => {
    const board = uniqueBoard("lost");
    const repository = createRedisBoardRepository(redis);
    const isLost = async (open: OpenBoard, shard: number, n: number | undefined): Promise<boolean> => {
      const { number: season, incarnation } = open.season;
      const submissions = new LostSubmissions({ redis, database, repository });
      return submissions.isLost({ board, season, incarnation, shard, n });
    };
    const loseAndRebuild = async (): Promise<OpenBoard> => {
      await redis.flushall();
      const dedup = { windowMs: 600_000, idsMax: 1_000 };
      await rebuild({ redis, database, repository, dedup, boards: [board], force: false });
      return derive((await repository.get(board))!.record);
    };
    const first = await openBoard(redis, board, { operator: "incr", shards: 2 });
    const submitter = await Submitter.create(redis, first);
    const shard = submitter.shardOf("a");
    // The tables know neither board nor life yet.
    await submitter.submit("a", 1);
    expect(await isLost(first, shard, 1)).toBe(false);
    await archiveByHand(redis, database, first);
    await submitter.submit("a", 1);
    expect(await isLost(first, shard, 2)).toBe(false);
    expect(await isLost(first, shard, undefined)).toBe(true);

    const second = await loseAndRebuild();
    expect(await isLost(first, shard, 1)).toBe(false);
    expect(await isLost(first, shard, 2)).toBe(true);
    const later = await Submitter.create(redis, second);
    for (let i = 0; i < 2; i++) await later.submit("a", 1);
    expect(await isLost(second, shard, 3)).toBe(false);
    await archiveByHand(redis, database, second);
    await later.submit("a", 1);

    // Before the rebuild it is told by what the tables have.
    await redis.flushall();
    expect(await isLost(second, shard, 3)).toBe(false);
    expect(await isLost(second, shard, 4)).toBe(true);
    await loseAndRebuild();
    expect(await isLost(second, shard, 4)).toBe(true);
    // That the tables have come beyond it in a later life does not bring it back.
    expect(await isLost(first, shard, 2)).toBe(true);
    expect(await isLost(first, shard, 1)).toBe(false);
  });
});

test("answers say where results are in the score log, to those who ask, whatever the acknowledgement", async () => {
  const board = uniqueBoard("positions");
  await server.createBoard(board, { operator: "incr", shards: 1 });
  const submit = async (more: object) => {
    const submissions = [
      { member: "a", score: 1, id: "1" },
      { member: "b", score: -1 },
    ];
    const body = { submissions, ...more };
    return (
      await server.call<{ results: { log?: object }[] }>("POST", `/v1/boards/${board}/scores`, {
        key: SERVER_KEY,
        body,
      })
    ).body;
  };
  const { season } = await server.running.registry.get(board);
  expect(await submit({ positions: true })).toMatchObject({
    incarnation: season.incarnation,
    results: [{ outcome: "accepted", log: { shard: 0, n: 1 } }, { outcome: "rejected" }],
  });
  const repeated = await submit({ positions: true, ack: "replica" });
  expect(repeated.results[0]).toMatchObject({ outcome: "duplicate", log: { shard: 0, n: 1 } });
  expect(repeated.results[1]!.log).toBeUndefined();
  const plain = await submit({});
  expect([plain.results[0]!.log, "incarnation" in plain]).toEqual([undefined, false]);
});

test("the command goes on past lines that say nothing, and of one board prints bodies that the server takes", {
  timeout: 60_000,
}, async () => {
  const board = uniqueBoard("again");
  await server.createBoard(board, { operator: "incr", shards: 1 });
  const submissions = [{ member: "a", score: 1, id: "1" }];
  const post = async (body: unknown) =>
    (await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body })).body;
  await post({ submissions });
  const { season } = await server.running.registry.get(board);
  const at = { board, season: 1, incarnation: season.incarnation, shard: 0 };
  const gone = { ...at, incarnation: "of a life that was lost", n: 7, lap: 3 };
  const lines = [
    { ...at, n: 1, ...submissions[0] },
    { board, member: "b" },
    { ...gone, member: "b", score: 5, id: "2" },
    { ...at, member: "a", score: 1, id: "1" },
    { ...gone, board: "another", member: "c", score: 6 },
    { ...gone, member: "d" },
  ].map((line) => JSON.stringify(line));
  const env = { REDIS_URL: own.url, DATA_DIR: await newEmbeddedFolder() };
  const record = fileOf([...lines, "no JSON"].join("\n"));
  const [missing, all] = await Promise.all([
    asProcess(env, "lost", "/no/such/record", "--json"),
    asProcess(env, "lost", record),
  ]);
  expect(missing).toMatchObject({ code: 1, out: "" });
  expect(JSON.parse(missing.err)).toMatchObject({ error: { code: "usage" } });

  expect([all.out.trim().split("\n"), all.code]).toEqual([[2, 3, 4, 5].map((i) => lines[i]), 1]);
  expect(all.err).toMatch(/^4 of 7 submissions lost\.\nusage: 2 of 7 lines .+ line 2, which lacks/);

  const again = await asProcess(env, "lost", record, "--board", board);
  expect(again.err).toMatch(
    /^2 of 6 submissions lost\.\nusage: 3 of 6 lines .+\n.+\ndetails: .*"line":6,.*score/s,
  );
  expect(again.out.trim().split("\n")).toHaveLength(1);
  expect(await post(JSON.parse(again.out))).toMatchObject({
    results: [{ outcome: "accepted", score: 5 }, { outcome: "duplicate" }],
  });
});
