/** Questions that cannot be answered: each is refused with the right code, never answered as if it had been another one. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
let board: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  board = uniqueBoard("queries");
  const columns = [
    { name: "points", decimals: 1, max: 1000 },
    { name: "wins", max: 30 },
    { name: "seconds", max: 30 },
  ];
  await server.createBoard(board, { operator: "incr", columns });
});
afterAll(() => server.stop());

const queries: [string, number, string][] = [
  ["?limit=5", 400, "bad_request"],
  ["?season=0", 400, "bad_request"],
  ["?season=x", 400, "bad_request"],
  ["/top?offset=-1", 400, "bad_request"],
  ["/top?offset=1.5", 400, "bad_request"],
  ["/top?offset=1e400", 400, "bad_request"],
  ["/top?limit=NaN", 400, "bad_request"],
  ["/top?limit=5&limit=6", 400, "bad_request"],
  ["/top?unknown=1", 400, "bad_request"],
  ["/top?__proto__=1", 400, "bad_request"],
  ["/top?cursor=x&cursor=y", 400, "bad_request"],
  [`/top?cursor=${"x".repeat(1_025)}`, 400, "bad_request"],
  ["/members/a%09b", 400, "bad_request"],
  ["/members/a%00b", 400, "bad_request"],
  [`/members/${"x".repeat(129)}`, 400, "bad_request"],
  ["/members/a?precision=guess", 400, "bad_request"],
  ["/members/a/around?limit=0", 400, "bad_request"],
  ["/members/a/around?limit=102", 400, "bad_request"],
  ["/feed?view=11", 400, "bad_request"],
  ["/rank-of-score", 400, "bad_request"],
  ["/rank-of-score?score=", 400, "bad_request"],
  ["/rank-of-score?score=abc", 400, "bad_request"],
  ["/rank-of-score?score=1e400", 400, "bad_request"],
  ["/rank-of-score?score=NaN", 400, "bad_request"],
  ["/rank-of-score?score=1&score=2", 400, "bad_request"],
  ["/rank-of-score?score=1001", 422, "out_of_range"],
  ["/rank-of-score?score=-1", 422, "out_of_range"],
  ["/rank-of-score?score=1.05", 422, "not_representable"],
  ["/rank-of-score?score=1&column.losses=1", 422, "column_unknown"],
  ["/rank-of-score?score=1&column.points=1", 422, "column_unknown"],
  ["/rank-of-score?score=1&wins=1", 422, "column_unknown"],
  ["/rank-of-score?score=1&column.wins=31", 422, "out_of_range"],
  ["/rank-of-score?score=1&column.wins=", 400, "bad_request"],
  ["/rank-of-score?score=1&column.wins=abc", 400, "bad_request"],
  ["/rank-of-score?score=1&column.wins=1&column.wins=2", 400, "bad_request"],
];

describe("a question", () => {
  it.each(queries)("%s is %i %s", async (query, expected, code) => {
    const { status, body } = await server.call("GET", `/v1/boards/${board}${query}`);
    expect([status, body]).toMatchObject([expected, { error: { code, remediation: expect.any(String) } }]);
  });

  it("for the rank of a score leaves out no column before one that it names", async () => {
    const { status, body } = await server.call(
      "GET",
      `/v1/boards/${board}/rank-of-score?score=1&column.seconds=1`,
    );
    expect([status, body]).toMatchObject([422, { error: { code: "column_missing" } }]);
  });

  it("for a board that no board may be named is bad_request", async () => {
    for (const id of ["a%20b", "-a", "a.b", "x".repeat(65), "%00", "é"]) {
      const { status, body } = await server.call("GET", `/v1/boards/${id}/top`);
      expect([id, status, body]).toMatchObject([id, 400, { error: { code: "bad_request" } }]);
    }
  });
});

describe("a question about many members", () => {
  const bodies: [string, unknown][] = [
    ["nothing", {}],
    ["null", null],
    ["text", "a"],
    ["no member", { members: [] }],
    ["members as text", { members: "a" }],
    ["a number among them", { members: ["a", 5] }],
    ["null among them", { members: ["a", null] }],
    ["an empty one among them", { members: ["a", ""] }],
    ["a tab in one", { members: ["a\tb"] }],
    ["a lone surrogate in one", { members: ["\ud800"] }],
    ["one of 129 bytes", { members: ["x".repeat(129)] }],
    ["an unknown field", { members: ["a"], limit: 1 }],
    ["ranks as text", { members: ["a"], ranks: "yes" }],
  ];
  it.each(bodies)("is refused: %s", async (_, body) => {
    const answer = await server.call("POST", `/v1/boards/${board}/members`, { body: JSON.stringify(body) });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
  });
});

describe("a session", () => {
  it.each([
    {},
    null,
    { member: "" },
    { member: 5 },
    { member: "a\nb" },
    { member: "a", role: "admin" },
  ])("is not opened for %j", async (body) => {
    const text = JSON.stringify(body);
    const answer = await server.call("POST", "/v1/sessions", { key: SERVER_KEY, body: text });
    expect(answer).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
  });
});
