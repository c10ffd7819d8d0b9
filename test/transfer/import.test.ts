/** Imports over HTTP: what becomes of lines, good and bad ones, and of imports that break off. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { importLines, OpenImport, standings } from "./importing.ts";

let server: TestServer;
let redis: Redis;
let board: string;

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl(), { IMPORT_ERRORS_MAX: "12", IMPORT_IDLE_MS: "5000" });
  await server.running.database.ready();
}, 60_000);
afterAll(async () => {
  await server.stop();
  redis.disconnect();
});

async function newBoard(definition: BoardDefinition) {
  board = uniqueBoard("import");
  await server.createBoard(board, definition);
  return server.running.registry.get(board);
}

const scoreOf = async (member: string): Promise<number | undefined> => {
  const { body } = await server.call<{ score?: number }>("GET", `/v1/boards/${board}/members/${member}`);
  return body.score;
};
const submit = (submissions: object[]) =>
  server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
describe("an import", () => {
  test("writes what the lines say, whatever the operator, and the top shows it", async () => {
    await newBoard({
      operator: "incr",
      shards: 2,
      columns: [
        { name: "points", max: 1000 },
        { name: "wins", max: 9 },
      ],
    });
    await submit([{ member: "a", score: 5, columns: { wins: 1 } }]);
    const { status: code, body } = await importLines(server, board, [
      { member: "a", score: 7, columns: { wins: 2 } },
      "",
      { member: "b", score: 9, columns: { wins: 0 } },
    ]);
    expect(code).toBe(200);
    expect(body).toMatchObject({ lines: 2, written: 2, unchanged: 0, skipped: 0, failed: 0, errors: [] });
    await eventually(async () => {
      const top = await server.call<{ entries: object[] }>("GET", `/v1/boards/${board}/top?limit=5`);
      expect(top.body.entries).toMatchObject([
        { member: "b", score: 9, columns: { wins: 0 } },
        { member: "a", score: 7, columns: { wins: 2 } },
      ]);
    });
    const again = await importLines(server, board, [{ member: "a", score: 7, columns: { wins: 2 } }]);
    expect(again.body).toMatchObject({ lines: 1, written: 0, unchanged: 1 });
  });

  test("names each bad line by its number, takes the others, and lists no more than it may", async () => {
    await newBoard({
      operator: "set",
      shards: 2,
      ties: "earliest",
      endsAt: "2099-01-01T00:00:00Z",
      columns: [
        { name: "s", max: 100, decimals: 1 },
        { name: "w", max: 5 },
      ],
    });
    const good = (member: string) => ({ member, score: 1, columns: { w: 1 } });
    const { body } = await importLines(server, board, [
      good("a"),
      "{ not json",
      { member: "", score: 1 },
      { ...good("b"), score: 101 },
      { ...good("b"), score: 0.25 },
      { member: "b", score: 1 },
      { ...good("b"), columns: { w: 1, x: 1 } },
      { ...good("b"), metadata: "none is taken" },
      { ...good("b"), extra: 1 },
      { ...good("b"), reachedAt: "yesterday" },
      { ...good("b"), key: 1 },
      { ...good("b"), metadata: "x".repeat(20_000) },
      { ...good("b"), columns: { w: "1" } },
      { ...good("b"), member: "a\tb" },
      good("c"),
    ]);
    expect(body.errors.map(({ line, code }) => `${line} ${code}`)).toEqual([
      "2 bad_json",
      "3 bad_request",
      "4 out_of_range",
      "5 not_representable",
      "6 column_missing",
      "7 column_unknown",
      "8 bad_request",
      "9 bad_request",
      "10 bad_request",
      "11 bad_request",
      "12 payload_too_large",
      "13 bad_request",
    ]);
    expect(body).toMatchObject({ lines: 15, written: 2, failed: 13 });
    expect(await Promise.all(["a", "b", "c"].map(scoreOf))).toEqual([1, undefined, 1]);
  });

  test("takes as an instant only what is one, with its zone", async () => {
    await newBoard({ operator: "set", shards: 1, ties: "earliest" });
    const timed = (times: (string | number)[]) =>
      importLines(
        server,
        board,
        times.map((reachedAt, i) => ({ member: `m${i}`, score: 1, reachedAt })),
      );
    const no = ["03/04/2026", "1", "2026-02-31", "2026-02-31T00:00:00Z", "2026-03-04T00:00:00", "March 4"];
    expect((await timed(no)).body).toMatchObject({ failed: no.length, written: 0 });
    const yes = ["2026-03-04T05:06:07.123Z", "2026-03-04 05:06:07.123456+00", "2026-03-04T05:06+05:30", 0];
    expect((await timed(yes)).body).toMatchObject({ failed: 0, written: yes.length });
  });

  test("cuts what it cites of a line", async () => {
    await newBoard({ operator: "set" });
    const { body } = await importLines(server, board, [{ member: "a", score: 1, ["🏁".repeat(4_000)]: 1 }]);
    expect(body.errors[0]!.message).toMatch(/🏁…$/u);
    expect(body.errors[0]!.message.length).toBeLessThanOrEqual(500);
  });

  test("ends where the board's end comes, and then is refused", async () => {
    await newBoard({ operator: "set", shards: 1, endsAt: new Date(Date.now() + 1_500).toISOString() });
    const line = '{"member":"late","score":9}\n';
    const under = new OpenImport(server, board);
    await under.send(line);
    await eventually(async () => {
      const { body: answer } = await submit([{ member: "early", score: 1 }]);
      expect(JSON.stringify(answer)).toContain("season_closed");
    });
    under.end();
    expect((await under.answer).body.error).toMatchObject({ code: "season_closed" });
    const again = await importLines(server, board, [line]);
    expect(again.status).toBe(409);
    expect(again.body.error).toMatchObject({ code: "season_closed" });
    expect(await scoreOf("late")).toBeUndefined();
  });

  test("is refused as a whole where it is no text, is not an admin's, or asks for what there is not", async () => {
    await newBoard({ operator: "set" });
    const path = `/v1/admin/boards/${board}/import`;
    const call = (query: string, key: string, body: string | Uint8Array) =>
      fetch(`${server.url}${path}${query}`, {
        method: "POST",
        body,
        headers: { authorization: `Bearer ${key}` },
      });
    expect((await call("", SERVER_KEY, "{}")).status).toBe(403);
    expect((await call("?mode=add", ADMIN_KEY, "{}")).status).toBe(400);
    const latin = await call("", ADMIN_KEY, Buffer.from('{"member":"\xe9","score":1}', "latin1"));
    expect(((await latin.json()) as { error: { message: string } }).error.message).toContain("UTF-8");
    const late = await importLines(server, board, [{ member: "a", score: 1 }], "?fromLine=5");
    expect(late.body.error).toMatchObject({ code: "bad_request" });
    expect((await importLines(server, "nowhere", [])).status).toBe(404);
  });

  test("says that an export was cut off", async () => {
    await newBoard({ operator: "set" });
    const head = { rankwire: "export", version: 1 };
    const cut = await importLines(server, board, [head, { member: "a", score: 1 }]);
    expect(cut.body).toMatchObject({ lines: 1, failed: 1, errors: [{ line: 2 }] });
    const lacking = await importLines(server, board, [
      head,
      { member: "a", score: 1 },
      { end: true, entries: 2 },
    ]);
    expect(lacking.body).toMatchObject({ failed: 1, errors: [{ line: 3 }] });
  });

  test("that is a dry run tells what would be done and changes nothing", async () => {
    const open = await newBoard({ operator: "set", shards: 2 });
    await submit([
      { member: "a", score: 5 },
      { member: "b", score: 5 },
    ]);
    const before = await standings(redis, open, ["a", "b", "c"]);
    const ns = () => Promise.all(open.shards.map(({ meta }) => redis.hget(meta, "n")));
    const logs = await ns();
    const lines = [
      { member: "a", score: 5 },
      { member: "b", score: 6 },
      { member: "c", score: 7 },
      { member: "d" },
    ];
    const { body } = await importLines(server, board, lines, "?dryRun=true&importId=dry");
    expect(body).toMatchObject({ dryRun: true, lines: 4, written: 2, unchanged: 1, failed: 1 });
    expect(await standings(redis, open, ["a", "b", "c"])).toEqual(before);
    expect(await ns()).toEqual(logs);
    expect(await redis.keys(`rw:{${board}}:import*`)).toEqual([]);
  });

  test("by `best` lowers nothing, and by `absent` touches nobody who is there", async () => {
    await newBoard({ operator: "set", columns: [{ name: "ms", order: "asc", max: 1e6 }], order: "asc" });
    await submit([
      { member: "a", score: 50 },
      { member: "b", score: 50 },
    ]);
    const lines = [
      { member: "a", score: 40 },
      { member: "b", score: 60 },
      { member: "c", score: 70 },
    ];
    const best = await importLines(server, board, lines, "?mode=best");
    expect(best.body).toMatchObject({ written: 2, skipped: 1 });
    expect(await Promise.all(["a", "b", "c"].map(scoreOf))).toEqual([40, 50, 70]);
    const absent = await importLines(
      server,
      board,
      [...lines.map((one) => ({ ...one, score: 1 })), { member: "d", score: 2 }],
      "?mode=absent",
    );
    expect(absent.body).toMatchObject({ written: 1, skipped: 3 });
    expect(await Promise.all(["a", "b", "c", "d"].map(scoreOf))).toEqual([40, 50, 70, 2]);
  });

  test("of times puts them in order on a board that goes by them, and those without a time come as of now", async () => {
    const open = await newBoard({ operator: "best", shards: 1, ties: "earliest" });
    const at = open.season.openedAtMs;
    const lines = [
      { member: "later", score: 5, reachedAt: new Date(at + 2).toISOString() },
      { member: "now", score: 5 },
      { member: "sooner", score: 5, reachedAt: at + 1 },
    ];
    await importLines(server, board, lines);
    const order = async () => {
      const { body } = await server.call<{ entries: { member: string }[] }>(
        "GET",
        `/v1/boards/${board}/members/now/around`,
      );
      return body.entries.map(({ member }) => member);
    };
    expect(await order()).toEqual(["sooner", "later", "now"]);
    await importLines(server, board, [{ member: "now", score: 5, reachedAt: at }], "?mode=best");
    expect(await order()).toEqual(["now", "sooner", "later"]);
  });

  test("reaches back with its times as far as the board's first season says", async () => {
    await newBoard({
      operator: "best",
      shards: 1,
      ties: "earliest",
      season: { schedule: "manual", startsAt: "2020-01-01T00:00:00Z" },
    });
    await submit([{ member: "now", score: 5 }]);
    await importLines(server, board, [
      { member: "later", score: 5, reachedAt: "2021-05-01T00:00:00.001Z" },
      { member: "sooner", score: 5, reachedAt: "2021-05-01T00:00:00Z" },
    ]);
    const { body } = await server.call<{ entries: { member: string }[] }>(
      "GET",
      `/v1/boards/${board}/members/now/around`,
    );
    expect(body.entries.map(({ member }) => member)).toEqual(["sooner", "later", "now"]);
  });

  test("puts the entries of banned members where their ban says", async () => {
    const open = await newBoard({ operator: "set" });
    const member = uniqueBoard("cheat");
    const ban = { key: ADMIN_KEY, body: { mode: "hide", reason: "a test" } };
    expect((await server.call("PUT", `/v1/admin/bans/${member}`, ban)).status).toBeLessThan(300);
    await importLines(server, board, [
      { member, score: 9, visibility: "visible" },
      { member: "a", score: 1 },
    ]);
    expect((await standings(redis, open, [member])).get(member)).toMatchObject({ sight: 1 });
    const { body } = await server.call<{ total: number }>("GET", `/v1/boards/${board}/members/a`);
    expect(body.total).toBe(1);
  });
});
