import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readEntries } from "../../server/archive/log-entry.ts";
import { LogReader } from "../../server/archive/log-reader.ts";
import { ScoreLogWriter } from "../../server/archive/score-log-writer.ts";
import { AppError } from "../../server/base/errors.ts";
import { entriesInRedis, logInRedis, TestArchive } from "../support/archive.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
/** May do everything but acknowledge: with it an archiver fails between its commit and its XACK. */
let dying: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  await redis.call("ACL", "SETUSER", "without-xack", "on", "nopass", "~*", "&*", "+@all", "-xack");
  dying = await commandConnection(sharedRedisUrl());
  await dying.call("AUTH", "without-xack", "any");
});
afterAll(() => {
  redis.disconnect();
  dying.disconnect();
});

describeOnBoth("the archive", (store) => {
  beforeAll(() => store.open().ready(), 60_000);
  const boardWith = async (shards = 2) => {
    const open = await openBoard(redis, uniqueBoard("archive"), {
      operator: "incr",
      shards,
      columns: [{ name: "s", max: 1e6 }],
    });
    const database = store.open();
    return {
      open,
      database,
      archive: await TestArchive.of(database, open),
      submitter: await Submitter.create(redis, open),
    };
  };

  it("has every change once, and the entries as they are, when an archiver dies between its commit and its acknowledgement", async () => {
    const { open, archive, submitter } = await boardWith();
    for (let i = 0; i < 40; i++) await submitter.submit(`m${i % 7}`, 1 + i, `id-${i}`);
    const logged = await logInRedis(redis, open);
    await expect(archive.archiver(dying, 100).turn()).rejects.toThrow();
    expect(await archive.log()).toHaveLength(40);
    const pending = await redis.xpending(open.shards[0]!.log, "archive");
    expect(Number(pending[0])).toBeGreaterThan(0);

    await archive.catchUp(redis);
    expect(await archive.log()).toEqual(logged);
    expect(await archive.count("dead_letters")).toBe(0);
    expect(await archive.entries()).toEqual(await entriesInRedis(redis, open));
    expect(Number((await redis.xpending(open.shards[0]!.log, "archive"))[0])).toBe(0);
  });

  it("is the same whether one archiver reads or several race, and whichever acknowledges", async () => {
    const { open, archive, submitter } = await boardWith(4);
    for (let i = 0; i < 60; i++) await submitter.submit(`m${i % 9}`, 1);
    const logged = await logInRedis(redis, open);
    const archivers = [archive.archiver(redis, 2), archive.archiver(redis, 3), archive.archiver(redis, 5)];
    for (let round = 0; round < 8; round++) {
      await Promise.all(
        archivers.map((one) =>
          one.turn().catch((error) => expect(error).toMatchObject({ code: "unavailable" })),
        ),
      );
    }
    await archive.catchUp(redis);
    expect(await archive.log()).toEqual(logged);
    expect(await archive.count("dead_letters")).toBe(0);
    expect(await archive.entries()).toEqual(await entriesInRedis(redis, open));
  });

  it("[R 13] is not changed by an archiver that was paused with batches in hand and wakes up after others went on", async () => {
    const { open, database, archive, submitter } = await boardWith(1);
    for (let i = 0; i < 5; i++) await submitter.submit("ann", 1);
    const [keys] = open.shards;
    const reader = new LogReader(redis, "paused");
    const { incarnation } = open.season;
    const [read] = await reader.read([{ keys: keys!, incarnation, mode: "claim" }], 100);
    if (!read || read instanceof AppError) throw read;
    expect(read.entries).toHaveLength(6);

    for (let i = 0; i < 5; i++) await submitter.submit("ann", 1);
    await archive.catchUp(redis);
    for (let i = 0; i < 5; i++) await submitter.submit("bob", 1);
    const before = [await archive.log(), await archive.entries()];

    const shard = { board: open.board.id, season: 1, life: archive.life, shard: 0 };
    const applied = await new ScoreLogWriter(database).apply(shard, readEntries(read.entries, 0));
    expect(applied).toMatchObject({ changes: 0, position: { n: 10 } });
    await reader.acknowledge(
      keys!,
      incarnation,
      read.entries.map(([id]) => id),
    );
    expect([await archive.log(), await archive.entries()]).toEqual(before);
    await archive.catchUp(redis);
    expect((await archive.log()).map(({ n }) => n)).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    expect(await archive.entries()).toEqual(await entriesInRedis(redis, open));
  });

  it("drops from the log what is in the tables and nothing else, and counts the bytes that are left", async () => {
    const { open, archive, submitter } = await boardWith(1);
    const { log, meta } = open.shards[0]!;
    for (let i = 0; i < 10; i++) await submitter.submit("ann", 1);
    const archiver = archive.archiver(redis, 4);
    await archiver.turn();
    const left = await logInRedis(redis, open);
    // The placeholder was one of the four.
    expect(left.map(({ n }) => n)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    const [, fields] = (await redis.xrange(log, "-", "+", "COUNT", 1))[0]!;
    expect(await redis.hget(meta, "trimmed")).toBe(fields[fields.indexOf("b") + 1]);

    await expect(archive.archiver(dying, 4).turn()).rejects.toThrow();
    expect(await logInRedis(redis, open)).toEqual(left);
    await archive.catchUp(redis);
    expect(await redis.xlen(log)).toBe(0);
    expect(await redis.exists(log)).toBe(1);
    expect(await redis.hget(meta, "trimmed")).toBe(await redis.hget(meta, "logged"));
    expect((await redis.xinfo("CONSUMERS", log, "archive")) as unknown[]).toHaveLength(1);
  });

  it("refuses a shard of another life, and reads nothing from it", async () => {
    const { open, archive, submitter } = await boardWith(1);
    await submitter.submit("ann", 1);
    const { meta } = open.shards[0]!;
    const own = await redis.hget(meta, "incarnation");
    await redis.hset(meta, "incarnation", "another");
    const archiver = archive.archiver(redis);
    await expect(archiver.turn()).rejects.toMatchObject({ code: "store_lost" });
    expect(await archive.log()).toEqual([]);
    await redis.hset(meta, "incarnation", own!);
    await archive.catchUp(redis, archiver);
    expect(await archive.log()).toHaveLength(1);
  });
});
