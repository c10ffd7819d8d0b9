/** [R 13] A rebuild ends the life before: whoever still has batches of it, read before Redis was lost, is refused by the tables. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LogChange } from "../../server/archive/log-entry.ts";
import { ScoreLogWriter } from "../../server/archive/score-log-writer.ts";
import { newestLife, positionsOf } from "../../server/archive/stored-lives.ts";
import type { Database } from "../../server/database/database.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

describeOnBoth("the life before a rebuild", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  test("an archiver that still has batches of the life before cannot bring them to the tables any more", async () => {
    const board = uniqueBoard("outlived");
    const open = await openBoard(redis, board, { operator: "incr", shards: 1 });
    await (await Submitter.create(redis, open)).submit("a", 1);
    await archiveByHand(redis, database, open);
    const { life } = (await newestLife(database, { board, season: 1 }))!;
    const record = (await createRedisBoardRepository(redis).get(board))!;
    await redis.hdel(open.shards[0]!.meta, "incarnation");
    const repository = createRedisBoardRepository(redis);
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    const report = await rebuild({ redis, database, repository, dedup, boards: [board], force: false });
    expect(report.boards[0]).toMatchObject({ status: "rebuilt", revision: record.record.revision + 1 });
    const now = { key: 0, rest: "" };
    const change = {
      member: "a",
      kind: "submit",
      old: undefined,
      now,
      idHash: undefined,
      metadata: undefined,
    };
    const late = {
      id: "9999999999999-0",
      n: 2,
      atMs: 9_999_999_999_999,
      changes: [change as LogChange],
      fields: [],
    };
    const shard = { board, season: 1, life, shard: 0 };
    await expect(new ScoreLogWriter(database).apply(shard, [late])).rejects.toMatchObject({
      code: "store_lost",
    });
    expect((await positionsOf(database, life)).get(0)).toMatchObject({ n: 1 });
  });
});
