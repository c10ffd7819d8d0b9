/** Putting a board that is there already: what stays, what changes at once, and what may not change. */
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { BoardInfo, Entry } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { activeKey, leaseKeys } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis } from "../support/redis.ts";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
});
afterAll(() => server.stop());

const DEFINITION: BoardDefinition = {
  operator: "set",
  columns: [{ name: "s", decimals: 1, max: 1000 }],
  shards: 2,
};

function put(id: string, body: unknown): Promise<Answer<BoardInfo>> {
  return server.call("PUT", `/v1/admin/boards/${id}`, { key: ADMIN_KEY, body });
}

async function fill(at: TestServer, id: string, count: number): Promise<string[]> {
  const submissions = Array.from({ length: count }, (_, i) => ({ member: `m${i}`, score: 1000 - i }));
  await at.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body: { submissions } });
  return submissions.map(({ member }) => member);
}

async function topMembers(at: TestServer, id: string, limit: number): Promise<string[]> {
  const { status, body } = await at.call<{ entries: Entry[] }>("GET", `/v1/boards/${id}/top?limit=${limit}`);
  expect(status).toBe(200);
  return body.entries.map(({ member }) => member);
}

describe("the same definition again", () => {
  it("is 200 with the same board, and keeps its season and its entries", async () => {
    const id = uniqueBoard("again");
    const first = await put(id, DEFINITION);
    await fill(server, id, 3);
    const second = await put(id, DEFINITION);
    expect([first.status, second.status]).toEqual([201, 200]);
    expect(second.body).toEqual(first.body);
    expect((await server.call("GET", `/v1/boards/${id}`, { key: ADMIN_KEY })).body).toEqual({
      ...first.body,
      exact: true,
      total: 3,
    });
  });

  it("is 201 where the board was deleted in between", async () => {
    const id = uniqueBoard("anew");
    await put(id, DEFINITION);
    await server.call("DELETE", `/v1/admin/boards/${id}?confirm=${id}`, { key: ADMIN_KEY });
    expect((await put(id, DEFINITION)).status).toBe(201);
  });

  it("put ten times at once makes one board", async () => {
    const id = uniqueBoard("once");
    const answers = await Promise.all(Array.from({ length: 10 }, () => put(id, DEFINITION)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9);
    expect(new Set(answers.map(({ body }) => body.season.openedAt)).size).toBe(1);
  });
});

describe("what would make stored scores lie", () => {
  const changes: [string, Partial<BoardDefinition>, string[]][] = [
    ["order", { order: "asc" }, ["order", "columns"]],
    ["operator", { operator: "best" }, ["operator"]],
    ["a column's range", { columns: [{ name: "s", decimals: 1, max: 2000 }] }, ["columns"]],
    ["a column's decimals", { columns: [{ name: "s", decimals: 2, max: 1000 }] }, ["columns"]],
    ["a column's name", { columns: [{ name: "t", decimals: 1, max: 1000 }] }, ["columns"]],
    ["the shards", { shards: 4 }, ["shards"]],
    ["the tie resolution", { tieResolutionMs: 1000 }, ["tieResolutionMs"]],
    ["ties and their end", { ties: "earliest", endsAt: "2100-01-01T00:00:00Z" }, ["ties", "endsAt"]],
  ];

  it.each(changes)("is locked: %s", async (_, change, changed) => {
    const id = uniqueBoard("locked");
    const before = await put(id, DEFINITION);
    const { status, body } = await put(id, { ...DEFINITION, ...change });
    expect([status, body]).toMatchObject([
      409,
      { error: { code: "board_locked", retryable: false, details: { changed } } },
    ]);
    expect((await server.call("GET", `/v1/boards/${id}`, { key: ADMIN_KEY })).body).toEqual({
      ...before.body,
      exact: true,
      total: 0,
    });
  });
});

describe("what changes at once", () => {
  it("visibility", async () => {
    const id = uniqueBoard("visible");
    await put(id, DEFINITION);
    const seen = async (): Promise<number> => (await server.call("GET", `/v1/boards/${id}/top`)).status;
    expect(await seen()).toBe(200);
    expect((await put(id, { ...DEFINITION, visibility: "private" })).body.visibility).toBe("private");
    expect(await seen()).toBe(403);
    await put(id, DEFINITION);
    expect(await seen()).toBe(200);
  });

  it("who writes", async () => {
    const id = uniqueBoard("writers");
    await put(id, DEFINITION);
    const player = await new RawClient(server.url, await server.signIn("alonso")).connected();
    const own = { board: id, score: 5 };
    expect(await player.submit(own)).toMatchObject({ ok: false, error: { code: "forbidden" } });
    await put(id, { ...DEFINITION, writers: "player" });
    expect(await player.submit(own)).toMatchObject({ ok: true, result: { outcome: "accepted" } });
    player.close();
  });

  it("the size of the published top, smaller and larger, for everybody who follows it", async () => {
    const id = uniqueBoard("size");
    await put(id, { ...DEFINITION, topSize: 20 });
    const members = await fill(server, id, 60);
    const client = await new RawClient(server.url).connected();
    await client.follow(id);
    for (const topSize of [20, 5, 40, 1, 1000, 20]) {
      expect((await put(id, { ...DEFINITION, topSize })).body.topSize).toBe(topSize);
      const expected = members.slice(0, topSize);
      await eventually(async () => {
        expect(await topMembers(server, id, topSize)).toEqual(expected);
        expect(client.rows.map(([member]) => member)).toEqual(expected);
      });
    }
    expect(client.gaps).toEqual([]);
    client.close();
  });

  it("the top of a board that is smaller than a page is still given without a limit", async () => {
    const id = uniqueBoard("small");
    await put(id, { ...DEFINITION, topSize: 5 });
    const members = await fill(server, id, 8);
    await eventually(async () => expect(await topMembers(server, id, 5)).toEqual(members.slice(0, 5)));
    const { status, body } = await server.call("GET", `/v1/boards/${id}/top`);
    const entries = members.slice(0, 5).map((member) => ({ member }));
    expect([status, body]).toMatchObject([200, { entries }]);
  });

  it("the size of a top that nobody has written to for a while", async () => {
    const redis = await startTestRedis();
    onTestFinished(() => redis.stop());
    const alone = await startServer(redis.url, { MERGER_QUIET_MS: "100", SWEEP_MS: "100" });
    onTestFinished(() => alone.stop());
    const id = uniqueBoard("quiet");
    await alone.createBoard(id, { ...DEFINITION, topSize: 3 });
    const members = await fill(alone, id, 9);
    await eventually(async () => expect(await topMembers(alone, id, 3)).toEqual(members.slice(0, 3)));
    // As if its mark had grown old: the merger lets it go.
    await redis.client().del(activeKey);
    await eventually(async () => expect(await redis.client().exists(leaseKeys(id).lease)).toBe(0));
    await alone.createBoard(id, { ...DEFINITION, topSize: 6 });
    await eventually(async () => expect(await topMembers(alone, id, 6)).toEqual(members.slice(0, 6)), {
      withinMs: 4_000,
    });
  });
});

it("shows its rules to an admin, who puts them again or puts a board without", async () => {
  const id = uniqueBoard("rules");
  const rules = { maxChange: 5 };
  await put(id, { ...DEFINITION, rules });
  const seen = (key: string) => server.call<object>("GET", `/v1/boards/${id}`, { key });
  expect((await seen(ADMIN_KEY)).body).toMatchObject({ rules: { maxChange: 5 }, metadata: false });
  expect((await seen(SERVER_KEY)).body).not.toHaveProperty("rules");
  await put(id, DEFINITION);
  expect((await seen(ADMIN_KEY)).body).not.toHaveProperty("rules");
});
