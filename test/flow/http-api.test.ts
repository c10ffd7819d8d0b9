/** Boards, scores and sessions over HTTP: what each call answers, field by field. Reads of entries are in http-reads.test.ts. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { API_BOARD, createApiBoard } from "./api-board.ts";

const INFO = {
  order: "desc",
  operator: "incr",
  columns: [
    { name: "points", type: "decimal", order: "desc", min: 0, max: 1000, decimals: 1 },
    { name: "wins", type: "decimal", order: "desc", min: 0, max: 30, decimals: 0 },
  ],
  layout: "packed",
  ties: "shared",
  writers: "server",
  visibility: "public",
  shards: 4,
  topSize: 1000,
  profileFields: [],
  season: { number: 1, state: "open", openedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) },
  seasonRules: { schedule: "manual" },
};

let server: TestServer;
let board: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  board = await createApiBoard(server);
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
      columns: [{ name: "score", type: "decimal", order: "desc", min: 0, max: 2 ** 53 - 1, decimals: 0 }],
      shards: 8,
      metadata: false,
      logRetentionDays: 30,
      historyRetentionDays: 30,
    });
  });

  it("is shown with its member count", async () => {
    const { status, body } = await read("");
    expect(status).toBe(200);
    expect(body).toEqual({ ...INFO, board, exact: true, total: 4 });
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
    await server.createBoard(id, API_BOARD);
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
      counts: { accepted: 2, unchanged: 1, duplicate: 1, held: 0, rejected: 2 },
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
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      signingSecret: expect.stringMatching(/^[\w-]{43}$/),
      member: "alonso",
      expiresAt: expect.any(String),
    });
    expect(Date.parse(opened.body.expiresAt)).toBeGreaterThan(Date.now());
  });
});
