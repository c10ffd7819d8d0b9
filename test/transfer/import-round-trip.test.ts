/** What a board exports into an empty board: the same, place by place to the last digit, on both databases; and what the audit trail says. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { importLines, importText, standings } from "./importing.ts";

const WIDE: BoardDefinition["columns"] = [
  { name: "time", type: "float", order: "asc" },
  { name: "id", type: "int64" },
];
const wide = { order: "asc", columns: WIDE, metadata: true } as const;
const season = { endsAt: "2099-01-01T00:00:00Z", columns: [{ name: "s", max: 99 }] };

const BOARDS: [string, BoardDefinition][] = [
  ["packed, shared", { operator: "set", shards: 2, metadata: true }],
  ["packed, earliest", { operator: "set", shards: 2, metadata: true, ties: "earliest", ...season }],
  ["wide, earliest", { operator: "set", shards: 2, ties: "earliest", ...wide }],
  ["wide, latest", { operator: "best", shards: 1, ties: "latest", ...wide }],
];
const MEMBERS = ["ann", "bob", "cem", 'd, "e"', "ünï 🏁"];

describeOnBoth("an export and an import", (store) => {
  let server: TestServer;
  let redis: Redis;
  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    server = await startServer(sharedRedisUrl(), { ...store.settings(), ROLES: "gateway,merger,archiver" });
    await server.running.database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    redis.disconnect();
  });

  async function newBoard(definition: BoardDefinition) {
    const board = uniqueBoard("trip");
    await server.createBoard(board, definition);
    return server.running.registry.get(board);
  }

  async function exported(board: string, format: string): Promise<string> {
    const path = `/v1/admin/boards/${board}/export?format=${format}`;
    const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${ADMIN_KEY}` } });
    expect(response.status).toBe(200);
    return response.text();
  }

  test.each(BOARDS)("come to the same board: %s", async (_, definition) => {
    const from = await newBoard(definition);
    const { id } = from.board;
    const columns = definition.columns === WIDE ? { columns: { id: "9007199254740993" } } : {};
    for (const [i, member] of MEMBERS.entries()) {
      // One after the other, so that equal values have tie times of their own.
      await server.call("POST", `/v1/boards/${id}/scores`, {
        key: SERVER_KEY,
        body: { submissions: [{ member, score: 7, ...columns, metadata: `m${i}` }] },
      });
    }
    for (const [member, what] of [
      ["bob", "hide"],
      ["cem", "shadow"],
    ]) {
      const path = `/v1/admin/boards/${id}/members/${member}/${what}`;
      await server.call("POST", path, { key: ADMIN_KEY, body: { reason: "a test" } });
    }
    const before = await standings(redis, from, MEMBERS);
    expect([...before.values()].map(({ sight }) => sight)).toEqual([0, 1, 2, 0, 0]);
    for (const format of ["ndjson", "csv"]) {
      const text = await exported(id, format);
      const to = await newBoard(definition);
      const { body } = await importText(server, to.board.id, text, `?format=${format}`);
      expect(body).toMatchObject({ lines: 5, written: 5, failed: 0, errors: [] });
      expect(await standings(redis, to, MEMBERS)).toEqual(before);
      // Where nothing is new, nothing moves.
      const again = await importText(server, to.board.id, text, `?format=${format}`);
      expect(again.body).toMatchObject({ unchanged: 5, written: 0 });
      expect(await standings(redis, to, MEMBERS)).toEqual(before);
    }
  });

  test("agree about who is not seen by all and has several lines: the last value, and who sees it in the end", async () => {
    const { board } = await newBoard({ operator: "set", shards: 1 });
    const banned = uniqueBoard("banned");
    const ban = { key: ADMIN_KEY, body: { mode: "hide", reason: "a test" } };
    expect((await server.call("PUT", `/v1/admin/bans/${banned}`, ban)).status).toBeLessThan(300);
    await importLines(server, board.id, [
      { member: "back", score: 1, visibility: "hidden" },
      { member: "back", score: 2, visibility: "visible" },
      { member: "less", score: 1, visibility: "shadow" },
      { member: "less", score: 2, visibility: "hidden" },
      { member: "once", score: 1, visibility: "hidden" },
      { member: "once", score: 2 },
      { member: banned, score: 1 },
      { member: banned, score: 2 },
    ]);
    const lines = (await exported(board.id, "ndjson")).trimEnd().split("\n").slice(1, -1);
    const hidden = { score: 2, visibility: "hidden" };
    expect(lines.map((line) => JSON.parse(line)).sort((a, b) => (a.member < b.member ? -1 : 1))).toEqual([
      { member: "back", score: 2 },
      { member: banned, ...hidden },
      { member: "less", ...hidden },
      { member: "once", ...hidden },
    ]);
  });

  test("leave one record of the import in the audit trail", async () => {
    const { board } = await newBoard({ operator: "set" });
    const lines = Array.from({ length: 20 }, (_, i) => JSON.stringify({ member: `m${i}`, score: i }));
    await importText(server, board.id, lines.join("\n"), "?importId=audited&mode=best");
    await eventually(
      async () => {
        const path = `/v1/admin/audit?board=${board.id}`;
        const { body } = await server.call<{ records: object[] }>("GET", path, { key: ADMIN_KEY });
        expect(body.records).toMatchObject([
          {
            action: "board.import",
            outcome: "done",
            season: 1,
            details: { mode: "best", importId: "audited", lines: 20, written: 20, failed: 0 },
          },
          { action: "board.put" },
        ]);
      },
      { withinMs: 15_000 },
    );
  });
});
