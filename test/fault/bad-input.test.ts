/** What nobody should send over HTTP: each is refused with the right code, and nobody else notices. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Bystander } from "./bystander.ts";

let server: TestServer;
let bystander: Bystander;
let board: string;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  bystander = await Bystander.create(server);
  board = uniqueBoard("bad");
  const columns = [
    { name: "points", decimals: 1, min: -10, max: 1000 },
    { name: "wins", max: 30 },
    { name: "constructor", max: 5 },
  ];
  await server.createBoard(board, { operator: "set", columns, shards: 2 });
  await post(`[${item({})}]`);
});
afterEach(async () => {
  // One entry was made above, and no refusal has changed it or made another.
  const { body } = await server.call("GET", `/v1/boards/${board}/members/good`);
  expect(body).toMatchObject({ score: 1, columns: { wins: 1, constructor: 1 }, total: 1 });
  await bystander.thrives();
});
afterAll(async () => {
  bystander.close();
  await server.stop();
});

/** The body as text, since much of this is no JSON that an object could be written as. */
function post(submissions: string): Promise<Answer> {
  return server.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: `{"submissions":${submissions}}`,
  });
}

/** A good submission as JSON, with some fields as other text. */
function item(fields: Record<string, string | undefined>): string {
  const good = { member: `"good"`, score: "1", columns: `{"wins":1,"constructor":1}` };
  const entries = Object.entries({ ...good, ...fields }).filter(([, text]) => text !== undefined);
  return `{${entries.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`;
}

const columns = (text: string): Record<string, string> => ({ columns: text });
const long = (length: number): string => JSON.stringify("x".repeat(length));

