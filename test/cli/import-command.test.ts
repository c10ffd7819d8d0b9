/** `rankwire import`: entries from elsewhere into a board of a running server, and the check of both sides. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { breakingProxy } from "../support/breaking-proxy.ts";
import { commandConnection } from "../support/builders.ts";
import { ADMIN_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { asProcess, fileOf, inProcess, type Ran } from "./rankwire.ts";

type Report = {
  created?: { operator: string; columns: { name: string; type: string; max?: number; decimals?: number }[] };
  imported?: {
    lines: number;
    written: number;
    unchanged: number;
    failed: number;
    errors: { where: string; code: string }[];
  };
  compared?: {
    members: number;
    total: number;
    found: number;
    topCompared: number;
    differences: { reason: string; where: string }[];
  };
};

let server: TestServer;
let redis: Redis;
let admin: string[];
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl());
  admin = ["--url", server.url, "--key-file", fileOf(ADMIN_KEY), "--json"];
});
afterAll(async () => {
  await server.stop();
  redis.disconnect();
});

const reportOf = ({ out, err }: Ran): Report => {
  expect(err).toBe("");
  return JSON.parse(out) as Report;
};
const run = async (...args: string[]): Promise<Report & { code: number }> => {
  const ran = await inProcess("import", ...args, ...admin);
  return { ...reportOf(ran), code: ran.code };
};
const scoreOf = async (board: string, member: string) => {
  const path = `/v1/boards/${board}/members/${encodeURIComponent(member)}`;
  return (await server.call<{ score: number; columns?: object }>("GET", path)).body;
};

describe("rankwire import --from-zset", () => {
  async function zset(count: number): Promise<string> {
    const key = uniqueBoard("lb");
    for (let at = 0; at < count; at += 1_000) {
      const some = Array.from({ length: Math.min(1_000, count - at) }, (_, i) => [
        ((at + i) * 7) % 5_000,
        `player ${at + i}`,
      ]);
      await redis.zadd(key, ...(some.flat() as [number, string]));
    }
    return key;
  }

  test("makes the board, brings every member, and finds what somebody changes on either side", async () => {
    const [board, key] = [uniqueBoard("zset"), await zset(20_000)];
    const from = ["--from-zset", sharedRedisUrl(), "--redis-key", key];
    const child = await asProcess(
      {},
      "import",
      board,
      ...from,
      "--create",
      "--set",
      "operator=incr",
      ...admin,
    );
    expect([child.err, child.code]).toEqual(["", 0]);
    expect(reportOf(child)).toMatchObject({
      created: { operator: "incr", columns: [{ name: "score", decimals: 0, min: 0, max: 100_000 }] },
      imported: { lines: 20_000, written: 20_000, failed: 0 },
      compared: { members: 20_000, total: 20_000, found: 0, topCompared: 1_000 },
    });
    await redis.zincrby(key, 1, "player 7");
    await redis.zadd(key, 1, "player new");
    await redis.zrem(key, "player 8");
    const { code, compared } = await run(board, ...from, "--compare-only");
    expect(code).toBe(1);
    // 19,999 and one new there are as many as 20,000 here.
    expect(compared!.found).toBe(2);
    expect(compared!.differences).toEqual(
      expect.arrayContaining([
        { reason: "missing", where: '"player new"', source: { score: 1 } },
        { reason: "values", where: '"player 7"', source: { score: 50 }, board: { score: 49 } },
      ]),
    );
    await redis.zrem(key, "player new");
    const fewer = await run(board, ...from);
    expect(fewer).toMatchObject({
      code: 1,
      imported: { written: 1, unchanged: 19_998 },
      compared: { found: 1 },
    });
    expect(fewer.compared!.differences).toMatchObject([{ reason: "count", source: 19_999, board: 20_000 }]);
    await redis.del(key);
  }, 60_000);

  test("lists scores and members that the board does not take", async () => {
    const [board, key] = [uniqueBoard("zset"), uniqueBoard("lb")];
    await server.createBoard(board, { operator: "set", columns: [{ name: "s", max: 100 }] });
    await redis.zadd(key, 1, "fits", 1.5, "half", 101, "wide", "inf", "endless", 1, "a\tb");
    await redis.zadd(key, 2, Buffer.from([0xff, 0xfe]));
    const { code, imported, compared } = await run(
      board,
      "--from-zset",
      sharedRedisUrl(),
      "--redis-key",
      key,
    );
    expect(code).toBe(1);
    expect(imported).toMatchObject({ lines: 6, written: 1, failed: 5 });
    const codes = Object.fromEntries(imported!.errors.map(({ where, code: why }) => [where, why]));
    expect(codes).toMatchObject({
      '"half"': "not_representable",
      '"wide"': "out_of_range",
      '"endless"': "bad_request",
      '"a\\tb"': "bad_request",
    });
    const reasons = compared!.differences.map(({ reason }) => reason).sort();
    expect(reasons).toEqual(["count", ...Array(5).fill("not_taken")]);
    await redis.del(key);
  });

  test("refuses what is no sorted set", async () => {
    const ran = await inProcess(
      "import",
      "b",
      "--from-zset",
      sharedRedisUrl(),
      "--redis-key",
      "no such key",
      ...admin,
    );
    expect(ran).toMatchObject({ code: 1, err: expect.stringMatching(/There is no key.*\n.*--redis-key/) });
  });
});

describe("rankwire import of a file", () => {
  const CSV = 'user_id;points;wins\nann;1.234,5;7\nbob;12;0\n"q""uote";3,25;1\n';

  test("of CSV by a map makes a board that fits, and says which line is bad", async () => {
    const board = uniqueBoard("csv");
    const form = [
      "--map",
      "member=user_id,score=points,column.wins=wins",
      "--delimiter",
      ";",
      "--decimal-comma",
    ];
    const made = await run(board, "--csv", fileOf(CSV), ...form, "--create");
    expect(made).toMatchObject({
      code: 0,
      imported: { lines: 3, written: 3 },
      compared: { members: 3, found: 0 },
    });
    expect(made.created!.columns).toMatchObject([
      { name: "score", type: "decimal", decimals: 2 },
      { name: "wins", type: "decimal", decimals: 0 },
    ]);
    expect(await scoreOf(board, "ann")).toMatchObject({ score: 1234.5, columns: { wins: 7 } });
    expect(await scoreOf(board, 'q"uote')).toMatchObject({ score: 3.25 });
    const bad = await run(board, "--csv", fileOf(`${CSV}eve;1,23456;1\n`), ...form, "--dry-run");
    expect(bad).toMatchObject({
      code: 1,
      imported: { failed: 1, errors: [{ where: "line 5", code: "not_representable" }] },
    });
    expect(bad.compared).toBeUndefined();
  });

  test("names each line that is no entry, and compares the others", async () => {
    const board = uniqueBoard("odd");
    await server.createBoard(board, { operator: "set" });
    const ran = await run(board, fileOf('null\n1\n[]\n{"member":"a","score":1}'));
    expect([ran.imported!.failed, ran.compared!.found]).toEqual([3, 3]);
  });

  test("of an export makes the board as it was, and leaves out who is hidden when it compares", async () => {
    const board = uniqueBoard("again");
    const definition = {
      operator: "incr",
      ties: "earliest",
      columns: [{ name: "points", max: 50 }],
      shards: 2,
    };
    const lines = [
      { rankwire: "export", version: 1, definition, openedAt: "2025-01-01T00:00:00.000Z" },
      { member: "a", score: 7, reachedAt: "2025-03-01T00:00:00.000Z" },
      { member: "b", score: 7, reachedAt: "2025-02-01T00:00:00.000Z" },
      { member: "c", score: 9, visibility: "hidden" },
      { end: true, entries: 3 },
    ];
    const file = fileOf(lines.map((line) => JSON.stringify(line)).join("\n"));
    const made = await run(
      board,
      file,
      "--create",
      "--set",
      'season={"schedule":"manual","startsAt":"2025-01-01T00:00:00Z"}',
    );
    expect(made).toMatchObject({
      code: 0,
      created: { operator: "incr", ties: "earliest", columns: [{ name: "points", max: 50 }] },
      imported: { lines: 3, written: 3 },
      compared: { members: 2, total: 2, found: 0 },
    });
    const { body } = await server.call<{ entries: { member: string }[] }>("GET", `/v1/boards/${board}/top`);
    expect(body.entries.map(({ member }) => member)).toEqual(["b", "a"]);
  });

  test("into a board that publishes fewer ranks than the file has compares those, and calls what it did not take so", async () => {
    const board = uniqueBoard("short");
    const lines = Array.from({ length: 30 }, (_, i) => `{"member":"m${i}","score":${i}}\n`);
    const set = ["--set", "topSize=10", 'columns=[{"name":"score","max":1000}]'];
    const made = await run(board, fileOf(lines.join("")), "--create", ...set);
    expect(made).toMatchObject({ code: 0, compared: { members: 30, found: 0, topCompared: 10 } });
    const bad = await run(board, fileOf(`${lines.join("")}{"member":"half","score":1.5}\nno JSON\n`));
    expect(bad.imported!.errors).toMatchObject([
      { where: "line 31", code: "not_representable" },
      { where: "line 32", code: "bad_json", message: "The line is not valid JSON." },
    ]);
    const reasons = bad.compared!.differences.map(({ reason, where }) => `${reason} ${where}`);
    expect(reasons.sort()).toEqual(["count entries", "not_taken line 31", "not_taken line 32"]);
  });

  test("tells what was done before it failed, what to do, and of --import-id only where something began", async () => {
    const board = uniqueBoard("half");
    const file = fileOf('{"rankwire":"export"}\n{"member":"a","score":1}\n');
    const as = admin.filter((word) => word !== "--json");
    const nothing = await inProcess("import", board, "/no/such/file", "--create", ...as);
    expect(nothing).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/^usage: .*ENOENT/) });
    const both = await inProcess("import", board, file, "--create", "--dry-run", ...as);
    expect(both).toMatchObject({ code: 1, out: "", err: expect.stringMatching(/^usage: --create/) });
    const wrong = await inProcess("import", board, file, "--create", "--ties", "never", ...as);
    expect(wrong).toMatchObject({ code: 1, out: `${board} was made.` });
    expect(wrong.err).toMatch(/^bad_request: /);
    expect(wrong.err).not.toContain("--import-id");
    const map = ["--map", "member=nobody,score=points", "--delimiter", ";"];
    const unmapped = await inProcess("import", board, "--csv", fileOf(CSV), ...map, ...as);
    expect(unmapped).toMatchObject({ code: 1, out: "" });
    expect(unmapped.err).toMatch(/^bad_request: .+\nCorrect what the message names\.\nrequest: \S+$/);
    const cut = await inProcess("import", board, file, ...as);
    expect(cut.code).toBe(1);
    expect(cut.out).toMatch(
      /^1 line: 1 written, 0 there already, 0 left alone, 0 not taken\n .*cut off.*\n1 member /,
    );
  });

  test("that cannot be read from some line on says so, however much follows", async () => {
    const board = uniqueBoard("quotes");
    await server.createBoard(board, { operator: "set" });
    const rest = "bob,2\n".repeat(1_000_000);
    const file = fileOf(`member,score\nann,1\nb"ob,2\n${rest}`);
    const ran = await inProcess("import", board, "--csv", file, ...admin);
    expect(ran).toMatchObject({
      code: 1,
      err: expect.stringMatching(/cannot be read about line 3.*--import-id/s),
    });
    expect(await scoreOf(board, "ann")).toMatchObject({ score: 1 });
  });

  test("by best beside submissions calls what is better there no difference", async () => {
    const board = uniqueBoard("best");
    await server.createBoard(board, { operator: "best" });
    const file = (score: number) =>
      fileOf(`{"member":"a","score":${score}}\n{"member":"b","score":1}\n{"member":"b","score":2}\n`);
    expect((await run(board, file(10))).code).toBe(0);
    expect(await run(board, file(5), "--mode", "best")).toMatchObject({ code: 0, compared: { found: 0 } });
    expect(await scoreOf(board, "a")).toMatchObject({ score: 10 });
    const put = await run(board, file(5), "--compare-only");
    expect(put).toMatchObject({ code: 1, compared: { found: 2 } });
    expect(put.compared!.differences.map(({ reason }) => reason)).toEqual(["order", "values"]);
  });

  test("goes on by itself when the connection breaks in the middle", async () => {
    const board = uniqueBoard("broken");
    await server.createBoard(board, { operator: "set", shards: 2 });
    const lines = Array.from({ length: 30_000 }, (_, i) => `{"member":"member number ${i}","score":${i}}\n`);
    const proxy = await breakingProxy(Number(new URL(server.url).port), 600_000);
    const asked = ["--url", proxy.url, "--key-file", fileOf(ADMIN_KEY), "--json"];
    const ran = await inProcess("import", board, fileOf(lines.join("")), ...asked);
    proxy.server.close();
    expect(proxy.broken()).toBe(1);
    expect(reportOf(ran)).toMatchObject({
      imported: { lines: 30_000, failed: 0 },
      compared: { members: 30_000, total: 30_000, found: 0 },
    });
  });
});
