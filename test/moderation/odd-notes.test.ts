/** Odd calls do not stop the audit trail, and refused ones do not fill it. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { auditOutboxKey } from "../../server/redis/keys.ts";
import { describeOnBoth } from "../support/databases.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

describeOnBoth("the audit trail", (store) => {
  let redis: TestRedis;
  let server: TestServer;
  beforeAll(async () => {
    redis = await startTestRedis();
    server = await startServer(redis.url, store.settings());
    await server.running.database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await redis.stop();
  });
  beforeEach(async () => void (await redis.client().del(auditOutboxKey)));

  test.each([
    ["CONTROL: a plain refused body", "PUT", "/v1/admin/boards/x", { operator: "a" }, ADMIN_KEY],
    [
      "a server key, NUL in a path that is refused",
      "DELETE",
      "/v1/members/a%00b/sessions",
      undefined,
      SERVER_KEY,
    ],
    [
      "a server key on an admin's path (forbidden), NUL in the body",
      "POST",
      "/v1/admin/keys",
      { name: "a\0b", role: "admin" },
      SERVER_KEY,
    ],
    ["an admin's body with NUL (refused)", "PUT", "/v1/admin/boards/x", { operator: "a\0" }, ADMIN_KEY],
    [
      "an admin's body with a lone surrogate (refused)",
      "PUT",
      "/v1/admin/boards/x",
      '{"operator":"\\ud800"}',
      ADMIN_KEY,
    ],
  ] as const)("goes on after %s", async (_, method, path, body, key) => {
    const odd = await server.call(method, path, { key, ...(body === undefined ? {} : { body }) });
    expect(odd.status).toBeGreaterThanOrEqual(400);
    expect(odd.status).toBeLessThan(500);
    const board = uniqueBoard("audited");
    await server.createBoard(board, { operator: "set", shards: 1 });
    await server.call("POST", `/v1/boards/${board}/scores`, {
      key: SERVER_KEY,
      body: { submissions: [{ member: "m", score: 1 }] },
    });
    const at = `/v1/admin/boards/${board}/members/m`;
    await server.call("POST", `${at}/remove`, { key: ADMIN_KEY, body: { reason: "r" } });
    const list = await server.call("GET", `/v1/admin/audit?board=${board}`, { key: ADMIN_KEY });
    const restore = await server.call("POST", `${at}/restore`, {
      key: ADMIN_KEY,
      body: { reason: "r" },
    });
    expect([list.status, restore.status]).toEqual([200, 200]);
  });

  test("knows nothing of calls that were refused for their key", async () => {
    const board = uniqueBoard("refused");
    const refused = await server.call("PUT", `/v1/admin/boards/${board}`, {
      key: SERVER_KEY,
      body: { operator: "set" },
    });
    expect(refused.status).toBe(403);
    const { body } = await server.call<{ records: unknown[] }>("GET", `/v1/admin/audit?board=${board}`, {
      key: ADMIN_KEY,
    });
    expect(body.records).toEqual([]);
  });
});
