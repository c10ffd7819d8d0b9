/** Input that is odd gets an answer in our words, not `internal`. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newSeason } from "../../server/leaderboard/board-schema.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archive, mirror } from "../support/final-season.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const b64 = (text: string) => Buffer.from(text).toString("base64url");

describeOnBoth("odd input", (store) => {
  let server: TestServer;
  let redis: Redis;
  let board: string;
  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    server = await startServer(sharedRedisUrl(), store.settings());
    await server.running.database.ready();
    board = uniqueBoard("odd");
    await server.createBoard(board, { operator: "set", shards: 1 });
    const submissions = ["a", "b", "c"].map((member, i) => ({ member, score: 10 - i }));
    await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
    await server.running.registry.change(board, ({ board: rules, season, closing, ...rest }, nowMs) => {
      const over = { board: rules, season: { ...season, state: "closed" as const, closesAtMs: nowMs } };
      return { ...rest, board: rules, season: newSeason(rules, 2, nowMs), closing: [...closing, over] };
    });
    const open = server.running.registry.hot(board, 1)!;
    await mirror(
      server.running.database,
      open,
      ["a", "b", "c"].map((member, i) => ({ member, values: [10 - i], reachedAt: 0 })),
    );
    await archive(server.running.database, open);
    await server.running.registry.change(board, (record) => ({ ...record, closing: [] }));
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    redis.disconnect();
  });
  const expectOurs = async (method: string, path: string, body?: unknown, key?: string) => {
    const answer = await server.call<{ error?: { code: string } }>(method, path, {
      ...(key ? { key } : {}),
      ...(body ? { body } : {}),
    });
    expect([
      path.slice(0, 90),
      answer.status < 500,
      answer.body?.error?.code !== "internal",
      answer.body?.error?.code,
    ]).toEqual([path.slice(0, 90), true, true, answer.body?.error?.code]);
  };

  test("a forged cursor of a past season, by anyone", async () => {
    const { body } = await server.call<{ cursor: string }>("GET", `/v1/boards/${board}/top?season=1&limit=1`);
    const parts = JSON.parse(Buffer.from(body.cursor, "base64url").toString());
    parts[5] = "a\u0000";
    await expectOurs("GET", `/v1/boards/${board}/top?season=1&cursor=${b64(JSON.stringify(parts))}`);
  });
  test("a huge offset of a past season", () =>
    expectOurs("GET", `/v1/boards/${board}/top?season=1&offset=9007199254740991&limit=1`));
  test("a huge rank-of-score of a past season", () =>
    expectOurs("GET", `/v1/boards/${board}/rank-of-score?season=1&score=-1e300`));
  test.each(["hide", "show", "remove", "restore"])("a season that cannot be: %s", (what) =>
    expectOurs(
      "POST",
      `/v1/admin/boards/${board}/members/a/${what}?season=99999999999`,
      { reason: "x" },
      ADMIN_KEY,
    ));
  test("a cursor of the hidden", () =>
    expectOurs(
      "GET",
      `/v1/admin/boards/${board}/members/hidden?season=1&cursor=${b64("hidden a\0")}`,
      undefined,
      ADMIN_KEY,
    ));
  test("a cursor of bans: time", () =>
    expectOurs(
      "GET",
      `/v1/admin/bans?cursor=${b64(JSON.stringify(["bans", 9007199254740991, "a"]))}`,
      undefined,
      ADMIN_KEY,
    ));
  test("a cursor of bans: member", () =>
    expectOurs(
      "GET",
      `/v1/admin/bans?cursor=${b64(JSON.stringify(["bans", 5, "a\0"]))}`,
      undefined,
      ADMIN_KEY,
    ));
  test("a filter of the audit trail", () =>
    expectOurs("GET", `/v1/admin/audit?member=a%00`, undefined, ADMIN_KEY));
  test.each([
    { cron: "0 0 31 2 *", timeZone: "UTC" },
    { cron: "0 0 30 2 1#5", timeZone: "UTC" },
    { cron: "* * * * L", timeZone: "UTC" },
    { cron: "0 0 LW * *", timeZone: "UTC" },
    { cron: "0 0 1 * *", timeZone: "UTC", startsAt: "9999-12-31T23:59:59Z" },
    { cron: "0 0 1 * *", timeZone: "UTC", startsAt: "0000-01-01T00:00:00Z" },
    { everyWeeks: 520, from: "9999-12-31T23:59", timeZone: "UTC" },
    { everyWeeks: 1, from: "0000-01-01T00:00", timeZone: "Europe/Berlin" },
    { everyWeeks: 1, from: "2026-02-30T00:00", timeZone: "Europe/Berlin" },
    { everyWeeks: 1, from: "2026-02-28T24:00", timeZone: "Europe/Berlin" },
    { cron: "0 0 1 * *", timeZone: "constructor" },
    { cron: "0 0 1 * *", timeZone: "+01:00" },
    { cron: "0 0 1 * *", timeZone: "GMT+1" },
    { cron: "-1 0 1 * *", timeZone: "UTC" },
    { cron: "0-59/0 0 1 * *", timeZone: "UTC" },
    { schedule: "manual", startsAt: "9999-12-31T23:59:59Z" },
    { schedule: "manual", endsAt: "9999-12-31T23:59:59Z" },
  ])("a schedule %j", async (season) => {
    const id = uniqueBoard("cron");
    const at = performance.now();
    await expectOurs(
      "PUT",
      `/v1/admin/boards/${id}`,
      { operator: "best", shards: 1, ties: "earliest", season },
      ADMIN_KEY,
    );
    expect(performance.now() - at).toBeLessThan(2_000);
    await expectOurs("GET", `/v1/boards/${id}/seasons`);
    await expectOurs("GET", `/v1/boards/${id}`);
  });
});
