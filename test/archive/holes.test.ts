import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { removeEntries, setSight } from "../../server/leaderboard/direct-writes.ts";
import { entriesInRedis, TestArchive } from "../support/archive.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const LIMITS = { limits: DEDUP };
const COLUMNS = {
  packed: [{ name: "s", max: 1e6 }],
  wide: [
    { name: "s", type: "float" as const },
    { name: "t", type: "int64" as const },
  ],
};

describeOnBoth("where the score log cannot tell, the archive", (store) => {
  beforeAll(() => store.open().ready(), 60_000);

  const boardOf = async (columns: BoardDefinition["columns"]) => {
    const open = await openBoard(redis, uniqueBoard("holes"), {
      operator: "set",
      shards: 1,
      columns: columns!,
    });
    const archive = await TestArchive.of(store.open(), open);
    const submitter = await Submitter.create(redis, open);
    const values = (score: number) => (columns!.length > 1 ? { score, columns: { t: "7" } } : { score });
    const submit = (member: string, score: number) => submitter.submitValues(member, values(score));
    const isAsRedis = async () => expect(await archive.entries()).toEqual(await entriesInRedis(redis, open));
    return { open, archive, submit, isAsRedis, keys: open.shards[0]! };
  };

  for (const [kind, columns] of Object.entries(COLUMNS)) {
    it(`reads a shard of a ${kind} board from Redis after a hole: who changed, who is hidden, and who is gone`, async () => {
      const { open, archive, submit, isAsRedis, keys } = await boardOf(columns);
      for (const [i, member] of ["ann", "bob", "cy", "dot", "eve"].entries()) await submit(member, i);
      await archive.catchUp(redis);
      await submit("ann", 50);
      await setSight(redis, open, 0, ["bob"], { by: "board", sight: 2, ...LIMITS });
      await removeEntries(redis, open, 0, ["cy"], LIMITS);
      await submit("new", 9);
      await redis.xtrim(keys.log, "MAXLEN", 0);
      await submit("dot", 60);
      await archive.catchUp(redis);
      await isAsRedis();
      expect((await archive.entries()).get("bob")!.sight).toBe(2);
      expect(await archive.count("log_gaps")).toBe(1);
      expect((await archive.log()).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 10]);
    });
  }

  it("passes a hole at the end of a log, behind which nothing comes", async () => {
    const { archive, submit, isAsRedis, keys } = await boardOf(COLUMNS.packed);
    await submit("ann", 1);
    await submit("bob", 2);
    await redis.xtrim(keys.log, "MAXLEN", 0);
    await archive.catchUp(redis);
    await isAsRedis();
    await submit("ann", 3);
    await archive.catchUp(redis);
    await isAsRedis();
    expect((await archive.log()).map(({ n }) => n)).toEqual([3]);
  });

  it("puts entries aside that cannot be read or stored, takes their members from Redis, and goes on", async () => {
    const { archive, submit, isAsRedis, keys } = await boardOf(COLUMNS.packed);
    await submit("ann", 1);
    const poison = async (...fields: string[]) => {
      const n = await redis.hincrby(keys.meta, "n", 1);
      await redis.zadd(keys.entries, 77, `poisoned-${n}`);
      await redis.xadd(keys.log, "*", "n", String(n), ...fields);
    };
    await poison("d", "not a key\tpoisoned-2", "o", "");
    await submit("bob", 2);
    // PostgreSQL holds no NUL.
    await poison("d", "77\tpoisoned\0", "o", "");
    await poison("nothing", "of this is known");
    await submit("cy", 3);
    await archive.catchUp(redis, archive.archiver(redis, 100));
    await isAsRedis();
    expect(await archive.count("dead_letters")).toBe(3);
    expect((await archive.log()).map(({ n, member }) => `${n} ${member}`)).toEqual([
      "1 ann",
      "3 bob",
      "6 cy",
    ]);
    await submit("ann", 4);
    await archive.catchUp(redis);
    await isAsRedis();
  });

  it("takes back what a failover has lost, and has what came in its place", async () => {
    const { archive, submit, isAsRedis, keys } = await boardOf(COLUMNS.packed);
    await submit("ann", 1);
    await archive.catchUp(redis);
    await submit("ann", 2);
    await submit("lost", 3);
    await archive.catchUp(redis);
    expect(await archive.log()).toHaveLength(3);
    // The replica that was promoted had batch 1 only.
    await redis.hset(keys.meta, "n", "1");
    await redis.zadd(keys.entries, 1e6 - 1, "ann");
    await redis.zrem(keys.entries, "lost");
    await submit("bob", 4);
    await archive.catchUp(redis);
    await isAsRedis();
    expect((await archive.log()).map(({ n, member }) => `${n} ${member}`)).toEqual(["1 ann", "2 bob"]);
  });
});
