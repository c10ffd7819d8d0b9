/** Redis and the tables are compared while both go on: a right archive has no difference, each planted one is found with its reason. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { verifyText } from "../../server/cli/verify-command.ts";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { compareSeason, type SeasonComparison } from "../../server/recovery/compare-season.ts";
import { verify } from "../../server/recovery/verify.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand, archiveRecord } from "../support/hand-archive.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const POINTS: BoardDefinition = { operator: "incr", shards: 2 };
const WIDE: BoardDefinition = {
  operator: "set",
  shards: 2,
  columns: [
    { name: "score", type: "float" },
    { name: "n", type: "int64" },
  ],
};

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

describeOnBoth("verify", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  const compare = (open: OpenBoard, waitMs = 5_000): Promise<SeasonComparison> =>
    compareSeason({ redis, database, waitMs }, open);

  async function archived(
    definition: BoardDefinition,
    members: number,
  ): Promise<{ open: OpenBoard; submitter: Submitter }> {
    const open = await openBoard(redis, uniqueBoard("verify"), definition);
    const submitter = await Submitter.create(redis, open);
    const columns = definition === WIDE ? { columns: { n: "7" } } : {};
    for (let i = 0; i < members; i++) await submitter.submitValues(`m${i}`, { score: i, ...columns });
    await archiveByHand(redis, database, open);
    return { open, submitter };
  }

  test("two sides that stand still are equal by hash, whatever the layout", async () => {
    for (const definition of [POINTS, WIDE]) {
      const { open } = await archived(definition, 30);
      const { shards, found } = await compare(open);
      expect(found).toBe(0);
      expect(shards.map(({ compared }) => compared)).toEqual(["by hash", "by hash"]);
      expect(shards.reduce((sum, { entries }) => sum + entries.redis, 0)).toBe(30);
    }
  });

  test("while submissions go on and the archive follows, nothing differs; what was planted meanwhile does", async () => {
    const { open, submitter } = await archived(POINTS, 60);
    let ends = false;
    const going = (async () => {
      for (let i = 0; !ends; i++) {
        const some = Array.from({ length: 10 }, (_, j) => `m${(10 * i + j) % 50}`);
        const writing = (async () => {
          for (const member of some) await submitter.submit(member, 1);
        })();
        // While it writes, but never far behind.
        await archiveByHand(redis, database, open);
        await writing;
      }
    })();
    try {
      const right = await compare(open);
      expect(right.differences).toEqual([]);
      expect(right.shards.every(({ entries }) => entries.redis >= 20)).toBe(true);
      await redis.zadd(open.shards[submitter.shardOf("m55")]!.entries, 5, "m55");
      const wrong = await compare(open);
      expect(wrong.differences).toMatchObject([
        { reason: "value_differs", member: "m55", redis: { key: 5 } },
      ]);
    } finally {
      ends = true;
      await going;
    }
  });

  test("each kind of difference is found from its own side", async () => {
    for (const definition of [POINTS, WIDE]) {
      const { open, submitter } = await archived(definition, 40);
      const row = (member: string) =>
        database.run((db) =>
          db
            .deleteFrom("current_entries")
            .where("board", "=", open.board.id)
            .where("member", "=", member)
            .execute(),
        );
      await row("m1");
      const keys = open.shards[submitter.shardOf("m2")]!;
      const stored = (await redis.zrange(keys.entries, "0", "-1")).find((name) => name.endsWith("m2"))!;
      await redis.zrem(keys.entries, stored);
      const change = (member: string, values: { key: number } | { visibility: number }) =>
        database.run((db) =>
          db
            .updateTable("current_entries")
            .set(values)
            .where("board", "=", open.board.id)
            .where("member", "=", member)
            .execute(),
        );
      await change("m3", { key: 1e15 });
      await change("m4", { visibility: 2 });
      const { differences, found, shards } = await compare(open);
      const told = differences.map(({ reason, member }) => `${member} ${reason}`).sort();
      expect(told).toEqual([
        "m1 missing_in_archive",
        "m2 missing_in_redis",
        "m3 value_differs",
        "m4 visibility_differs",
      ]);
      expect(found).toBe(4);
      expect(shards.some(({ compared }) => compared === "by entry")).toBe(true);
    }
  });

  test("an archive that does not come up is behind, and its entries are not called wrong", async () => {
    const { open, submitter } = await archived(POINTS, 10);
    await submitter.submit("m1", 5);
    const { differences } = await compare(open, 100);
    expect(differences).toEqual([{ reason: "behind", shard: submitter.shardOf("m1") }]);
    await archiveByHand(redis, database, open);
    expect((await compare(open)).found).toBe(0);
  });

  test("a lost shard, another life and a board of one side only are told apart", async () => {
    const { open } = await archived(POINTS, 10);
    await redis.del(open.shards[1]!.meta);
    expect((await compare(open, 100)).differences).toEqual([{ reason: "store_lost", shard: 1 }]);
    const another = { ...open, season: { ...open.season, incarnation: "of nobody" } };
    expect((await compare(another, 100)).differences.map(({ reason }) => reason)).toEqual([
      "store_lost",
      "store_lost",
    ]);
    const repository = createRedisBoardRepository(redis);
    const lonely = await openBoard(redis, uniqueBoard("lonely"), POINTS);
    const report = await verify({ redis, database, waitMs: 100, repository, boards: [lonely.board.id] });
    expect(report).toMatchObject({ onlyInRedis: [lonely.board.id], differences: 1 });
    // Redis is back with what it was before the last change: that is the reason, told without a wait, and not shard by shard.
    const older = open.board.id;
    const { record } = (await repository.get(older))!;
    await archiveRecord(database, { ...record, revision: record.revision + 5 });
    const startedAt = performance.now();
    const outdated = await verify({ redis, database, waitMs: 60_000, repository, boards: [older] });
    expect(outdated).toMatchObject({ outdated: [older], seasons: [], differences: 1 });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    expect(verifyText(outdated)).toContain(`rankwire rebuild --board ${older} --force`);
    await expect(
      verify({ redis, database, waitMs: 100, repository, boards: ["nobodys"] }),
    ).rejects.toMatchObject({
      code: "board_not_found",
    });
  });
});
