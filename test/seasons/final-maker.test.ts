/** The making of a final table, cut off at every question that it asks of the database, and what it leaves behind. */
import { sql } from "kysely";
import { beforeAll, expect, it } from "vitest";
import { FinalMaker, type FinalSeason } from "../../server/archive/final-maker.ts";
import { AppError } from "../../server/base/errors.ts";
import { createLog } from "../../server/base/log.ts";
import { Database, type Sql } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { describeOnBoth, type TestStore } from "../support/databases.ts";
import { hide, mirror, pastSeasonsIn, seasonOf } from "../support/final-season.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const STILL_SO = async (): Promise<boolean> => true;
const ENTRIES = [30, 10, 20, 20, 10, 30, 20].map((score, i) => ({
  member: `m${i}`,
  values: [score],
  reachedAt: 0,
}));
/** By score, then name: three share the second place, and two the sixth. */
const RANKED = ["m0 1", "m5 1", "m2 3", "m3 3", "m6 3", "m1 6", "m4 6"];

/** Goes away for good after so many questions, as with its process. */
class LeavingDatabase extends Database {
  questions: number;

  constructor(store: TestStore, questions: number) {
    const { DATABASE_URL: url, DATA_DIR: dataDir = "" } = store.settings();
    const log = createLog({ level: "silent", pretty: false });
    super({ url, dataDir, connectionsMax: 2, timeoutMs: 5_000, log });
    this.questions = questions;
  }

  override run<T>(question: (db: Sql) => Promise<T>): Promise<T> {
    return this.questions-- > 0 ? super.run(question) : Promise.reject(new AppError("unavailable"));
  }
}

function finalOf({ board, season }: OpenBoard): FinalSeason {
  return {
    ...{ board: board.id, season: season.number, definition: { board, season } },
    ...{ openedAtMs: season.openedAtMs, endedAtMs: Date.now(), tiesShared: true },
  };
}

describeOnBoth("a final table in the making", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  async function ranksOf(open: OpenBoard): Promise<string[] | undefined> {
    const past = pastSeasonsIn(database);
    const season = await past.find(open.board.id, 1);
    if (!season) return undefined;
    const { entries } = await past.page(season, undefined, 100);
    return entries.map(({ member, rank }) => `${member} ${rank}`);
  }

  async function newSeason(): Promise<OpenBoard> {
    const open = seasonOf(uniqueBoard("final"), { operator: "best", columns: [{ name: "s", max: 100 }] });
    await mirror(database, open, ENTRIES);
    return open;
  }

  it("is nobody's to read until it is whole, wherever it was cut off, and the next run makes it whole", async () => {
    const leaving = new LeavingDatabase(store, Number.POSITIVE_INFINITY);
    let cut = 0;
    for (let isWhole = false; !isWhole; cut++) {
      const open = await newSeason();
      leaving.questions = cut;
      const maker = new FinalMaker(leaving, { stepRows: 2 });
      isWhole = await maker.make(finalOf(open), STILL_SO).then(
        () => true,
        () => false,
      );
      expect(await ranksOf(open)).toEqual(isWhole ? RANKED : undefined);
      if (isWhole) break;
      expect(await new FinalMaker(database, { stepRows: 3 }).make(finalOf(open), STILL_SO)).toBe(7);
      expect(await ranksOf(open)).toEqual(RANKED);
    }
    // At the least a question for each step of two rows, twice.
    expect(cut).toBeGreaterThan(10);
    await leaving.close();
  }, 60_000);

  it("is given up when the season has changed meanwhile, and made of what is there then", async () => {
    const open = await newSeason();
    const maker = new FinalMaker(database);
    expect(await maker.make(finalOf(open), async () => false)).toBeUndefined();
    expect(await ranksOf(open)).toBeUndefined();
    await mirror(database, open, [{ member: "late", values: [25], reachedAt: 0 }]);
    expect(await maker.make(finalOf(open), STILL_SO)).toBe(8);
    expect((await ranksOf(open))?.slice(0, 4)).toEqual(["m0 1", "m5 1", "late 3", "m2 4"]);
  });

  it("of a season without entries is empty", async () => {
    const open = seasonOf(uniqueBoard("nobody"), { operator: "best" });
    expect(await new FinalMaker(database).make(finalOf(open), STILL_SO)).toBe(0);
    expect(await ranksOf(open)).toEqual([]);
  });

  it("leaves no draft and no mirrored entries behind, and none of another season is touched", async () => {
    const [open, other] = [await newSeason(), await newSeason()];
    const maker = new FinalMaker(database, { stepRows: 2 });
    await maker.make(finalOf(open), STILL_SO);
    await maker.clearMirror({ board: open.board.id, season: 1 });
    const counts = await database.run((db) =>
      sql<{ board: string; entries: number }>`select board, count(*) as entries from current_entries
        where board in (${open.board.id}, ${other.board.id}) group by board`.execute(db),
    );
    expect(counts.rows).toEqual([{ board: other.board.id, entries: 7 }]);
    const drafts = await database.run((db) =>
      sql`select 1 from pg_tables where tablename like 'final_draft_%'`.execute(db),
    );
    // The runs that were cut off for good above have been made whole by others.
    expect(drafts.rows).toEqual([]);
    await hide(database, open, ["m0"]);
    expect((await ranksOf(open))?.[0]).toBe("m5 1");
  });
});
