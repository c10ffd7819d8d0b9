/** One season, two processes that archive it: the one that was held up leaves the finished table alone. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FinalMaker } from "../../server/archive/final-maker.ts";
import type { Database } from "../../server/database/database.ts";
import type { PastSeasons } from "../../server/history/past-seasons.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { type Page, Reader } from "../../server/leaderboard/reader.ts";
import { deleteSeason } from "../../server/leaderboard/season-opening.ts";
import { compareSeason } from "../../server/recovery/compare-season.ts";
import { SeasonArchive } from "../../server/seasons/season-archive.ts";
import { commandConnection, openBoard, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { pastSeasonsIn } from "../support/final-season.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const MEMBERS = 60;

describeOnBoth("two archive one season", (store) => {
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
      now: Date.now,
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

  const of = (compare: ConstructorParameters<typeof SeasonArchive>[0]["compare"]) =>
    new SeasonArchive({ redis, tables: new FinalMaker(database), compare, now: Date.now, log: silentLog });
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