/** `[what, one submission as JSON, its code]` */
const REFUSED: [string, string, string][] = [
  ["null", "null", "bad_request"],
  ["an array", "[]", "bad_request"],
  ["a number", "5", "bad_request"],
  ["no fields", "{}", "bad_request"],
  ["an unknown field", item({ rank: "1" }), "bad_request"],
  ["a field named toString", item({ toString: "1" }), "bad_request"],
  ["a score as text", item({ score: `"1"` }), "bad_request"],
  ["a score of null", item({ score: "null" }), "bad_request"],
  ["a score of true", item({ score: "true" }), "bad_request"],
  ["no score", item({ score: undefined }), "bad_request"],
  ["1e400, which is Infinity", item({ score: "1e400" }), "bad_request"],
  ["-1e400", item({ score: "-1e400" }), "bad_request"],
  ["2^53", item({ score: "9007199254740992" }), "out_of_range"],
  ["the largest double", item({ score: "1.7976931348623157e308" }), "out_of_range"],
  ["a score above max", item({ score: "1000.1" }), "out_of_range"],
  ["a score below min", item({ score: "-10.1" }), "out_of_range"],
  ["1e-9", item({ score: "1e-9" }), "not_representable"],
  ["the smallest double", item({ score: "5e-324" }), "not_representable"],
  ["too many decimals", item({ score: "1.05" }), "not_representable"],
  ["a fraction in a whole column", item(columns(`{"wins":0.5,"constructor":1}`)), "not_representable"],
  ["an unknown column", item(columns(`{"wins":1,"constructor":1,"losses":1}`)), "column_unknown"],
  [
    "the score named among the columns",
    item(columns(`{"points":1,"wins":1,"constructor":1}`)),
    "column_unknown",
  ],
  ["no columns", item({ columns: undefined }), "column_missing"],
  ["a missing column", item(columns(`{"constructor":1}`)), "column_missing"],
  ["a missing column that every object has", item(columns(`{"wins":1}`)), "column_missing"],
  ["columns as an array", item(columns("[1,1]")), "bad_request"],
  ["columns of null", item(columns("null")), "bad_request"],
  ["a column as text", item(columns(`{"wins":"1","constructor":1}`)), "bad_request"],
  ["a member of 129 bytes", item({ member: long(129) }), "bad_request"],
  ["a member of 129 bytes in 43 letters", item({ member: JSON.stringify("€".repeat(43)) }), "bad_request"],
  ["an empty member", item({ member: `""` }), "bad_request"],
  ["a member as a number", item({ member: "5" }), "bad_request"],
  ["a member with a line feed", item({ member: `"a\\nb"` }), "bad_request"],
  ["a member with a tab", item({ member: `"a\\tb"` }), "bad_request"],
  ["a member with a zero byte", item({ member: `"a\\u0000b"` }), "bad_request"],
  ["a member with DEL", item({ member: `"a\\u007fb"` }), "bad_request"],
  ["a member with a lone surrogate", item({ member: `"a\\ud800"` }), "bad_request"],
  ["a member with surrogates in the wrong order", item({ member: `"\\udc00\\ud800"` }), "bad_request"],
  ["an id with a tab", item({ id: `"a\\tb"` }), "bad_request"],
  ["an id with a lone surrogate", item({ id: `"\\udfff"` }), "bad_request"],
  ["an id of 65 bytes", item({ id: long(65) }), "bad_request"],
  ["an empty id", item({ id: `""` }), "bad_request"],
  ["a season of 0", item({ season: "0" }), "bad_request"],
  ["a season of 1.5", item({ season: "1.5" }), "bad_request"],
  ["a season to come", item({ season: "2" }), "season_not_found"],
  ["metadata where there is none", item({ metadata: `"x"` }), "bad_request"],
  ["deep JSON in a field", item({ score: `${"[".repeat(5_000)}${"]".repeat(5_000)}` }), "bad_request"],
  ["deep JSON", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`, "bad_request"],
];

describe("one submission", () => {
  it.each(REFUSED)("is refused alone: %s", async (_, text, code) => {
    const { status, body } = await post(`[${text},${item({})}]`);
    const error = { code, message: expect.stringMatching(/.+/), retryable: false };
    expect([status, body]).toMatchObject([
      200,
      {
        results: [
          { outcome: "rejected", error },
          { outcome: "unchanged", score: 1 },
        ],
        counts: { accepted: 0, unchanged: 1, duplicate: 0, rejected: 1 },
      },
    ]);
  });

  it("of -0 is 0", async () => {
    const id = uniqueBoard("zero");
    await server.createBoard(id, {
      operator: "set",
      order: "asc",
      columns: [{ name: "s", min: -1, max: 1 }],
    });
    const body = `{"submissions":[{"member":"a","score":-0},{"member":"b","score":0},{"member":"c","score":-1}]}`;
    await server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body });
    await eventually(async () => {
      const top = await server.call<{ entries: object[] }>("GET", `/v1/boards/${id}/top`);
      expect(top.body.entries).toEqual([
        { rank: 1, member: "c", score: -1 },
        { rank: 2, member: "a", score: 0 },
        { rank: 2, member: "b", score: 0 },
      ]);
    });
  });

  it("may be as long as the limits say", async () => {
    const id = uniqueBoard("longest");
    await server.createBoard(id, { operator: "set", metadata: true });
    const member = `${"€".repeat(42)}xx`;
    const longest = { member, score: 2 ** 53 - 1, id: "i".repeat(64), metadata: "\n".repeat(256) };
    const scores = `/v1/boards/${id}/scores`;
    const { body } = await server.call("POST", scores, { key: SERVER_KEY, body: { submissions: [longest] } });
    expect(body).toMatchObject({ results: [{ outcome: "accepted", score: 2 ** 53 - 1 }] });
    const refused = { submissions: [{ ...longest, metadata: "\n".repeat(257) }] };
    expect((await server.call("POST", scores, { key: SERVER_KEY, body: refused })).body).toMatchObject({
      results: [{ outcome: "rejected", error: { code: "bad_request" } }],
    });
  });
});

describe("a whole body", () => {
  const many = (count: number): string => `[${Array.from({ length: count }, () => item({})).join(",")}]`;
  const cases: [string, () => string, number, string][] = [
    ["NaN", () => item({ score: "NaN" }), 400, "bad_json"],
    ["half of a JSON value", () => `{"submissions":[`, 400, "bad_json"],
    ["two JSON values", () => "{}{}", 400, "bad_json"],
    ["no JSON at all", () => "score=5", 400, "bad_json"],
    ["nothing", () => "", 400, "bad_json"],
    ["__proto__", () => `{"submissions":[{"__proto__":{"score":1}}]}`, 400, "bad_json"],
    ["constructor.prototype", () => `{"submissions":[{"constructor":{"prototype":{}}}]}`, 400, "bad_json"],
    ["null", () => "null", 400, "bad_request"],
    ["an array", () => many(2), 400, "bad_request"],
    ["no submissions", () => "{}", 400, "bad_request"],
    ["submissions as an object", () => `{"submissions":{}}`, 400, "bad_request"],
    ["an empty list", () => `{"submissions":[]}`, 400, "bad_request"],
    ["an unknown field", () => `{"submissions":${many(1)},"board":"x"}`, 400, "bad_request"],
    ["an unknown acknowledgement", () => `{"submissions":${many(1)},"ack":"disk"}`, 400, "bad_request"],
    ["10,001 items", () => `{"submissions":${many(10_001)}}`, 413, "too_many_items"],
    ["more than 4 MiB", () => `{"submissions":["${"x".repeat(4 * 1024 * 1024)}"]}`, 413, "payload_too_large"],
    ["deep arrays", () => `${"[".repeat(500_000)}${"]".repeat(500_000)}`, 400, "bad_request"],
  ];

  it.each(cases)("is refused: %s", async (_, text, expected, code) => {
    const options = { key: SERVER_KEY, body: text() };
    const { status, body } = await server.call("POST", `/v1/boards/${board}/scores`, options);
    expect([status, body]).toMatchObject([expected, { error: { code, remediation: expect.any(String) } }]);
  });

  it("is refused as bad_request when it is not JSON by its type, and when there is none", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/xml"]) {
      const answer = await server.call("POST", `/v1/boards/${board}/scores`, {
        key: SERVER_KEY,
        body: `{"submissions":${many(1)}}`,
        headers: { "content-type": type },
      });
      expect([type, answer.status, answer.body]).toMatchObject([
        type,
        400,
        { error: { code: "bad_request" } },
      ]);
    }
    const none = await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY });
    expect(none).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
  });

  it("of 10,000 items is taken, and every item has its result", async () => {
    const { status, body } = await post(many(10_000));
    expect([status, body]).toMatchObject([200, { counts: { unchanged: 10_000 } }]);
  });
});

const FLOAT = { name: "f", type: "float" };
const INT64 = { name: "i", type: "int64" };
const SPAN = { name: "s", min: -(2 ** 53) + 1, max: 2 ** 53 - 1 };

describe("a board's definition", () => {
  const cases: [string, unknown, string][] = [
    ["null", null, "bad_request"],
    ["an unknown operator", { operator: "max" }, "bad_request"],
    ["no operator", {}, "bad_request"],
    ["an unknown field", { operator: "set", speed: 1 }, "bad_request"],
    ["no column", { operator: "set", columns: [] }, "bad_request"],
    ["nine columns", { operator: "set", columns: Array(9).fill({ name: "a", max: 1 }) }, "bad_request"],
    ["a column's bad name", { operator: "set", columns: [{ name: "__proto__", max: 1 }] }, "bad_request"],
    ["three shards", { operator: "set", shards: 3 }, "bad_request"],
    [
      "twice the same column",
      { operator: "set", columns: Array(2).fill({ name: "a", max: 1 }) },
      "board_invalid",
    ],
    ["a max that is not exact", { operator: "set", columns: [{ name: "a", max: 0.1 }] }, "board_invalid"],
    ["min above max", { operator: "set", columns: [{ name: "a", min: 2, max: 1 }] }, "board_invalid"],
    ["more than 53 bits in one column", { operator: "set", columns: [SPAN] }, "board_invalid"],
    [
      "a float that is added to",
      { operator: "incr", columns: [{ name: "a", type: "float" }] },
      "board_invalid",
    ],
    [
      "a 64-bit integer that is added to",
      { operator: "decr", columns: [{ name: "a", max: 1 }, INT64] },
      "board_invalid",
    ],
    ["a 64-bit integer as the score", { operator: "set", columns: [INT64] }, "board_invalid"],
    [
      "a 64-bit integer with a min",
      { operator: "set", columns: [FLOAT, { ...INT64, min: 0 }] },
      "board_invalid",
    ],
    ["a float with decimals", { operator: "set", columns: [{ ...FLOAT, decimals: 1 }] }, "board_invalid"],
    [
      "a float with min above max",
      { operator: "set", columns: [{ ...FLOAT, min: 1, max: 0 }] },
      "board_invalid",
    ],
    ["a column of no such type", { operator: "set", columns: [{ name: "a", type: "text" }] }, "bad_request"],
    [
      "an end in the past",
      { operator: "set", ties: "earliest", endsAt: "2001-01-01T00:00:00Z" },
      "board_invalid",
    ],
    ["a mode of later", { operator: "set", mode: "tiered" }, "not_available"],
  ];

  it.each(cases)("is refused, and makes no board: %s", async (_, definition, code) => {
    const id = uniqueBoard("invalid");
    const put = await server.call("PUT", `/v1/admin/boards/${id}`, { key: ADMIN_KEY, body: definition });
    expect(put.body).toMatchObject({ error: { code, retryable: false } });
    expect((await server.call("GET", `/v1/boards/${id}`)).status).toBe(404);
  });
});
