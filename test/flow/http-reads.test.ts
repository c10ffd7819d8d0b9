/** Every way to read entries over HTTP: what it answers, field by field, and where its limits are. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { createApiBoard, ENTRIES } from "./api-board.ts";

let server: TestServer;
let board: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  board = await createApiBoard(server);
  await eventually(async () => expect((await read("top")).body).toMatchObject({ entries: ENTRIES }));
});
afterAll(() => server.stop());

function read(path: string): Promise<Answer> {
  return server.call("GET", `/v1/boards/${board}/${path}`);
}

describe("reads of members", () => {
  it("the top has its position, ranks and total", async () => {
    const position = { epoch: expect.any(String), offset: expect.any(Number) };
    const heading = { board, season: 1, position, exact: true, total: 4 };
    expect((await read("top")).body).toEqual({ ...heading, entries: ENTRIES });
    const part = (await read("top?limit=2&offset=1")).body;
    const entries = ENTRIES.slice(1, 3);
    expect(part).toEqual({ ...heading, entries, cursor: expect.any(String) });
    expect((await read("top?offset=4&limit=5")).body).toEqual({ ...heading, entries: [] });
    expect((await read("top?offset=900&limit=100")).body).toEqual({ ...heading, entries: [] });
  });

  it("the top ends at topSize: what is beyond is for the cursor", async () => {
    for (const query of ["offset=1000&limit=1", "offset=999&limit=2", "offset=9007199254740991&limit=1"]) {
      const { status, body } = await read(`top?${query}`);
      expect([status, body]).toMatchObject([400, { error: { code: "bad_request" } }]);
      expect(body).toMatchObject({ error: { message: expect.stringContaining("cursor") } });
    }
  });

  it("a member has an exact rank and a percentile", async () => {
    for (const [at, entry] of ENTRIES.entries()) {
      const { status, body } = await read(`members/${entry.member}?precision=exact`);
      const percentile = [100, 75, 75, 25][at];
      expect(status).toBe(200);
      expect(body).toEqual({ board, season: 1, ...entry, exact: true, total: 4, percentile });
    }
    expect(await read("members/nobody")).toMatchObject({
      status: 404,
      body: { error: { code: "member_not_found" } },
    });
    expect(await read("members/nobody/around")).toMatchObject({
      status: 404,
      body: { error: { code: "member_not_found" } },
    });
  });

  it("fast ranks in the published top are exact", async () => {
    for (const entry of ENTRIES) {
      const { status, body } = await read(`members/${entry.member}?precision=fast`);
      expect(status).toBe(200);
      expect(body).toMatchObject({ ...entry, exact: true, total: 4 });
    }
  });

  it("around a member are its neighbours, shifted at the ends of the board", async () => {
    const heading = { board, season: 1, exact: true, total: 4 };
    const cases = { alonso: [0, 3], kimi: [0, 3], massa: [1, 4], nico: [1, 4] };
    for (const [member, [from, to]] of Object.entries(cases)) {
      const { body } = await read(`members/${member}/around?limit=3`);
      expect(body).toEqual({ ...heading, entries: ENTRIES.slice(from, to) });
    }
    expect((await read("members/kimi/around")).body).toEqual({ ...heading, entries: ENTRIES });
    expect((await read("members/kimi/around?limit=1")).body).toMatchObject({ entries: [ENTRIES[1]] });
  });

  it("a member may have any name that a path can carry", async () => {
    const id = uniqueBoard("names");
    await server.createBoard(id, { operator: "best" });
    const names = ["a/b", "a b?c=d#e", "100%", "around", "é😀", "😀".repeat(32)];
    const body = { submissions: names.map((member) => ({ member, score: 1 })) };
    await server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body });
    for (const member of names) {
      const path = `/v1/boards/${id}/members/${encodeURIComponent(member)}`;
      expect((await server.call("GET", path)).body).toMatchObject({ member, rank: 1, total: names.length });
      expect((await server.call("GET", `${path}/around`)).body).toMatchObject({ total: names.length });
    }
  });
});

describe("questions about many", () => {
  const ask = (body: unknown): Promise<Answer> =>
    server.call("POST", `/v1/boards/${board}/members`, { body });

  it("members are answered best first, each once, and who is missing", async () => {
    const members = ["nico", "nobody", "massa", "alonso", "nico", "none"];
    const entries = ENTRIES.filter(({ member }) => member !== "kimi");
    const answer = { board, season: 1, exact: true, total: 4, entries, missing: ["nobody", "none"] };
    expect(await ask({ members })).toMatchObject({ status: 200, body: answer });
    const unranked = entries.map(({ rank: _, ...entry }) => entry);
    expect((await ask({ members, ranks: false })).body).toEqual({ ...answer, entries: unranked });
  });

  it("members may be 5,000 and not one more", async () => {
    const members = [...Array.from({ length: 4_999 }, (_, i) => `m${i}`), "kimi"];
    const { status, body } = await ask({ members });
    expect([status, body]).toMatchObject([200, { entries: [ENTRIES[1]], total: 4 }]);
    expect(await ask({ members: [...members, "massa"] })).toMatchObject({
      status: 413,
      body: { error: { code: "too_many_items", message: expect.stringContaining("5000") } },
    });
  });

  it("the rank of a score is one more than the members who are better on the columns given", async () => {
    const model = new NaiveBoard((await server.running.registry.get(board)).board);
    for (const { member, score, columns } of ENTRIES) {
      model.submit({ member, values: [score, columns.wins], id: "", at: 0 });
    }
    for (const score of [0, 1, 17.9, 18, 35.5, 1000]) {
      const { body } = await read(`rank-of-score?score=${score}`);
      const rank = model.rankOf([score]);
      const percentile = (100 * (Math.max(4, rank) - rank + 1)) / Math.max(4, rank);
      expect(body).toEqual({ board, season: 1, exact: true, score, rank, total: 4, percentile });
      for (const wins of [0, 1, 30]) {
        const more = (await read(`rank-of-score?score=${score}&column.wins=${wins}`)).body;
        expect(more).toMatchObject({ score, columns: { wins }, rank: model.rankOf([score, wins]) });
      }
    }
  });
});
