/** Walking a whole board by cursor, at rest and while it is being written to. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Entry } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Page = { total: number; entries: Entry[]; cursor?: string };
type Score = { member: string; score: number };

/** Few scores, so that pages end inside of tied groups; a small published top, so that most pages are read from the shards. */
const DEFINITION: BoardDefinition = { operator: "set", columns: [{ name: "s", max: 40 }], topSize: 50 };
const SCORES = 41;

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
});
afterAll(() => server.stop());

async function submit(board: string, submissions: Score[]): Promise<void> {
  const { status } = await server.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(status).toBe(200);
}

async function page(board: string, limit: number, cursor?: string): Promise<Page> {
  const query = cursor === undefined ? "" : `&cursor=${cursor}`;
  const { status, body } = await server.call<Page>("GET", `/v1/boards/${board}/top?limit=${limit}${query}`);
  expect(status).toBe(200);
  return body;
}

async function walk(board: string, limit: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let cursor: string | undefined, pages = 0; pages === 0 || cursor !== undefined; pages++) {
    const next = await page(board, limit, cursor);
    expect(next.entries.length).toBeLessThanOrEqual(limit);
    entries.push(...next.entries);
    cursor = next.cursor;
  }
  return entries;
}

function membersAt(prefix: string, count: number, scoreOf: (i: number) => number): Score[] {
  return Array.from({ length: count }, (_, i) => ({ member: `${prefix}${i}`, score: scoreOf(i) }));
}

async function published(board: string): Promise<void> {
  await eventually(async () => expect((await page(board, 50)).entries).toHaveLength(50));
}

it("paging reaches every member although the last frame knew of fewer", async () => {
  const id = uniqueBoard("old-total");
  await server.createBoard(id, { operator: "best", topSize: 10, shards: 2 });
  const scores = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ member: `p${from + i}`, score: 10_000 - from - i }));
  const submit = (submissions: object[]) =>
    server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body: { submissions } });
  type Page = { entries: { member: string }[]; cursor?: string };
  const page = async (query: string) =>
    (await server.call<Page>("GET", `/v1/boards/${id}/top?${query}`)).body;
  await submit(scores(0, 10));
  await eventually(async () => expect((await page("limit=10")).entries).toHaveLength(10));
  await submit(scores(10, 100));
  const seen: string[] = [];
  for (let next = await page("limit=10"); ; next = await page(`limit=50&cursor=${next.cursor}`)) {
    seen.push(...next.entries.map(({ member }) => member));
    if (next.cursor === undefined) break;
  }
  expect(seen).toEqual(Array.from({ length: 110 }, (_, i) => `p${i}`));
});

describe("a walk by cursor", () => {
  it("gives every entry once, with its rank, whatever the size of a page", async () => {
    const board = uniqueBoard("walk");
    await server.createBoard(board, DEFINITION);
    const model = new NaiveBoard((await server.running.registry.get(board)).board);
    const submissions = membersAt("m", 600, (i) => (i * 7) % SCORES);
    await submit(board, submissions);
    for (const { member, score } of submissions) model.submit({ member, values: [score], id: "", at: 0 });
    await published(board);
    const expected = model.ranked().map(({ member, values, rank }) => ({ rank, member, score: values[0]! }));
    for (const limit of [7, 20, 50]) expect(await walk(board, limit)).toEqual(expected);
    const { cursor } = await page(board, 50);
    const rest = await page(board, 1000, cursor);
    expect(rest.entries).toEqual(expected.slice(50));
    expect(rest).toMatchObject({ total: 600, exact: true, board });
    expect(rest).not.toHaveProperty("cursor");
  });

  it("skips and repeats no entry that stays where it is, while others move", async () => {
    const board = uniqueBoard("moving");
    await server.createBoard(board, DEFINITION);
    const still = membersAt("still", 500, (i) => (i * 11) % SCORES);
    await submit(board, [...still, ...membersAt("moving", 200, (i) => i % SCORES)]);
    await published(board);
    let done = false;
    const writes = (async () => {
      for (let round = 1; !done; round++)
        await submit(
          board,
          membersAt("moving", 200, (i) => (i * round * 13) % SCORES),
        );
    })();
    const model = new NaiveBoard((await server.running.registry.get(board)).board);
    for (const { member, score } of still) model.submit({ member, values: [score], id: "", at: 0 });
    const expected = model.ranked().map(({ member }) => member);
    for (const limit of [13, 20, 50]) {
      const walked = await walk(board, limit);
      const stayed = walked.map(({ member }) => member).filter((member) => member.startsWith("still"));
      expect(stayed).toEqual(expected);
    }
    done = true;
    await writes;
  });

  it("ends on an empty board at once", async () => {
    const board = uniqueBoard("empty");
    await server.createBoard(board, DEFINITION);
    expect(await walk(board, 20)).toEqual([]);
  });
});

describe("a cursor", () => {
  it("of another board, or one that nobody made, is cursor_invalid", async () => {
    const [board, other] = [uniqueBoard("cursor"), uniqueBoard("cursor")];
    for (const id of [board, other]) {
      await server.createBoard(id, DEFINITION);
      await submit(
        id,
        membersAt("m", 60, (i) => i % SCORES),
      );
      await published(id);
    }
    const { cursor } = await page(other, 20);
    const forged = [null, [], {}, [board, 1], "x"].map((parts) =>
      Buffer.from(JSON.stringify(parts)).toString("base64url"),
    );
    for (const wrong of [cursor!, "", "nonsense", "%00", `${cursor!.slice(0, -4)}AAAA`, ...forged]) {
      const { status, body } = await server.call("GET", `/v1/boards/${board}/top?limit=20&cursor=${wrong}`);
      expect([wrong, status, body]).toMatchObject([wrong, 400, { error: { code: "cursor_invalid" } }]);
    }
  });

  it("asks for no more than 1,000 entries a page", async () => {
    const board = uniqueBoard("limits");
    await server.createBoard(board, { operator: "best" });
    for (const limit of ["0", "-1", "1001", "1.5", "x", ""]) {
      const { status, body } = await server.call("GET", `/v1/boards/${board}/top?limit=${limit}`);
      expect([status, body]).toMatchObject([400, { error: { code: "bad_request" } }]);
    }
  });
});
