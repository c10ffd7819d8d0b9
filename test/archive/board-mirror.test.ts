import { beforeAll, expect, it } from "vitest";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import type { BoardRecord } from "../../server/leaderboard/board.ts";
import { boardDefinition, boardFrom, newSeason } from "../../server/leaderboard/board-schema.ts";
import { describeOnBoth } from "../support/databases.ts";

const board = (id: string, more = {}) =>
  boardFrom(id, boardDefinition.parse({ operator: "best", shards: 1, ...more }));

function recordOf(id: string, revision: number): BoardRecord {
  const rules = board(id);
  return { board: rules, season: newSeason(rules, 1, Date.now()), revision, closing: [] };
}

describeOnBoth("the copies of boards", (store) => {
  beforeAll(() => store.open().ready(), 60_000);

  it("follow the revision: a lower one never overwrites a higher one", async () => {
    const mirror = new BoardMirror(store.open());
    const first = recordOf("m1", 4);
    await mirror.mirror(first);
    await mirror.mirror({ ...first, board: board("m1", { topSize: 7 }), revision: 6 });
    expect(await mirror.mirror({ ...first, revision: 5 })).toBe("older");
    expect(await mirror.recordOf("m1")).toMatchObject({ revision: 6, board: { topSize: 7 } });
    expect((await mirror.records()).get("m1")).toMatchObject({ revision: 6 });
    expect(await mirror.recordOf("nobody's")).toBeUndefined();
  });

  it("give every season of a record its row and its life, also the next one and those that close", async () => {
    const database = store.open();
    const mirror = new BoardMirror(database);
    const record = recordOf("m2", 1);
    const next = { board: board("m2", { topSize: 9 }), season: newSeason(record.board, 2, Date.now()) };
    const lives = await mirror.mirror({ ...record, next });
    expect(lives).not.toBe("older");
    expect([...(lives as Map<string, number>).keys()]).toEqual([
      record.season.incarnation,
      next.season.incarnation,
    ]);
    const closing = [{ board: record.board, season: record.season }];
    expect(await mirror.mirror({ ...next, revision: 2, closing })).toEqual(lives);
    const seasons = await database.run((db) =>
      db
        .selectFrom("seasons")
        .select(["season", "definition", "ended_at"])
        .where("board", "=", "m2")
        .orderBy("season")
        .execute(),
    );
    expect(seasons).toMatchObject([
      { season: 1, definition: { topSize: 1000 }, ended_at: null },
      { season: 2, definition: { topSize: 9 } },
    ]);
  });

  it("number the lives of a season in the order in which they began, whoever asks how often", async () => {
    const [one, two] = [new BoardMirror(store.open()), new BoardMirror(store.open())];
    const asked = await Promise.all(
      Array.from({ length: 8 }, (_, i) => (i % 2 ? one : two).ensureLife("m3", 1, i < 4 ? "a" : "b")),
    );
    expect(new Set(asked).size).toBe(2);
    const rows = await store
      .open()
      .run((db) => db.selectFrom("lives").selectAll().where("board", "=", "m3").orderBy("ordinal").execute());
    expect(rows.map(({ ordinal }) => ordinal)).toEqual([1, 2]);
    expect(new Set(rows.map(({ incarnation }) => incarnation))).toEqual(new Set(["a", "b"]));
  });
});
