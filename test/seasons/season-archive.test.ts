/** A season that is over on its way into the archive: it waits for what is missing, and for a mirror that is right. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FinalMaker, type FinalSeason } from "../../server/archive/final-maker.ts";
import type { Database } from "../../server/database/database.ts";
import type { PastSeasons } from "../../server/history/past-seasons.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { removeEntries, SIGHTS, setSight } from "../../server/leaderboard/direct-writes.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { type Page, Reader } from "../../server/leaderboard/reader.ts";
import { deleteSeason } from "../../server/leaderboard/season-keys.ts";
import { compareSeason } from "../../server/recovery/compare-season.ts";
import { SeasonArchive } from "../../server/seasons/season-archive.ts";
import { commandConnection, DEDUP, openBoard, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { pastSeasonsIn } from "../support/final-season.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const MEMBERS = 60;
/** Added to the clock. */
let passedMs = 0;
const now = (): number => Date.now() + passedMs;

describeOnBoth("a season on its way into the archive", (store) => {
  let redis: Redis;
  let database: Database;
  let seasons: SeasonArchive;
  let past: PastSeasons;
  let open: OpenBoard;
  let submitter: Submitter;
  let inRedis: Page;

  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    database = store.open();
    await database.ready();
    past = pastSeasonsIn(database);
    seasons = new SeasonArchive({
      redis,
      tables: new FinalMaker(database),
      compare: async (season) => (await compareSeason({ redis, database, waitMs: 0 }, season)).differences,
      now,
      log: silentLog,
    });
  }, 60_000);
  afterAll(() => redis.disconnect());
  beforeEach(async () => {
    const columns = [{ name: "s", max: 20 }];
    open = await openBoard(redis, uniqueBoard("over"), { operator: "best", columns, shards: 4 });
    submitter = await Submitter.create(redis, open);
    for (let i = 0; i < MEMBERS; i++) await submitter.submit(`m${i}`, (i * 7) % 21);
    inRedis = await new Reader(redis, await createHasher()).page(open, undefined, MEMBERS);
  });

  async function entriesOf(): Promise<Page | undefined> {
    const season = await past.find(open.board.id, 1);
    return season && past.page(season, undefined, MEMBERS);
  }

  it("waits until everything that its shards have taken is in the tables, and then says the same", async () => {
    const last = submitter.shardOf("m59");
    const n = Number(await redis.hget(open.shards[last]!.meta, "n"));
    await archiveByHand(redis, database, open, (shard) => (shard === last ? n - 1 : n + MEMBERS));
    expect(await seasons.archiveSeason(open)).toBe("behind");
    expect(await entriesOf()).toBeUndefined();
    await archiveByHand(redis, database, open);
    expect(await seasons.archiveSeason(open)).toBe("archived");
    expect(await entriesOf()).toEqual(inRedis);
  });

  it("stays in Redis while its mirror says something else", async () => {
    await archiveByHand(redis, database, open);
    const move = (by: number) =>
      database.run((db) =>
        db
          .updateTable("current_entries")
          .set((eb) => ({ key: eb("key", "+", by) }))
          .where("board", "=", open.board.id)
          .where("member", "=", "m1")
          .execute(),
      );
    await move(1);
    expect(await seasons.archiveSeason(open)).toBe("behind");
    expect(await entriesOf()).toBeUndefined();
    await move(-1);
    passedMs += 5_000;
    expect(await seasons.archiveSeason(open)).toBe("archived");
    expect(await entriesOf()).toEqual(inRedis);
  });

  it("is compared again after ever longer while its mirror differs", async () => {
    await archiveByHand(redis, database, open);
    let compared = 0;
    const differing = of(async () => [{ looks: ++compared }]);
    for (let second = 0; second < 60; second++) {
      expect(await differing.archiveSeason(open)).toBe("behind");
      passedMs += 1_000;
    }
    // At 0, 5, 15 and 35 seconds.
    expect(compared).toBe(4);
  });

  it("has what moderation did between the last look at it and the end of its table", async () => {
    await archiveByHand(redis, database, open);
    const shard = (member: string) => submitter.shardOf(member);
    const meanwhile = async (): Promise<void> => {
      const [by, sight] = ["board" as const, SIGHTS.hidden];
      await setSight(redis, open, shard("m3"), ["m3"], { by, sight, limits: DEDUP });
      await removeEntries(redis, open, shard("m4"), ["m4"], { limits: DEDUP });
    };
    class Held extends FinalMaker {
      override make(season: FinalSeason, stillSo: () => Promise<boolean>): Promise<number | undefined> {
        const last = async (): Promise<boolean> => {
          const isSo = await stillSo();
          await meanwhile();
          return isSo;
        };
        return super.make(season, last);
      }
    }
    const held = of(real, new Held(database));
    expect(await held.archiveSeason(open)).toBe("behind");
    await archiveByHand(redis, database, open);
    // By hand only values are archived.
    await database.run((db) =>
      db
        .updateTable("current_entries")
        .set({ visibility: 1 })
        .where("board", "=", open.board.id)
        .where("member", "=", "m3")
        .execute(),
    );
    expect(await held.archiveSeason(open)).toBe("archived");
    const shown = (await entriesOf())!.entries.map(({ member }) => member);
    expect(shown).toEqual(
      inRedis.entries.map(({ member }) => member).filter((member) => !["m3", "m4"].includes(member)),
    );
  });

  it("once there needs Redis no more, and its mirror goes, whenever that was cut off", async () => {
    await archiveByHand(redis, database, open);
    await seasons.archiveSeason(open);
    const left = { board: open.board.id, season: 1, member: "left", shard: 0, key: 1, life: 1, n: 1 };
    await database.run((db) => db.insertInto("current_entries").values(left).execute());
    for (const keys of open.shards) await redis.del(...Object.values(keys));
    expect(await seasons.archiveSeason(open)).toBe("archived");
    expect(await entriesOf()).toEqual(inRedis);
    const { entries } = await database.run((db) =>
      db
        .selectFrom("current_entries")
        .select((eb) => eb.fn.countAll<number>().as("entries"))
        .where("board", "=", open.board.id)
        .executeTakeFirstOrThrow(),
    );
    expect(entries).toBe(0);
  });

  it("that Redis has lost meanwhile is store_lost, not an empty table", async () => {
    await archiveByHand(redis, database, open);
    await redis.del(...Object.values(open.shards[2]!));
    await expect(seasons.archiveSeason(open)).rejects.toMatchObject({ code: "store_lost" });
    expect(await entriesOf()).toBeUndefined();
  });

  const of = (
    compare: ConstructorParameters<typeof SeasonArchive>[0]["compare"],
    tables = new FinalMaker(database),
  ) => new SeasonArchive({ redis, tables, compare, now, log: silentLog });
  const real = async (season: OpenBoard) =>
    (await compareSeason({ redis, database, waitMs: 0 }, season)).differences;

  it("one that paused after its comparison longer than its lease undoes nothing that the other has finished", async () => {
    await archiveByHand(redis, database, open);
    const slow = of(async (season) => {
      const differences = await real(season);
      // Paused here; the lease ran out, and another process does all of it (season-removal.ts).
      expect(await seasons.archiveSeason(open)).toBe("archived");
      await deleteSeason(redis, open);
      return differences;
    });
    await slow.archiveSeason(open).catch(() => undefined);
    expect(await entriesOf()).toEqual(inRedis);
  });

  it("the same, while the keys are not deleted yet", async () => {
    await archiveByHand(redis, database, open);
    const slow = of(async (season) => {
      const differences = await real(season);
      expect(await seasons.archiveSeason(open)).toBe("archived");
      return differences;
    });
    await slow.archiveSeason(open).catch(() => undefined);
    expect(await entriesOf()).toEqual(inRedis);
  });
});
