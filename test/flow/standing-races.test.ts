/** What crosses on the way to a pushed rank: own scores and answers, several sockets, boards that change live, times without an index. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

/** With a merger, and so with indexes. */
let merging: TestServer;
/** Without, on a database of boards that no merger sees: what it tells before a first index it tells for ever. */
let alone: TestServer;
let elsewhere: TestServer;
const clients: StandingClient[] = [];

beforeAll(async () => {
  const url = new URL(sharedRedisUrl());
  merging = await startServer(url.href, { INDEX_MS: "100", CONTROL_PLANE: "off" });
  elsewhere = await startServer(url.href, { ROLES: "gateway", CONTROL_PLANE: "off" });
  // Database 0 belongs to no test file; names are unique, and nothing there is merged.
  url.pathname = "/0";
  alone = await startServer(url.href, {
    ROLES: "gateway",
    CONTROL_PLANE: "off",
    WINDOW_READS_PER_SECOND: "4",
  });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  for (const server of [alone, elsewhere, merging]) await server.stop();
});

const definition = (topSize: number): BoardDefinition => ({
  operator: "set",
  writers: "player",
  shards: 4,
  topSize,
  columns: [{ name: "score", max: 1_000_000 }],
});

/** m1 is best with 10 × members points, the last one has 10. */
async function newBoard(server: TestServer, members: number, topSize = 10): Promise<string> {
  const board = uniqueBoard("race");
  await server.createBoard(board, definition(topSize));
  const submissions = Array.from({ length: members }, (_, i) => ({
    member: `m${i + 1}`,
    score: 10 * (members - i),
  }));
  await submit(server, board, submissions);
  return board;
}

async function submit(
  server: TestServer,
  board: string,
  submissions: { member: string; score: number }[],
): Promise<void> {
  const { status } = await server.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(status).toBe(200);
}

async function connect(server: TestServer, member?: string): Promise<StandingClient> {
  const token = member === undefined ? undefined : await server.signIn(member);
  const client = await new StandingClient(server.url, token).connected();
  clients.push(client);
  return client;
}

describe("a followed rank", () => {
  test("is answered with what another process has acknowledged before", async () => {
    const board = await newBoard(merging, 300);
    await (await connect(merging)).me(board, "m200");
    for (let score = 501; score < 521; score++) {
      await submit(elsewhere, board, [{ member: "m200", score }]);
      expect((await (await connect(merging)).me(board, "m200")).score).toBe(score);
    }
  });

  test("stays true when the published top is made smaller and larger", async () => {
    const board = await newBoard(merging, 300, 200);
    const client = await connect(merging);
    const followed = [8, 60, 150, 250];
    for (const n of followed) await client.me(board, `m${n}`);
    for (const topSize of [10, 100]) {
      await merging.createBoard(board, definition(topSize));
      // m300 passes everybody but m1, and goes back: every rank moves by one and returns.
      await submit(elsewhere, board, [{ member: "m300", score: 2_995 }]);
      await eventually(() => {
        for (const n of followed) {
          const { rank, error } = client.last.get(`m${n}`)!;
          expect(Math.abs(rank! - (n + 1)), `m${n} is said to be ${rank} ± ${error}`).toBeLessThanOrEqual(
            error,
          );
        }
        expect(client.last.get("m8")).toMatchObject({ exact: true });
      });
      await submit(elsewhere, board, [{ member: "m300", score: 10 }]);
      await eventually(() => expect(client.last.get("m8")).toMatchObject({ rank: 8, exact: true }));
    }
  });

  test("is told to all who follow it when the answer to one of them is news", async () => {
    const board = await newBoard(alone, 100);
    const first = await connect(alone);
    const members = Array.from({ length: 20 }, (_, i) => `m${40 + i}`);
    for (const member of members) await first.me(board, member);
    // Nothing tells of the others' ranks: no index, no bus, no frame.
    await submit(alone, board, [{ member: "m90", score: 1_000 }]);
    const second = await connect(alone);
    for (const member of members) await second.me(board, member);
    await eventually(() => {
      for (const [i, member] of members.entries()) expect(first.last.get(member)!.rank).toBe(41 + i);
    });
  });
});

describe("without a rank index", () => {
  test("[R 10] the last acknowledged own score is told, however scores and answers cross", async () => {
    const board = await newBoard(alone, 200);
    for (let round = 0; round < 15; round++) {
      const member = `m${20 + round}`;
      const client = await connect(alone, member);
      const answer = client.me(board);
      let acknowledged = 0;
      for (let i = 0; i < 4; i++) {
        acknowledged = 500 + 10 * round + i;
        await client.submit(board, acknowledged);
      }
      await answer;
      await eventually(() => expect(client.last.get(member)!.score).toBe(acknowledged));
      const { rank, error } = client.last.get(member)!;
      const { body } = await alone.call<{ rank: number }>("GET", `/v1/boards/${board}/members/${member}`);
      expect(Math.abs(rank! - body.rank)).toBeLessThanOrEqual(error);
    }
  });

  test("live lists are counted within the budget of reads, and refused for a moment beyond it", async () => {
    const board = await newBoard(alone, 200);
    const client = await connect(alone);
    const members = Array.from({ length: 150 }, (_, i) => `m${i + 20}`);
    await client.window({ board, kind: "members", list: "a", members });
    await expect(client.window({ board, kind: "members", list: "b", members })).rejects.toMatchObject({
      code: "overloaded",
      retryable: true,
    });
  });
});
