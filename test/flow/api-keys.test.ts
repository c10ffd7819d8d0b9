/** API keys of the table: made, used within their role and scopes, rotated, revoked everywhere. On both databases. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

type Made = { key: string; id: string; error: { code: string } };

/** PGlite takes its time on a busy machine. */
const DATABASE_OPENS_MS = 120_000;

describeOnBoth("an API key", (store) => {
  let gateways: [TestServer, TestServer];
  const prefix = uniqueBoard("f1");
  const boards = { own: `${prefix}-own`, other: uniqueBoard("other") };
  beforeAll(async () => {
    const settings = { ...store.settings(), KEYS_POLL_MS: "600000" };
    gateways = [await startServer(sharedRedisUrl(), settings), await startServer(sharedRedisUrl(), settings)];
    for (const board of Object.values(boards))
      await gateways[0].createBoard(board, { operator: "best", visibility: "private", shards: 1 });
    await eventually(() => expect(gateways[1].running.registry.boards.has(boards.other)).toBe(true));
    for (const { running } of gateways) await running.database.ready();
  }, DATABASE_OPENS_MS);
  afterAll(async () => {
    for (const gateway of gateways) await gateway.stop();
  });

  const make = async (body: object, key = ADMIN_KEY): Promise<Made> => {
    const named = { name: "a test's", ...body };
    return (await gateways[0].call<Made>("POST", "/v1/admin/keys", { key, body: named })).body;
  };
  const status = async (method: string, path: string, key: string, body?: unknown): Promise<number> =>
    (await gateways[1].call(method, path, { key, ...(body === undefined ? {} : { body }) })).status;
  const read = (key: string, board: string): Promise<number> => status("GET", `/v1/boards/${board}/top`, key);
  const write = (key: string, board: string): Promise<number> =>
    status("POST", `/v1/boards/${board}/scores`, key, { submissions: [{ member: "m", score: 1 }] });
  const define = (key: string, board: string): Promise<number> =>
    status("PUT", `/v1/admin/boards/${board}`, key, { operator: "best", visibility: "private", shards: 1 });
  const signIn = (key: string): Promise<number> => status("POST", "/v1/sessions", key, { member: "m" });

  test("of the settings, and a session's token, do without the database", async () => {
    const fresh = await startServer(sharedRedisUrl());
    const token = await fresh.signIn("m");
    expect((await fresh.call("GET", "/v1/boards", { key: token })).status).toBe(200);
    expect((await fresh.call("GET", "/v1/boards", { key: "no key at all" })).status).toBe(401);
    expect(fresh.running.database.isOpen).toBe(false);
    await fresh.stop();
  });

  test("does what its role says, on another gateway too", async () => {
    const expected = {
      read: [200, 403, 403, 403, 403],
      server: [200, 200, 201, 403, 403],
      admin: [200, 200, 201, 200, 200],
    };
    for (const [role, statuses] of Object.entries(expected)) {
      const { key } = await make({ role });
      expect(key).toMatch(new RegExp(`^rw_${role}_[0-9a-f]{16}\\.[\\w-]{43}$`));
      expect([
        await read(key, boards.own),
        await write(key, boards.own),
        await signIn(key),
        await define(key, boards.own),
        await status("GET", "/v1/admin/keys", key),
      ]).toEqual(statuses);
    }
  });

  test("does it on its boards only, and nothing that is about all of them", async () => {
    for (const scopes of [[boards.own], [`${prefix}-*`, "none"]]) {
      const { key } = await make({ role: "admin", scopes });
      for (const act of [read, write, define]) {
        expect([await act(key, boards.own), await act(key, boards.other)]).toEqual([200, 403]);
      }
      const { body } = await gateways[1].call<{ boards: { board: string }[] }>("GET", "/v1/boards", { key });
      expect(JSON.stringify(body)).toContain(boards.own);
      expect(JSON.stringify(body)).not.toContain(boards.other);
      expect(await signIn(key)).toBe(403);
      expect(await status("GET", "/v1/admin/keys", key)).toBe(403);
      expect(await status("POST", "/v1/members/m/notices", key, { kind: "k" })).toBe(403);
      const events = await SseReader.open(gateways[1].url, boards.other, {
        headers: { authorization: `Bearer ${key}` },
      });
      expect(events.response.statusCode).toBe(403);
    }
  });

  test("is good only whole: no other secret, role or id", async () => {
    const { key, id } = await make({ role: "read" });
    expect(await read(key, boards.own)).toBe(200);
    const secret = key.split(".")[1]!;
    const wrong = [
      key.slice(0, -1) + (key.endsWith("A") ? "E" : "A"),
      key.replace("rw_read", "rw_admin"),
      key.replace(id, "0".repeat(16)),
      `rw_read_${id}.${"A".repeat(43)}`,
      secret,
      id,
    ];
    for (const one of wrong) expect([one, await read(one, boards.own)]).toEqual([one, 401]);
  });

  test("is shown once, listed without its secret, and refused when it is badly described", async () => {
    const { key, id } = await make({ role: "read", scopes: ["a", "b-*"], name: "for the page" });
    const { body } = await gateways[1].call<{ keys: { id: string }[] }>("GET", "/v1/admin/keys", {
      key: ADMIN_KEY,
    });
    expect(body.keys.find((one) => one.id === id)).toEqual({
      id,
      name: "for the page",
      role: "read",
      scopes: ["a", "b-*"],
      createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      rotatedAt: null,
      previousUntil: null,
      revokedAt: null,
    });
    expect(JSON.stringify(body)).not.toContain(key.split(".")[1]);
    for (const bad of [
      {},
      { role: "root" },
      { role: "read", scopes: ["a*b"] },
      { role: "read", name: "" },
      { role: "read", more: 1 },
    ]) {
      expect((await make(bad)).error.code).toBe("bad_request");
    }
    expect((await make({ role: "read" }, SERVER_KEY)).error.code).toBe("forbidden");
  });

  test("rotated, works by the new secret, and by the old one for the overlap", async () => {
    const { key, id } = await make({ role: "read" });
    const rotate = async (body: object): Promise<string> =>
      (await gateways[0].call<Made>("POST", `/v1/admin/keys/${id}/rotate`, { key: ADMIN_KEY, body })).body
        .key;
    expect(await read(key, boards.own)).toBe(200);
    const second = await rotate({ overlapMs: 1_500 });
    await eventually(async () => expect(await read(second, boards.own)).toBe(200), { withinMs: 1_000 });
    expect(await read(key, boards.own)).toBe(200);
    await eventually(async () => expect(await read(key, boards.own)).toBe(401));
    const third = await rotate({});
    await eventually(async () => expect(await read(second, boards.own)).toBe(401), { withinMs: 1_000 });
    expect(await read(third, boards.own)).toBe(200);
    const nobody = `/v1/admin/keys/${"0".repeat(16)}/rotate`;
    expect(await status("POST", nobody, ADMIN_KEY, {})).toBe(404);
  });

  test("revoked, stops working on every gateway within a second, with what was opened by it", async () => {
    const { key, id } = await make({ role: "read" });
    const events = await SseReader.open(gateways[1].url, boards.own, {
      headers: { authorization: `Bearer ${key}` },
    });
    expect(events.response.statusCode).toBe(200);
    expect(await status("DELETE", `/v1/admin/keys/${id}`, ADMIN_KEY)).toBe(200);
    await eventually(
      async () => {
        for (const { call } of gateways)
          expect((await call("GET", `/v1/boards/${boards.own}/top`, { key })).status).toBe(401);
      },
      { withinMs: 1_000 },
    );
    await events.ended;
    expect(await status("DELETE", `/v1/admin/keys/${id}`, ADMIN_KEY)).toBe(200);
    expect(await status("POST", `/v1/admin/keys/${id}/rotate`, ADMIN_KEY, {})).toBe(404);
  });

  test("revoked while the word of it is lost, stops working by the next read of the table", async () => {
    const alone = await startServer(sharedRedisUrl(), { ...store.settings(), KEYS_POLL_MS: "200" });
    const { key, id } = await make({ role: "read" });
    const top = async (): Promise<number> =>
      (await alone.call("GET", `/v1/boards/${boards.own}/top`, { key })).status;
    expect(await top()).toBe(200);
    // As an operator would in SQL: nobody is told.
    await store
      .open()
      .run((db) => db.updateTable("api_keys").set({ revoked_at: new Date() }).where("id", "=", id).execute());
    await eventually(async () => expect(await top()).toBe(401), { withinMs: 3_000 });
    await alone.stop();
  });

  test("that is known goes on working while PostgreSQL is away; one that is not is unavailable", async () => {
    const { postgres } = store;
    if (!postgres) return;
    const [known, other] = [await make({ role: "read" }), await make({ role: "read" })];
    expect(await read(known.key, boards.own)).toBe(200);
    const fresh = await startServer(sharedRedisUrl(), { ...store.settings(), DATABASE_TIMEOUT_MS: "500" });
    await postgres.stop();
    expect(await read(known.key, boards.own)).toBe(200);
    const path = `/v1/boards/${boards.own}/top`;
    const unknown = await fresh.call<Made>("GET", path, { key: other.key });
    expect([unknown.status, unknown.body.error.code]).toEqual([503, "unavailable"]);
    expect((await fresh.call("GET", path, { key: SERVER_KEY })).status).toBe(200);
    await fresh.stop();
  });
});
