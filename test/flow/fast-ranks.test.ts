/** Ranks and percentiles from the gateway's memory over HTTP: true within the error that they state, exact in the published top. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EntryValues, RankAnswer } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

const MEMBERS = 2_000;
let server: TestServer;
let board: string;

type FastEntry = { member: string; rank: number; exact: boolean; error: number };

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

  it("give the ranks of many members and the total without counting", async () => {
    const members = ["m1999", "ghost", "m7", "m60", "m1000", "m7"];
    const { status, body } = await server.call<{ entries: FastEntry[]; missing: string[]; total: number }>(
      "POST",
      `/v1/boards/${board}/members`,
      { body: { members, precision: "fast" } },
    );
    expect(status).toBe(200);
    expect(body).toMatchObject({
      exact: false,
      total: MEMBERS,
      missing: ["ghost"],
      asOf: expect.any(Number),
    });
    expect(body.entries.map(({ member }) => member)).toEqual(["m7", "m60", "m1000", "m1999"]);
    expect(body.entries[0]).toMatchObject({ rank: 7, exact: true, error: 0 });
    for (const { member, rank, error } of body.entries) {
      expect(Math.abs(rank - Number(member.slice(1)))).toBeLessThanOrEqual(error);
    }
    expect((await server.call("GET", `/v1/boards/${board}?precision=fast`)).body).toMatchObject({
      board,
      exact: false,
      total: MEMBERS,
    });
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

describe("fast reads of a wide board", () => {
  /** From one end of the doubles to the other; three members share each score and differ in the rest. */
  const scoreAt = (i: number): number => {
    const share = 1 - (2 * Math.floor(i / 3)) / 199;
    return Math.sign(share) * Number.MAX_VALUE ** Math.abs(share);
  };

  it("are true within their error, also where scores lie further apart than any double", async () => {
    const wide = uniqueBoard("fast");
    const columns = [
      { name: "score", type: "float" as const },
      { name: "low", type: "int64" as const, order: "asc" as const },
    ];
    await server.createBoard(wide, { operator: "set", shards: 2, topSize: 10, columns });
    const submissions = Array.from({ length: 600 }, (_, i) => {
      return { member: `m${i + 1}`, score: scoreAt(i), columns: { low: String((1n << 62n) + BigInt(i)) } };
    });
    await server.call("POST", `/v1/boards/${wide}/scores`, { key: SERVER_KEY, body: { submissions } });
    const readWide = async <T = RankAnswer>(path: string): Promise<T> =>
      (await server.call<T>("GET", `/v1/boards/${wide}/${path}`)).body;
    await eventually(async () => {
      expect(await readWide("members/m300?precision=fast")).toMatchObject({ exact: false, total: 600 });
    });
    for (let n = 20; n <= 600; n += 29) {
      const { rank, error } = await readWide(`members/m${n}?precision=fast`);
      expect(Math.abs(rank - n), `m${n} at ${rank}`).toBeLessThanOrEqual(error!);
      const { score, columns: others } = submissions[n - 1]!;
      const query = `score=${encodeURIComponent(score)}&column.low=${others.low}&precision=fast`;
      const fast = await readWide(`rank-of-score?${query}`);
      expect(Math.abs(fast.rank - n), `the values of m${n}`).toBeLessThanOrEqual(fast.error!);
    }
    const { percentiles } = await readWide<Percentiles>("percentiles?percents=10,50,90,100");
    for (const { rank, score, error } of percentiles) {
      const truth = submissions.filter((one) => one.score > score).length + 1;
      expect(Math.abs(truth - rank), `score ${score} at rank ${rank}`).toBeLessThanOrEqual(error);
    }
  });
});

describe("percentiles", () => {
  const score = { name: "score", max: 1_000 };

  /** Of a new board, once its index is there. The members are m1, m2 and so on. */
  async function percentilesOf(definition: Partial<BoardDefinition>, scores: readonly EntryValues[]) {
    const id = uniqueBoard("fast");
    await server.createBoard(id, { operator: "set", shards: 4, ...definition });
    const submissions = scores.map((values, i) => ({ member: `m${i + 1}`, ...values }));
    await server.call("POST", `/v1/boards/${id}/scores`, { key: SERVER_KEY, body: { submissions } });
    let lines: Percentiles["percentiles"] = [];
    await eventually(async () => {
      const { status, body } = await server.call<Percentiles>(
        "GET",
        `/v1/boards/${id}/percentiles?percents=20,50,100`,
      );
      expect(status).toBe(200);
      expect(body.total).toBe(scores.length);
      lines = body.percentiles;
    });
    return { id, lines };
  }

  it("name a score also where the index has no boundaries, or ends with the largest number", async () => {
    const { lines } = await percentilesOf({ topSize: 1, columns: [score] }, [{ score: 10 }, { score: 20 }]);
    expect(lines.map(({ score }) => score)).toEqual([20, 20, 20]);
    expect(lines[2]).toMatchObject({ rank: 2, exact: false, error: 1 });

    const columns = [{ name: "score", type: "float" as const, order: "asc" as const }];
    const worst = Array.from({ length: 60 }, () => ({ score: Number.MAX_VALUE }));
    const float = await percentilesOf({ order: "asc", topSize: 5, columns }, [...worst, { score: 1 }]);
    expect(float.lines.map(({ score }) => score)).toEqual([
      Number.MAX_VALUE,
      Number.MAX_VALUE,
      Number.MAX_VALUE,
    ]);
  });

  it("state an error that holds for whoever has the score, whatever orders equal scores", async () => {
    const endsAt = new Date(Date.now() + 86_400_000).toISOString();
    const columns = [score, { name: "gold", max: 500 }];
    const boards: [Partial<BoardDefinition>, EntryValues[]][] = [
      [{ ties: "earliest", endsAt, columns: [score] }, Array.from({ length: 600 }, () => ({ score: 500 }))],
      [
        { ties: "shared", columns },
        Array.from({ length: 600 }, (_, i) => ({ score: 7 + (i % 3), columns: { gold: i % 400 } })),
      ],
    ];
    for (const [definition, scores] of boards) {
      const { id, lines } = await percentilesOf({ topSize: 10, ...definition }, scores);
      const members = scores.map((_, i) => `m${i + 1}`);
      const { body } = await server.call<{ entries: (FastEntry & { score: number })[] }>(
        "POST",
        `/v1/boards/${id}/members`,
        { body: { members: members.filter((_, i) => i % 6 < 3).slice(0, 500) } },
      );
      for (const line of lines) {
        const ranks = body.entries.filter(({ score }) => score === line.score).map(({ rank }) => rank);
        expect(ranks.length).toBeGreaterThan(10);
        const off = Math.max(...ranks.map((rank) => Math.abs(rank - line.rank)));
        expect(off, `${line.percent} % of ${JSON.stringify(definition)}`).toBeLessThanOrEqual(line.error);
      }
    }
  });
});
