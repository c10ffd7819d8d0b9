/** Every route of the HTTP API: what it answers, field by field, and where its limits are. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const DEFINITION: BoardDefinition = {
  operator: "incr",
  order: "desc",
  columns: [
    { name: "points", decimals: 1, max: 1000 },
    { name: "wins", max: 30 },
  ],
  shards: 4,
};

const INFO = {
  order: "desc",
  operator: "incr",
  columns: [
    { name: "points", order: "desc", min: 0, max: 1000, decimals: 1 },
    { name: "wins", order: "desc", min: 0, max: 30, decimals: 0 },
  ],
  ties: "shared",
  writers: "server",
  visibility: "public",
  shards: 4,
  topSize: 1000,
  season: { number: 1, state: "open", openedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) },
};

/** Best first: massa and kimi are equal. */
const ENTRIES = [
  { rank: 1, member: "alonso", score: 35.5, columns: { wins: 1 } },
  { rank: 2, member: "kimi", score: 18, columns: { wins: 0 } },
  { rank: 2, member: "massa", score: 18, columns: { wins: 0 } },
  { rank: 4, member: "nico", score: 1, columns: { wins: 1 } },
];

let server: TestServer;
let board: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  board = uniqueBoard("api");
  await server.createBoard(board, DEFINITION);
  const submissions = ENTRIES.map(({ rank: _, ...entry }) => entry);
  await scores({ submissions });
  await eventually(async () => expect((await read("top")).body).toMatchObject({ entries: ENTRIES }));
});
afterAll(() => server.stop());

function read(path: string): Promise<Answer> {
  return server.call("GET", `/v1/boards/${board}${path === "" ? "" : `/${path}`}`);
}

function scores(body: unknown, id = board): Promise<Answer> {
  return server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body });
}

describe("a board", () => {
  it("is created with 201 and shown with every default filled in", async () => {
    const id = uniqueBoard("made");
    const body = { operator: "best" };
    const made = await server.call("PUT", `/v1/admin/boards/${id}`, { key: ADMIN_KEY, body });
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      ...INFO,
      board: id,
      operator: "best",
      columns: [{ name: "score", order: "desc", min: 0, max: 2 ** 53 - 1, decimals: 0 }],
      shards: 8,
    });
  });

  it("is shown with its member count", async () => {
    const { status, body } = await read("");
    expect(status).toBe(200);
    expect(body).toEqual({ ...INFO, board, total: 4 });
  });

  it("is in the list of boards, which is in the order of their ids", async () => {
    const { body } = await server.call<{ boards: { board: string }[] }>("GET", "/v1/boards");
    expect(body.boards).toContainEqual({ ...INFO, board });
    const ids = body.boards.map((one) => one.board);
    expect(ids).toEqual([...ids].sort());
  });

  it("that is not there is board_not_found on every route", async () => {
    const paths = [
      "",
      "/top",
      "/members/alonso",
      "/members/alonso/around",
      "/rank-of-score?score=1",
      "/feed",
    ];
    for (const path of paths) {
      const { status, body } = await server.call("GET", `/v1/boards/nowhere${path}`);
      expect([status, body]).toMatchObject([404, { error: { code: "board_not_found", retryable: false } }]);
    }
    expect(await scores({ submissions: [{ member: "a", score: 1 }] }, "nowhere")).toMatchObject({
      status: 404,
      body: { error: { code: "board_not_found" } },
    });
  });

  it("has no other season than its first", async () => {
    expect((await read("top?season=1")).status).toBe(200);
    for (const path of ["top", "members/alonso", "members/alonso/around", "rank-of-score", "feed"]) {
      const { status, body } = await read(`${path}?season=2${path === "rank-of-score" ? "&score=1" : ""}`);
      expect([status, body]).toMatchObject([404, { error: { code: "season_not_found" } }]);
    }
  });
});

describe("scores", () => {
  it("answer each submission in its place, with the row as it now is", async () => {
    const id = uniqueBoard("scores");
    await server.createBoard(id, DEFINITION);
    const { status, body } = await scores(
      {
        submissions: [
          { member: "a", score: 25, columns: { wins: 1 }, id: "r1" },
          { member: "a", score: 25, columns: { wins: 1 }, id: "r1" },
          { member: "b", score: 10.5 },
          { member: "b", score: 0 },
          { member: "b", score: 1000 },
          { member: "c", score: -1 },
        ],
      },
      id,
    );
    expect(status).toBe(200);
    const outOfRange = {
      code: "out_of_range",
      message: expect.any(String),
      remediation: expect.any(String),
      retryable: false,
    };
    const b = { score: 10.5, columns: { wins: 0 } };
    expect(body).toEqual({
      board: id,
      season: 1,
      ack: "memory",
      results: [
        { outcome: "accepted", score: 25, columns: { wins: 1 } },
        { outcome: "duplicate", score: 25, columns: { wins: 1 } },
        { outcome: "accepted", ...b, idempotent: false },
        { outcome: "unchanged", ...b, idempotent: false },
        { outcome: "rejected", ...b, error: outOfRange },
        { outcome: "rejected", error: outOfRange },
      ],
      counts: { accepted: 2, unchanged: 1, duplicate: 1, rejected: 2 },
    });
  });

  it("may name the season and the acknowledgement; a season that is not there yet is refused", async () => {
    const id = uniqueBoard("seasons");
    await server.createBoard(id, { operator: "best" });
    const submissions = [
      { member: "a", score: 1, season: 1 },
      { member: "b", score: 1, season: 2 },
    ];
    const { body } = await scores({ submissions, ack: "memory" }, id);
    expect(body).toMatchObject({
      results: [
        { outcome: "accepted", score: 1 },
        { outcome: "rejected", error: { code: "season_not_found" } },
      ],
    });
  });
});

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

  it("fast ranks say that they are not there yet", async () => {
    expect(await read("members/alonso?precision=fast")).toMatchObject({
      status: 501,
      body: { error: { code: "not_available" } },
    });
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
    await scores({ submissions: names.map((member) => ({ member, score: 1 })) }, id);
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
    const entries = [ENTRIES[0], ENTRIES[2], ENTRIES[3]];
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

describe("a session", () => {
  it("is opened for a player by the server key", async () => {
    const opened = await server.call<{ token: string; expiresAt: string }>("POST", "/v1/sessions", {
      key: SERVER_KEY,
      body: { member: "alonso" },
    });
    expect(opened.status).toBe(201);
    expect(opened.headers.get("cache-control")).toBe("no-store");
    expect(opened.body).toEqual({
      token: expect.stringMatching(/^[\w-]{8}\.[\w-]{43}$/),
      member: "alonso",
      expiresAt: expect.any(String),
    });
    expect(Date.parse(opened.body.expiresAt)).toBeGreaterThan(Date.now());
  });
});
