/** Imports that break off and go on, beside submissions, and where a score log is full. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { importText, OpenImport, standings } from "./importing.ts";

let server: TestServer;
let redis: Redis;
let board: string;

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl());
});
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
const status = async (id: string) => {
  const path = `/v1/admin/boards/${board}/import/${id}`;
  const { body } = await server.call<{ state: string; lastLine: number; lines: number }>("GET", path, {
    key: ADMIN_KEY,
  });
  return body;
};

describe("an import with an id", () => {
  const lineOf = (i: number) => JSON.stringify({ member: `m${i}`, score: i });
  const text = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${lineOf(from + i)}\n`).join("");

  test("that broke off goes on where it was, and is as if it had never broken", async () => {
    const open = await newBoard({ operator: "set", shards: 4, ties: "earliest" });
    const first = new OpenImport(server, board, "?importId=one");
    await first.send(text(1, 9_000));
    await eventually(async () =>
      expect(await status("one")).toMatchObject({ state: "running", lastLine: 8_000 }),
    );
    // What is not noted yet may be there already: it comes once more.
    first.breakOff();
    await eventually(async () =>
      expect(await status("one")).toMatchObject({ state: "broken", lines: 8_000 }),
    );
    const members = ["m1", "m4000", "m8000", "m9000", "m9001", "m10000"];
    const part = await standings(redis, open, members);
    const { body } = await importText(server, board, text(1, 10_000), "?importId=one");
    expect(body).toMatchObject({ resumedAfter: 8_000, lines: 10_000, failed: 0 });
    expect(await status("one")).toMatchObject({ state: "done", lastLine: 10_000 });
    const whole = await standings(redis, open, members);
    expect(whole.size).toBe(6);
    for (const [member, standing] of part) expect(whole.get(member)).toEqual(standing);
    // Lines without a time have that of the import's beginning, before and after the break.
    expect(new Set([...whole.values()].map(({ rest }) => rest.slice(-8))).size).toBe(1);
    const again = await importText(server, board, text(1, 10_000), "?importId=one");
    expect(again.body).toMatchObject({ resumedAfter: 10_000, lines: 10_000 });
    const tail = await importText(server, board, text(10_001, 10_002), "?importId=one&fromLine=10001");
    expect(tail.body).toMatchObject({ resumedAfter: 10_000, lines: 10_002 });
    expect(await scoreOf("m10002")).toBe(10_002);
  });

  test("runs once at a time, and goes on only as it began", async () => {
    await newBoard({ operator: "set" });
    const first = new OpenImport(server, board, "?importId=two");
    await first.send(text(1, 1));
    await eventually(async () => expect(await status("two")).toMatchObject({ state: "running" }));
    for (const query of ["?importId=two", "?importId=another", ""]) {
      const second = await importText(server, board, text(1, 1), query);
      expect(second.body.error).toMatchObject({ code: "import_running", retryable: true });
    }
    first.end();
    expect((await first.answer).body).toMatchObject({ lines: 1, written: 1 });
    const other = await importText(server, board, text(1, 1), "?importId=two&mode=best");
    expect(other.body.error).toMatchObject({ code: "bad_request" });
    const path = `/v1/admin/boards/${board}/import/unknown`;
    const unknown = await server.call<{ error: { code: string } }>("GET", path, { key: ADMIN_KEY });
    expect(unknown.body.error.code).toBe("import_not_found");
  });
});
