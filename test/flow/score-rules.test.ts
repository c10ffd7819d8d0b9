/** Score rules from end to end: what players and game servers are told, live changes, and the limits of what is held. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type RankwireClient } from "../../client-sdk/index.ts";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let one: TestServer;
let other: TestServer;
const clients: RankwireClient[] = [];

beforeAll(async () => {
  one = await startServer(sharedRedisUrl(), { HELD_MAX: "2" });
  other = await startServer(sharedRedisUrl(), { HELD_MAX: "2" });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all([one.stop(), other.stop()]);
});

const BASE: BoardDefinition = {
  operator: "incr",
  shards: 1,
  columns: [{ name: "points", decimals: 1, max: 1_000 }],
};

async function boardWith(
  rules: BoardDefinition["rules"],
  more: Partial<BoardDefinition> = {},
): Promise<string> {
  const id = uniqueBoard("rules");
  await one.createBoard(id, { ...BASE, ...more, ...(rules ? { rules } : {}) });
  return id;
}

async function submit(board: string, score: number, id?: string, server = one): Promise<SubmissionResult> {
  const submissions = [{ member: "a", score, ...(id === undefined ? {} : { id }) }];
  const path = `/v1/boards/${board}/scores`;
  const { body } = await server.call<{ results: SubmissionResult[] }>("POST", path, {
    key: SERVER_KEY,
    body: { submissions },
  });
  return body.results[0]!;
}

describe("a submission that breaks a rule", () => {
  test("is refused with the rule, its limit and what it came to; its id is not used up", async () => {
    const board = await boardWith({ maxChange: 5.5 });
    expect(await submit(board, 5.6, "x")).toMatchObject({
      outcome: "rejected",
      error: {
        code: "rule_violated",
        retryable: false,
        details: { rule: "maxChange", limit: 5.5, value: 5.6 },
      },
    });
    expect(await submit(board, 5.5, "x")).toEqual({ outcome: "accepted", score: 5.5 });
  });

  test("of time says how long to wait, and both gateways judge as one", async () => {
    const board = await boardWith({ minIntervalMs: 60_000, maxChangePerMinute: 10 });
    await eventually(async () =>
      expect(await submit(board, 0.1, "first", other)).toMatchObject({ score: 0.1 }),
    );
    for (const server of [one, other]) {
      const refused = await submit(board, 1, "second", server);
      expect(refused).toMatchObject({ outcome: "rejected", score: 0.1, error: { code: "rule_violated" } });
      const { retryAfterMs = 0 } = (refused as { error: { retryAfterMs?: number } }).error;
      expect(retryAfterMs).toBeGreaterThan(50_000);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    }
  });

  test("many at once from two gateways: no more is counted than the minute allows", async () => {
    const board = await boardWith({ maxChangePerMinute: 10 });
    await eventually(async () => expect(await submit(board, 1, "first", other)).toMatchObject({ score: 1 }));
    const all = await Promise.all(
      Array.from({ length: 40 }, (_, i) => submit(board, 1, `n${i}`, i % 2 ? one : other)),
    );
    expect(all.filter(({ outcome }) => outcome === "accepted")).toHaveLength(9);
    expect(await submit(board, 0, "read")).toMatchObject({ outcome: "unchanged", score: 10 });
  });

  test("what changes nothing is not judged", async () => {
    const board = await boardWith({ minIntervalMs: 60_000 }, { operator: "best" });
    expect(await submit(board, 10)).toMatchObject({ outcome: "accepted" });
    expect(await submit(board, 9)).toMatchObject({ outcome: "unchanged", score: 10 });
    expect(await submit(board, 11)).toMatchObject({ outcome: "rejected", score: 10 });
  });

  test("a first entry of best and set has no change; of incr it is what is added", async () => {
    const rules = { maxChange: 5 };
    for (const operator of ["best", "set"] as const) {
      const board = await boardWith(rules, { operator });
      expect(await submit(board, 500)).toMatchObject({ outcome: "accepted" });
      expect(await submit(board, 506)).toMatchObject({ outcome: "rejected" });
    }
    expect(await submit(await boardWith(rules), 500)).toMatchObject({ outcome: "rejected" });
  });
});

describe("rules", () => {
  test("change live, with the pipes that are there", async () => {
    const board = await boardWith(undefined);
    expect(await submit(board, 100, "1")).toMatchObject({ outcome: "accepted" });
    await one.createBoard(board, { ...BASE, rules: { maxChange: 5 } });
    expect(await submit(board, 100, "2")).toMatchObject({ outcome: "rejected" });
    await one.createBoard(board, BASE);
    expect(await submit(board, 100, "2")).toMatchObject({ outcome: "accepted", score: 200 });
  });

  test("that the columns cannot be held to are refused", async () => {
    const path = `/v1/admin/boards/${uniqueBoard("rules")}`;
    for (const [rules, code] of [
      [{ maxChange: 0.25 }, "board_invalid"],
      [{ maxChange: 0 }, "bad_request"],
      [{ minIntervalMs: 0.5 }, "bad_request"],
      [{ onViolation: "shout" }, "bad_request"],
      [{ maxChanges: 5 }, "bad_request"],
    ] as const) {
      const { body } = await one.call("PUT", path, { key: ADMIN_KEY, body: { ...BASE, rules } });
      expect(body).toMatchObject({ error: { code } });
    }
  });

  test("are answered to the admin who sets them, and to nobody else", async () => {
    const board = uniqueBoard("rules");
    const body = { ...BASE, rules: { maxChange: 5 } };
    const put = await one.call("PUT", `/v1/admin/boards/${board}`, { key: ADMIN_KEY, body });
    expect(put.body).toMatchObject({ rules: { maxChange: 5, signed: false, onViolation: "refuse" } });
    expect(JSON.stringify((await one.call("GET", `/v1/boards/${board}`)).body)).not.toContain("maxChange");
  });
});

describe("writers", () => {
  test("a player writes to boards of players only, by socket only", async () => {
    const board = await boardWith({ maxChange: 5 }, { writers: "server" });
    const token = await one.signIn("a");
    const client = createClient({ url: one.url, token });
    clients.push(client);
    await expect(client.board(board).submit({ score: 1 })).rejects.toMatchObject({ code: "forbidden" });
    await one.createBoard(board, { ...BASE, writers: "player", rules: { maxChange: 5 } });
    expect(await client.board(board).submit({ score: 1 })).toMatchObject({ outcome: "accepted" });
    // A violation is a result: the SDK does not send it again.
    expect(await client.board(board).submit({ score: 50 })).toMatchObject({ outcome: "rejected", score: 1 });
    const body = { submissions: [{ member: "a", score: 1 }] };
    const path = `/v1/boards/${board}/scores`;
    expect((await one.call("POST", path, { key: token, body })).status).toBe(403);
  });
});

describe("held submissions", () => {
  test("are bounded: beyond HELD_MAX a violation is refused, and says so", async () => {
    const board = await boardWith({ maxChange: 5, onViolation: "hold" });
    expect(await submit(board, 100, "1")).toMatchObject({
      outcome: "held",
      violation: { rule: "maxChange" },
    });
    expect(await submit(board, 100)).toMatchObject({ outcome: "held", violation: { value: 100, limit: 5 } });
    const third = await submit(board, 100, "3");
    expect(third).toMatchObject({ error: { code: "rule_violated", details: { heldFull: true } } });
    // One that is held already needs no room.
    expect(await submit(board, 100, "1")).toMatchObject({ outcome: "held" });
  });
});
