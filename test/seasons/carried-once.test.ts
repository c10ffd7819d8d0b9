/** Entries that are added to those of the next season count once, also when Redis is lost while they are. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { carryOver } from "../../server/leaderboard/carry-over.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { commandConnection, DEDUP } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand, archiveRecord, rebuildBoard } from "../support/hand-archive.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { Died, GRACE_MS, PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const END = Date.parse("2026-02-01T00:00:00Z");
const RULES = {
  operator: "incr" as const,
  columns: [{ name: "points", max: 100_000 }],
  shards: 1,
  season: { cron: "0 0 1 * *", timeZone: "UTC", carryOver: { rule: "keep" as const } },
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
const many: [string, number][] = Array.from({ length: 300 }, (_, i) => [`m${i}`, 1000 + i]);

async function frozen() {
  const clock = { nowMs: Date.parse("2026-01-10T00:00:00Z") };
  const process = new SeasonProcess(redis, clock);
  const id = uniqueBoard("carry");
  const first = await process.put(id, RULES);
  await (await Submitter.create(redis, first)).submitMany(many);
  for (const nowMs of [END - PREOPEN_MS, END]) {
    clock.nowMs = nowMs;
    await process.turn(id);
  }
  clock.nowMs = END + GRACE_MS;
  process.diesAt = "frozen";
  await process.turn(id).catch((error: unknown) => expect(error).toBeInstanceOf(Died));
  process.diesAt = undefined;
  return { clock, process, id, from: process.registry.hot(id, 1)!, to: await process.registry.get(id) };
}
const scores = async (process: SeasonProcess, id: string) => {
  const open = await process.registry.get(id);
  const { entries } = await new Reader(redis, await createHasher()).page(open, undefined, 1000);
  return Object.fromEntries(entries.map(({ member, score }) => [member, score]));
};

describeOnBoth("carried once", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  test("over a rebuild in the middle of it", async () => {
    const { clock, id, from, to } = await frozen();
    let pages = 0;
    const stillOurs = async () => {
      if (++pages > 1) throw new Died("carry");
    };
    await carryOver({ redis, hasher: await createHasher(), limits: DEDUP, from, to, stillOurs }).catch(
      (e: unknown) => expect(e).toBeInstanceOf(Died),
    );
    await archiveByHand(redis, database, from);
    await archiveByHand(redis, database, to);
    await redis.flushall();
    await rebuildBoard(redis, database, id);
    const after = new SeasonProcess(redis, clock);
    await after.turn(id);
    expect(await scores(after, id)).toEqual(Object.fromEntries(many));
  });

  test("and again when Redis is lost before the archive has them: until then the season that is over is kept for it", async () => {
    const { clock, process, id, from } = await frozen();
    await archiveByHand(redis, database, from);
    process.cameToArchive = false;
    await process.turn(id);
    expect(await scores(process, id)).toEqual(Object.fromEntries(many));
    // The record is in the tables as it is, and nothing yet of what came over.
    await archiveRecord(database, process.registry.record(id)!);
    await redis.flushall();
    await rebuildBoard(redis, database, id);
    const after = new SeasonProcess(redis, clock);
    await after.turn(id);
    expect(await scores(after, id)).toEqual(Object.fromEntries(many));
    expect(after.registry.record(id)?.closing[0]?.carried).toBe(true);
  });

  test("and nothing before the archive has all of the old season, from which a rebuild tells how far it came", async () => {
    const { process, id } = await frozen();
    process.isInArchive = false;
    await process.turn(id);
    expect([await scores(process, id), process.registry.record(id)?.closing[0]?.carried]).toEqual([
      {},
      undefined,
    ]);
    process.isInArchive = true;
    await process.turn(id);
    expect(await scores(process, id)).toEqual(Object.fromEntries(many));
  });
});
