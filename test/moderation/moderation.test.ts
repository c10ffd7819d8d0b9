/** What an admin does to one entry, over HTTP: who sees what of it afterwards, live and on request, and what the audit trail says of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Entries = { total: number; entries: { member: string; rank: number; score: number }[] };
type Record = {
  actor: string;
  action: string;
  outcome: string | null;
  member: string | null;
  reason: string | null;
  season: number | null;
  details: { [name: string]: unknown };
};

const PACKED: BoardDefinition = { operator: "set", shards: 4, topSize: 5 };
const WIDE: BoardDefinition = {
  operator: "incr",
  shards: 4,
  topSize: 5,
  ties: "earliest",
  writers: "player",
};

describeOnBoth("moderation", (store) => {
  let server: TestServer;
  let board: string;

  beforeAll(async () => {
    server = await startServer(sharedRedisUrl(), store.settings());
    await server.running.database.ready();
  }, 60_000);
  afterAll(() => server.stop());

  async function arena(definition: BoardDefinition): Promise<void> {
    board = uniqueBoard("mod");
    await server.createBoard(board, definition);
    const submissions = Array.from({ length: 9 }, (_, i) => ({
      member: `p${i}`,
      score: 100 - i,
      id: `first-${i}`,
    }));
    await submit(submissions);
    await eventually(async () => expect(await top()).toEqual(["p0", "p1", "p2", "p3", "p4"]));
  }

  async function submit(submissions: object[]) {
    const path = `/v1/boards/${board}/scores`;
    const { body } = await server.call<{ results: { outcome: string; error?: { code: string } }[] }>(
      "POST",
      path,
      {
        key: SERVER_KEY,
        body: { submissions },
      },
    );
    return body.results;
  }

  const top = async (): Promise<string[]> => {
    const { body } = await server.call<Entries>("GET", `/v1/boards/${board}/top?limit=5`);
    return body.entries.map(({ member }) => member);
  };
  const total = async (): Promise<number> =>
    (await server.call<{ total: number }>("GET", `/v1/boards/${board}`)).body.total;
  const read = (path: string, key?: string) =>
    server.call<{ [name: string]: unknown }>(
      "GET",
      `/v1/boards/${board}/${path}`,
      key === undefined ? {} : { key },
    );
  const moderate = (member: string, what: string, more: object = {}) =>
    server.call<{ before: unknown; after: unknown; error: { code: string } }>(
      "POST",
      `/v1/admin/boards/${board}/members/${member}/${what}`,
      { key: ADMIN_KEY, body: { reason: `because of ${what}`, ...more } },
    );
  const audit = async (query: string): Promise<Record[]> => {
    const { body } = await server.call<{ records: Record[] }>("GET", `/v1/admin/audit?${query}`, {
      key: ADMIN_KEY,
    });
    return body.records;
  };

  describe.each([
    ["packed", PACKED],
    ["wide", WIDE],
  ] as const)("of a %s board", (_, definition) => {
    test("a hidden entry is counted and shown nowhere, and the next row comes in within a tick", async () => {
      await arena(definition);
      const viewer = await new RawClient(server.url).connected();
      const all = await viewer.follow(board);
      expect((await moderate("p1", "hide")).body).toMatchObject({
        before: { sight: "visible", score: 99 },
        after: { sight: "hidden", score: 99 },
      });
      await eventually(async () => expect(await top()).toEqual(["p0", "p2", "p3", "p4", "p5"]));
      expect(all).toBeDefined();
      expect(await total()).toBe(8);
      expect((await read("members/p1")).status).toBe(404);
      expect((await read("members/p1/around")).status).toBe(404);
      expect((await read("members/p2")).body).toMatchObject({ rank: 2, total: 8 });
      const around = (await read("members/p2/around?limit=3")).body as unknown as Entries;
      expect(around.entries.map(({ member }) => member)).toEqual(["p0", "p2", "p3"]);
      viewer.socket.disconnect();
    });

    test("who is hidden sees the own score, marked, and goes on submitting unseen", async () => {
      await arena(definition);
      await moderate("p1", "hide");
      const token = await server.signIn("p1");
      expect((await read("members/p1", token)).body).toMatchObject({
        member: "p1",
        score: 99,
        rank: null,
        hidden: true,
      });
      const other = await server.signIn("p2");
      expect((await read("members/p1", other)).status).toBe(404);
      expect(await submit([{ member: "p1", score: 500, id: "later" }])).toMatchObject([
        { outcome: "accepted" },
      ]);
      expect((await read("members/p1", token)).body).toMatchObject({ hidden: true });
      expect(await total()).toBe(8);
      expect((await read("members/p0")).body).toMatchObject({ rank: 1 });
      await moderate("p1", "show");
      await eventually(async () => expect((await top())[0]).toBe("p1"));
    });

    test("a shadow sees the rank that it would have, and nothing tells it apart", async () => {
      await arena(definition);
      const token = await server.signIn("p3");
      const before = await read("members/p3", token);
      const aroundBefore = await read("members/p3/around?limit=5", token);
      await moderate("p3", "shadow");
      const after = await read("members/p3", token);
      expect(after.body).toEqual(before.body);
      expect((await read("members/p3/around?limit=5", token)).body).toEqual(aroundBefore.body);
      expect((await read("members/p3")).status).toBe(404);
      expect(await total()).toBe(8);
      expect((await read("members/p4")).body).toMatchObject({ rank: 4 });
    });

    test("a removed entry is gone until it is restored with its last value", async () => {
      await arena(definition);
      await moderate("p0", "hide");
      expect((await moderate("p0", "remove")).body).toMatchObject({
        before: { score: 100, sight: "hidden" },
        after: null,
      });
      expect((await moderate("p0", "hide")).body.error.code).toBe("member_not_found");
      expect((await moderate("p0", "restore")).body).toMatchObject({
        before: null,
        after: { score: 100, sight: "hidden" },
      });
      expect((await moderate("p0", "restore")).body.error.code).toBe("entry_exists");
      expect((await moderate("p5", "restore")).body.error.code).toBe("nothing_to_restore");
      await moderate("p0", "show");
      await eventually(async () => expect((await top())[0]).toBe("p0"));
    });

    test("adjusting sets the value, whatever the operator, and nothing that does not fit", async () => {
      await arena(definition);
      expect((await moderate("p8", "adjust", { score: 1_000 })).body).toMatchObject({
        before: { score: 92 },
        after: { score: 1_000, sight: "visible" },
      });
      await eventually(async () => expect((await top())[0]).toBe("p8"));
      expect((await moderate("new", "adjust", { score: 7 })).body).toMatchObject({
        before: null,
        after: { score: 7 },
      });
      expect((await moderate("p8", "adjust", { score: -1 })).body.error.code).toBe("out_of_range");
      expect((await moderate("p8", "adjust", { score: 1, columns: { none: 1 } })).body.error.code).toBe(
        "column_unknown",
      );
    });

    test("everything is in the audit trail with who, when and why, and what was refused too", async () => {
      await arena(definition);
      for (const what of ["hide", "shadow", "show", "remove", "restore"]) await moderate("p2", what);
      await moderate("p2", "adjust", { score: 3 });
      await moderate("nobody", "hide");
      const records = await audit(`board=${board}&limit=20`);
      expect(records.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        "member.hide member_not_found",
        "member.adjust done",
        "member.restore done",
        "member.remove done",
        "member.show done",
        "member.shadow done",
        "member.hide done",
        "board.put done",
      ]);
      for (const record of records.slice(1, -1)) {
        const what = record.action.replace("member.", "");
        expect(record).toMatchObject({
          actor: "ADMIN_KEY",
          member: "p2",
          season: 1,
          reason: `because of ${what}`,
        });
        expect(record.details).toHaveProperty("before");
      }
      expect(await audit(`board=${board}&member=nobody`)).toHaveLength(1);
      expect(await audit(`board=${board}&action=member.show`)).toHaveLength(1);
      expect(await audit(`board=${board}&until=2020-01-01T00:00:00Z`)).toEqual([]);
    });
  });

  test("the list of hidden members has each with how it is hidden, in pages", async () => {
    await arena(PACKED);
    await moderate("p1", "hide");
    await moderate("p2", "shadow");
    const seen: unknown[] = [];
    let cursor = "";
    do {
      const path = `/v1/admin/boards/${board}/members/hidden?limit=1${cursor}`;
      const { body } = await server.call<{ members: unknown[]; cursor?: string }>("GET", path, {
        key: ADMIN_KEY,
      });
      seen.push(...body.members);
      cursor = body.cursor === undefined ? "" : `&cursor=${body.cursor}`;
    } while (cursor !== "");
    expect(seen).toHaveLength(2);
    expect(seen).toContainEqual({ member: "p1", score: 99, here: "hidden", ban: "visible" });
    expect(seen).toContainEqual({ member: "p2", score: 98, here: "shadow", ban: "visible" });
  });

  test("only admin keys for the board may moderate it, and a reason is needed", async () => {
    await arena(PACKED);
    const path = `/v1/admin/boards/${board}/members/p1/hide`;
    const body = { reason: "cheats" };
    expect((await server.call("POST", path, { body })).status).toBe(401);
    expect((await server.call("POST", path, { key: SERVER_KEY, body })).status).toBe(403);
    expect((await server.call("POST", path, { key: await server.signIn("p1"), body })).status).toBe(403);
    expect((await server.call("POST", path, { key: ADMIN_KEY, body: {} })).status).toBe(400);
    const made = await server.call<{ key: string; id: string }>("POST", "/v1/admin/keys", {
      key: ADMIN_KEY,
      body: { name: "for another board", role: "admin", scopes: ["other-*"] },
    });
    expect((await server.call("POST", path, { key: made.body.key, body })).status).toBe(403);
    expect(await total()).toBe(9);
    const [refused] = await audit(`board=${board}&actor=${made.body.id}`);
    expect(refused).toMatchObject({ action: "member.hide", outcome: "forbidden" });
    expect(await audit("action=key.create&limit=1")).toMatchObject([
      { outcome: "done", details: { id: made.body.id } },
    ]);
    // Nothing secret is written down.
    expect(JSON.stringify(await audit("limit=200"))).not.toContain(made.body.key);
  });
});
