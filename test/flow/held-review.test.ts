/** The life of a held submission: never counted before, once when approved, whoever asks how often and whatever dies in between. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type Notice, type RankwireClient } from "../../client-sdk/index.ts";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { HeldSubmission } from "../../server/ingest/held-record.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { shardKeys } from "../../server/redis/keys.ts";
import { commandConnection } from "../support/builders.ts";
import { startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let one: TestServer;
let other: TestServer;
let redis: Redis;
const clients: RankwireClient[] = [];

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  one = await startServer(sharedRedisUrl());
  other = await startServer(sharedRedisUrl());
});
afterAll(async () => {
  for (const client of clients) client.close();
  await Promise.all([one.stop(), other.stop()]);
  redis.disconnect();
});

type Page = { held: HeldSubmission[]; cursor?: string };

async function heldBoard(operator: "best" | "set" | "incr" | "decr", more: Partial<BoardDefinition> = {}) {
  const id = uniqueBoard("held");
  const columns = [{ name: "points", min: -1_000, max: 1_000 }];
  await one.createBoard(id, { operator, columns, rules: { maxChange: 5, onViolation: "hold" }, ...more });
  return id;
}

async function submit(board: string, member: string, score: number, id?: string): Promise<SubmissionResult> {
  const submissions = [{ member, score, ...(id === undefined ? {} : { id }) }];
  const options = { key: SERVER_KEY, body: { submissions } };
  const path = `/v1/boards/${board}/scores`;
  return (await one.call<{ results: SubmissionResult[] }>("POST", path, options)).body.results[0]!;
}

async function list(board: string, query = ""): Promise<Page> {
  return (await one.call<Page>("GET", `/v1/admin/boards/${board}/held${query}`, { key: ADMIN_KEY })).body;
}

function decide(board: string, held: string, decision: "approve" | "reject", server = one) {
  const path = `/v1/admin/boards/${board}/held/${held}/${decision}`;
  return server.call<{ result?: SubmissionResult; error?: { code: string } }>("POST", path, {
    key: ADMIN_KEY,
    body: { reason: "looked at it" },
  });
}

async function scoreOf(board: string, member: string): Promise<number | undefined> {
  const { body } = await one.call<{ score?: number }>("GET", `/v1/boards/${board}/members/${member}`);
  return body.score;
}

describe.each([
  { operator: "best", start: 1, asked: 90, after: 90 },
  { operator: "set", start: 1, asked: 90, after: 90 },
  { operator: "incr", start: 1, asked: 90, after: 91 },
  { operator: "decr", start: 1, asked: 90, after: -91 },
] as const)("a held submission to a $operator board", ({ operator, start, asked, after }) => {
  test("counts nowhere before it is approved, is held once, and counts once", async () => {
    const board = await heldBoard(operator);
    await submit(board, "a", start, "first");
    const before = await scoreOf(board, "a");
    const values = { outcome: "held", score: before, violation: { rule: "maxChange", limit: 5 } };
    expect(await submit(board, "a", asked, "x")).toMatchObject(values);
    expect(await submit(board, "a", asked, "x")).toMatchObject(values);
    const { held } = await list(board);
    expect(held).toMatchObject([{ member: "a", score: asked, id: "x", violation: { rule: "maxChange" } }]);
    expect(await scoreOf(board, "a")).toBe(before);

    // Two admins on two gateways, several times each, at once.
    await eventually(async () => {
      const { status } = await other.call("GET", `/v1/boards/${board}`);
      expect(status).toBe(200);
    });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => decide(board, held[0]!.held, "approve", i % 2 ? one : other)),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ body }) => body.error?.code === "held_not_found")).toHaveLength(9);
    expect(await scoreOf(board, "a")).toBe(after);
    expect((await list(board)).held).toEqual([]);
    const repeated = operator === "best" ? "unchanged" : "duplicate";
    expect(await submit(board, "a", asked, "x")).toMatchObject({ outcome: repeated, score: after });
  });

  test("that is rejected never counts, and cannot be approved any more", async () => {
    const board = await heldBoard(operator);
    await submit(board, "a", start);
    const before = await scoreOf(board, "a");
    await submit(board, "a", asked);
    const [{ held }] = (await list(board)).held as [HeldSubmission];
    expect((await decide(board, held, "reject")).status).toBe(200);
    for (const decision of ["approve", "reject"] as const) {
      expect((await decide(board, held, decision)).body).toMatchObject({ error: { code: "held_not_found" } });
    }
    expect(await scoreOf(board, "a")).toBe(before);
  });
});

test("what is held does not count beside its review where the rules ask for signatures only", async () => {
  const board = await heldBoard("incr");
  await submit(board, "a", 1, "first");
  expect(await submit(board, "a", 90, "x")).toMatchObject({ outcome: "held" });
  const columns = [{ name: "points", min: -1_000, max: 1_000 }];
  await one.createBoard(board, { operator: "incr", columns, rules: { signed: true, onViolation: "hold" } });
  expect(await submit(board, "a", 90, "x")).toMatchObject({ outcome: "held", score: 1 });
  expect(await submit(board, "a", 90, "y")).toMatchObject({ outcome: "accepted", score: 91 });
});

test.each([
  "hold",
  "refuse",
] as const)("a change that no float holds is told as the largest, %s", async (onViolation) => {
  const columns = [{ name: "v", type: "float" as const }];
  const board = await heldBoard("set", { columns, rules: { maxChange: 10, onViolation } });
  await submit(board, "a", -1.7e308, "1");
  const violation = { rule: "maxChange", limit: 10, value: Number.MAX_VALUE };
  const told = onViolation === "hold" ? { violation } : { error: { details: violation } };
  expect(await submit(board, "a", 1.7e308, "2")).toMatchObject(told);
  expect((await list(board)).held).toMatchObject(onViolation === "hold" ? [{ violation }] : []);
});

describe("approving", () => {
  test("on a process that is killed while it does: counted and not held, or held and not counted", async () => {
    const board = await heldBoard("incr", { shards: 1 });
    await submit(board, "a", 1);
    const child = await startChildServer(sharedRedisUrl(), {});
    const [keys] = shardKeys(board, 1, 1) as [ReturnType<typeof shardKeys>[number]];
    let counted = 1;
    for (let i = 0; i < 6; i++) await submit(board, "a", 10, `id${i}`);
    const { held } = await list(board);
    expect(held).toHaveLength(6);
    const asked = held.map((one) =>
      fetch(`http://127.0.0.1:${child.port}/v1/admin/boards/${board}/held/${one.held}/approve`, {
        method: "POST",
        headers: { authorization: `Bearer ${ADMIN_KEY}` },
      }).catch(() => undefined),
    );
    await Promise.race(asked);
    await child.kill();
    await Promise.all(asked);
    const left = await redis.hlen(keys.held);
    counted += 10 * (6 - (left - 1));
    expect(await scoreOf(board, "a")).toBe(counted);
    // Pressed again on another process: what was counted is gone, what was not counts now.
    for (const one of held) await decide(board, one.held, "approve");
    expect(await scoreOf(board, "a")).toBe(61);
  }, 30_000);

  test("what leaves the column's range by now answers so and stays held", async () => {
    const board = await heldBoard("incr");
    await submit(board, "a", 600, "one");
    await submit(board, "a", 600, "two");
    const [{ held }, again] = (await list(board)).held as [HeldSubmission, HeldSubmission];
    expect((await decide(board, held, "approve")).body.result).toMatchObject({ outcome: "accepted" });
    const { status, body } = await decide(board, again.held, "approve");
    expect(status).toBe(200);
    expect(body.result).toMatchObject({ outcome: "rejected", error: { code: "out_of_range" } });
    expect((await list(board)).held).toHaveLength(1);
  });

  test("after the season's end answers season_closed, and rejecting still works", async () => {
    const board = await heldBoard("incr", { endsAt: new Date(Date.now() + 1_500).toISOString() });
    await submit(board, "a", 90);
    const [{ held }] = (await list(board)).held as [HeldSubmission];
    await eventually(async () => {
      expect(await submit(board, "b", 1)).toMatchObject({ error: { code: "season_closed" } });
    });
    expect((await decide(board, held, "approve")).body).toMatchObject({ error: { code: "season_closed" } });
    expect((await decide(board, held, "reject")).status).toBe(200);
  });

  test("goes on when the rules are gone", async () => {
    const board = await heldBoard("incr");
    await submit(board, "a", 90);
    await one.createBoard(board, {
      operator: "incr",
      columns: [{ name: "points", min: -1_000, max: 1_000 }],
    });
    const [{ held }] = (await list(board)).held as [HeldSubmission];
    expect((await decide(board, held, "approve")).body.result).toMatchObject({
      outcome: "accepted",
      score: 90,
    });
  });
});

describe("the list", () => {
  test("comes in pages that miss nothing and repeat nothing, and is for admins", async () => {
    const board = await heldBoard("incr", { shards: 4 });
    for (let i = 0; i < 25; i++) await submit(board, `m${i}`, 50);
    const members: string[] = [];
    let pages = 0;
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const page = await list(board, `?limit=7${cursor === undefined ? "" : `&cursor=${cursor}`}`);
      expect(page.held.length).toBeLessThanOrEqual(7);
      members.push(...page.held.map(({ member }) => member));
      cursor = page.cursor;
      pages++;
    }
    expect(pages).toBeGreaterThanOrEqual(4);
    expect(members.sort()).toEqual(Array.from({ length: 25 }, (_, i) => `m${i}`).sort());
    const path = `/v1/admin/boards/${board}/held`;
    expect((await one.call("GET", path, { key: SERVER_KEY })).status).toBe(403);
    const bad = await one.call("GET", `${path}?cursor=99.x`, { key: ADMIN_KEY });
    expect(bad.body).toMatchObject({ error: { code: "cursor_invalid" } });
    for (const held of ["nonsense", "9.x", "0.-"]) {
      expect((await decide(board, held, "reject")).body).toMatchObject({ error: { code: "held_not_found" } });
    }
  });
});

describe("the player", () => {
  test("gets `held` from the SDK at once, and a notice of what was decided", async () => {
    const board = await heldBoard("incr", { writers: "player" });
    const client = createClient({ url: one.url, token: await one.signIn("ann") });
    clients.push(client);
    const notices: Notice[] = [];
    client.onNotice((notice) => notices.push(notice));
    const result = await client.board(board).submit({ score: 90, id: "mine" });
    expect(result).toEqual({ outcome: "held", violation: { rule: "maxChange", limit: 5, value: 90 } });
    const [{ held }] = (await list(board)).held as [HeldSubmission];
    await decide(board, held, "approve", one);
    await eventually(() => expect(notices).toHaveLength(1));
    const data = { board, id: "mine", score: 90, decision: "approved", reason: "looked at it" };
    expect(notices).toEqual([{ kind: "held", data }]);
  });
});
