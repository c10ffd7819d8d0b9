/** Ranks and percentiles from the gateway's memory over HTTP: true within the error that they state, exact in the published top. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RankAnswer } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const MEMBERS = 2_000;
let server: TestServer;
let board: string;

type Percentiles = {
  total: number;
  asOf: number;
  percentiles: { percent: number; rank: number; score: number; exact: boolean; error: number }[];
};

beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { INDEX_MS: "100" });
  board = uniqueBoard("fast");
  const columns = [{ name: "score", max: 10_000_000 }];
  await server.createBoard(board, { operator: "set", shards: 4, topSize: 50, columns });
  // m1 is best; squares, so that scores are not spread evenly.
  const submissions = Array.from({ length: MEMBERS }, (_, i) => ({
    member: `m${i + 1}`,
    score: (MEMBERS - i) ** 2,
  }));
  const { status } = await server.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(status).toBe(200);
  await eventually(async () =>
    expect((await read<{ total: number }>("top?limit=1")).body.total).toBe(MEMBERS),
  );
});
afterAll(() => server.stop());

function read<T = RankAnswer>(path: string): Promise<Answer<T>> {
  return server.call("GET", `/v1/boards/${board}/${path}`);
}

describe("fast reads", () => {
  it("are answered exactly, or refused for a moment, until the board's index is there", async () => {
    const { status, body } = await read<{ error: object }>("percentiles");
    expect(status).toBe(503);
    expect(body.error).toMatchObject({ code: "unavailable", retryable: true, retryAfterMs: 2_000 });
    expect((await read("members/m1500?precision=fast")).body).toMatchObject({ rank: 1_500, exact: true });
  });

  it("give ranks at any depth within the error that they state", async () => {
    await eventually(async () => expect((await read("members/m1500?precision=fast")).body.exact).toBe(false));
    for (let n = 60; n <= MEMBERS; n += 97) {
      const { body } = await read(`members/m${n}?precision=fast`);
      expect(body).toMatchObject({ member: `m${n}`, score: (MEMBERS - n + 1) ** 2, total: MEMBERS });
      expect(Math.abs(body.rank - n)).toBeLessThanOrEqual(body.error!);
      expect(body.error).toBeLessThanOrEqual(Math.max(8, 0.1 * n));
      expect(body.asOf).toBeLessThanOrEqual(Date.now());
    }
    expect((await read("members/m7?precision=fast")).body).toMatchObject({ rank: 7, exact: true });
    expect((await read("members/nobody?precision=fast")).status).toBe(404);
  });

  it("give the rank of a score that nobody has", async () => {
    const { body } = await read("rank-of-score?score=1000001&precision=fast");
    expect(body.exact).toBe(false);
    expect(Math.abs(body.rank - 1_001)).toBeLessThanOrEqual(body.error!);
    expect((await read("rank-of-score?score=1000001")).body).toMatchObject({ rank: 1_001, exact: true });
  });

  it("say which score the best so many percent have", async () => {
    const { body } = await read<Percentiles>("percentiles?percents=1,5,12.5,50,100");
    expect(body.total).toBe(MEMBERS);
    expect(body.percentiles.map(({ percent, rank }) => [percent, rank])).toEqual([
      [1, 20],
      [5, 100],
      [12.5, 250],
      [50, 1_000],
      [100, 2_000],
    ]);
    expect(body.percentiles[0]).toMatchObject({ score: (MEMBERS - 19) ** 2, exact: true, error: 0 });
    for (const { rank, score, error } of body.percentiles) {
      const truth =
        Array.from({ length: MEMBERS }, (_, i) => (MEMBERS - i) ** 2).filter((one) => one > score).length + 1;
      expect(Math.abs(truth - rank), `score ${score} at rank ${rank}`).toBeLessThanOrEqual(error);
    }
  });

  it("refuse percents that are none", async () => {
    for (const percents of ["0", "101", "a", "", "1,,2", Array.from({ length: 21 }, () => "1").join(",")]) {
      expect(await read(`percentiles?percents=${percents}`)).toMatchObject({
        status: 400,
        body: { error: { code: "bad_request" } },
      });
    }
  });
});
