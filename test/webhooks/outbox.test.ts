/** The outbox: an event is there with what it tells of or not at all, once, and for the endpoints that listened. */
import { beforeAll, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { listensTo } from "../../server/webhooks/event-types.ts";
import { type NewEvent, note, purgeEvents } from "../../server/webhooks/outbox.ts";
import { describeOnBoth } from "../support/databases.ts";

const closed = (board: string, cause: string): NewEvent => ({
  type: "season.closed",
  board,
  season: 3,
  cause,
  payload: { members: 12 },
});

/** Each listens to something else. */
const LISTENERS = {
  all: { events: [], boards: [] },
  mine: { events: ["season.closed"], boards: ["f1", "moto*"] },
  others: { events: ["season.closed"], boards: ["f2", "f1_*", "f*1"] },
  rewards: { events: ["rewards.granted"], boards: [] },
};

describeOnBoth("the outbox", (store) => {
  let database: Database;

  beforeAll(async () => {
    database = store.open();
    const rows = Object.entries(LISTENERS).map(([id, listening]) => ({
      id,
      url: "https://example.com/",
      secret: "s",
      ...listening,
    }));
    const off = { id: "off", url: "https://example.com/", secret: "s", disabled_at: new Date() };
    await database.run((db) =>
      db
        .insertInto("webhook_endpoints")
        .values([...rows, { ...off, events: [], boards: [] }])
        .execute(),
    );
  }, 60_000);

  const noteAlone = (event: NewEvent) =>
    database.run((db) => db.transaction().execute((within) => note(within, event)));
  const endpointsOf = async (cause: string): Promise<string[]> => {
    const rows = await database.run((db) =>
      db
        .selectFrom("webhook_deliveries")
        .innerJoin("webhook_events", "webhook_events.seq", "webhook_deliveries.event")
        .select("endpoint")
        .where("cause", "=", cause)
        .orderBy("endpoint")
        .execute(),
    );
    return rows.map(({ endpoint }) => endpoint);
  };

  test("an event is meant for the endpoints that listen to its type and board, and are not disabled", async () => {
    for (const board of ["f1", "moto-gp", "f2", "f1_x", "moto", "f11", "f"]) {
      await noteAlone(closed(board, `of ${board}`));
      const expected = Object.entries(LISTENERS).filter(([, one]) => listensTo(one, "season.closed", board));
      expect(await endpointsOf(`of ${board}`), board).toEqual(expected.map(([id]) => id).sort());
    }
    expect(await endpointsOf("of f1")).toEqual(["all", "mine"]);
    expect(await endpointsOf("of f1_x")).toEqual(["all", "others"]);
  });

  test("what is noted again changes nothing, also when the two come at once", async () => {
    const both = await Promise.all([noteAlone(closed("f1", "twice")), noteAlone(closed("f1", "twice"))]);
    expect(both.sort()).toEqual([false, true]);
    expect(await noteAlone(closed("f1", "twice"))).toBe(false);
    expect(await endpointsOf("twice")).toEqual(["all", "mine"]);
  });

  test("an event whose transaction fails was never there", async () => {
    const undone = database.run((db) =>
      db.transaction().execute(async (within) => {
        await note(within, closed("f1", "undone"));
        throw new Error("what it tells of did not happen");
      }),
    );
    await expect(undone).rejects.toThrow("did not happen");
    expect(await endpointsOf("undone")).toEqual([]);
    expect(await noteAlone(closed("f1", "undone"))).toBe(true);
  });

  test("to what nobody listens nothing is kept, and it can be noted when somebody does", async () => {
    const rare: NewEvent = { ...closed("f1", "rare"), type: "top.first" };
    const count = () =>
      database.run((db) =>
        db.selectFrom("webhook_events").select("seq").where("cause", "=", "rare").execute(),
      );
    await database.run((db) =>
      db.updateTable("webhook_endpoints").set({ disabled_at: new Date() }).where("id", "=", "all").execute(),
    );
    expect(await noteAlone(rare)).toBe(false);
    expect(await count()).toEqual([]);
    await database.run((db) =>
      db.updateTable("webhook_endpoints").set({ disabled_at: null }).where("id", "=", "all").execute(),
    );
    expect(await noteAlone(rare)).toBe(true);
    expect(await endpointsOf("rare")).toEqual(["all"]);
  });

  test("old events go with their deliveries, younger ones stay", async () => {
    const age = (cause: string) =>
      database.run((db) =>
        db
          .updateTable("webhook_events")
          .set({ at: new Date("2020-01-01") })
          .where("cause", "=", cause)
          .execute(),
      );
    await noteAlone(closed("f1", "old"));
    await noteAlone(closed("f1", "young"));
    await age("old");
    expect(await purgeEvents(database, new Date("2021-01-01"))).toBe(1);
    expect(await purgeEvents(database, new Date("2021-01-01"))).toBe(0);
    expect(await endpointsOf("old")).toEqual([]);
    expect(await endpointsOf("young")).toEqual(["all", "mine"]);
  });
});
