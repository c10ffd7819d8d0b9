/** The rank index between processes: whatever their clocks say, and whatever Redis has lost. */
import { createHash } from "node:crypto";
import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { indexWantedKey } from "../../server/redis/keys.ts";
import { loadScripts } from "../../server/redis/scripts.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const columns = [{ name: "score", max: 1_000_000 }];
/** How soon is a matter of the machine's speed, and of the share of Redis's time that indexes may take. */
const PATIENT = { withinMs: 15_000, everyMs: 50 };
const MERGER = { ROLES: "merger", INDEX_MS: "100", LEASE_TTL_MS: "500" };

let redis: TestRedis;
let gateway: TestServer;
const mergers: ChildServer[] = [];
beforeEach(async () => {
  redis = await startTestRedis();
});
afterEach(async () => {
  for (const merger of mergers.splice(0)) await merger.kill();
  await gateway.stop();
  await redis.stop();
});

/** A merger of its own whose clock is ahead of everybody else's. */
async function mergerAhead(byMs: number): Promise<ChildServer> {
  const code = `const now = Date.now; Date.now = () => now() + ${byMs};`;
  const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(code)}`;
  const merger = await startChildServer(redis.url, { ...MERGER, NODE_OPTIONS });
  mergers.push(merger);
  return merger;
}

async function submit(board: string, from: number, to: number): Promise<number> {
  const submissions = Array.from({ length: to - from }, (_, i) => ({ member: `m${from + i}`, score: i }));
  const { status } = await gateway.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  return status;
}

/** By the rank index alone. */
async function expectTotal(board: string, total: number): Promise<void> {
  const { body } = await gateway.call("GET", `/v1/boards/${board}?precision=fast`);
  expect(body).toMatchObject({ total, exact: false });
}

const COUNTING = new Set(["leaderboard/count_at", "leaderboard/keys_at", "leaderboard/small_shard"]);

/** µs that Redis has worked in the scripts of indexes, by its own log of commands. */
async function countingUs(admin: Redis): Promise<number> {
  const scripts = loadScripts().filter(({ name }) => COUNTING.has(name));
  const shas = new Set(scripts.map(({ lua }) => createHash("sha1").update(lua).digest("hex")));
  const entries = (await admin.slowlog("GET", 100_000)) as [number, number, number, string[]][];
  return entries.reduce((sum, [, , us, [, sha = ""]]) => sum + (shas.has(sha) ? us : 0), 0);
}

describe("the rank index", () => {
  it("comes from a merger whose clock is ahead, and goes on with the next one whose clock is right", async () => {
    gateway = await startServer(redis.url, { ROLES: "gateway", CONTROL_PLANE: "off" });
    const first = await mergerAhead(70_000);
    await gateway.createBoard("skew", { operator: "set", shards: 2, topSize: 10, columns });
    expect(await submit("skew", 0, 100)).toBe(200);
    await eventually(() => expectTotal("skew", 100), PATIENT);
    await first.kill();
    await mergerAhead(0);
    expect(await submit("skew", 100, 150)).toBe(200);
    await eventually(() => expectTotal("skew", 150), PATIENT);
  });

  it("is back within seconds after Redis has lost everything", async () => {
    gateway = await startServer(redis.url, { INDEX_MS: "100", CONTROL_PLANE: "off" });
    const fill = async (total: number): Promise<void> => {
      await gateway.createBoard("lost", { operator: "set", shards: 2, topSize: 10, columns });
      expect(await submit("lost", 0, total)).toBe(200);
    };
    await fill(50);
    await eventually(() => expectTotal("lost", 50));
    await redis.kill();
    await redis.start();
    await eventually(() => fill(80));
    // Marks are made every 20 s: they come at once because they are lost, before any merger may have missed them.
    const marked = redis.client();
    const mark = (): Promise<string | null> => marked.zscore(indexWantedKey, "lost");
    await eventually(async () => expect(await mark()).not.toBeNull(), { withinMs: 4_000 });
    await eventually(() => expectTotal("lost", 80));
    // Where no connection is lost, only the new incarnation tells.
    await marked.flushall();
    await eventually(() => fill(90));
    await eventually(
      async () => {
        await expectTotal("lost", 90);
        expect(await mark()).not.toBeNull();
      },
      { withinMs: 4_000 },
    );
  });

  it("takes no more of Redis's time than its share: the period stretches", async () => {
    const share = 0.01;
    const settings = { CONTROL_PLANE: "off", INDEX_MS: "50", INDEX_SHARE: `${share}` };
    gateway = await startServer(redis.url, settings);
    await gateway.createBoard("dear", { operator: "set", shards: 64, topSize: 10, columns });
    expect(await submit("dear", 0, 1_000)).toBe(200);
    await eventually(() => expectTotal("dear", 1_000), PATIENT);
    const admin = redis.client();
    await admin.config("SET", "slowlog-max-len", 100_000);
    await admin.config("SET", "slowlog-log-slower-than", 0);
    const ROUNDS = 4;
    const beganAt = performance.now();
    for (let round = 1; round <= ROUNDS; round++) {
      // Every shard has changed.
      expect(await submit("dear", 1_000 * round, 1_000 * (round + 1))).toBe(200);
      await eventually(() => expectTotal("dear", 1_000 * (round + 1)), PATIENT);
    }
    const tookUs = (performance.now() - beganAt) * 1_000;
    const counting = await countingUs(admin);
    expect(counting).toBeGreaterThan(0);
    // What the last index has cost is rested from only afterwards.
    expect(counting * (1 - 1 / ROUNDS)).toBeLessThanOrEqual(tookUs * share);
  });

  it("follows a change within seconds on many boards of many shards at once", async () => {
    gateway = await startServer(redis.url, { CONTROL_PLANE: "off" });
    const boards = Array.from({ length: 8 }, (_, i) => `many-${i}`);
    for (const board of boards) {
      await gateway.createBoard(board, { operator: "set", shards: 64, topSize: 10, columns });
      expect(await submit(board, 0, 1_000)).toBe(200);
    }
    const expectTotals = (total: number) => Promise.all(boards.map((board) => expectTotal(board, total)));
    await eventually(() => expectTotals(1_000), PATIENT);
    // All shards of all boards have changed.
    for (const board of boards) expect(await submit(board, 1_000, 2_000)).toBe(200);
    await eventually(() => expectTotals(2_000), PATIENT);
  });
});
