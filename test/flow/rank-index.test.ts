/** The rank index between processes: whatever their clocks say, and whatever Redis has lost. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const columns = [{ name: "score", max: 1_000_000 }];
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

describe("the rank index", () => {
  it("comes from a merger whose clock is ahead, and goes on with the next one whose clock is right", async () => {
    gateway = await startServer(redis.url, { ROLES: "gateway", CONTROL_PLANE: "off" });
    const first = await mergerAhead(70_000);
    await gateway.createBoard("skew", { operator: "set", shards: 2, topSize: 10, columns });
    expect(await submit("skew", 0, 100)).toBe(200);
    await eventually(() => expectTotal("skew", 100));
    await first.kill();
    await mergerAhead(0);
    expect(await submit("skew", 100, 150)).toBe(200);
    await eventually(() => expectTotal("skew", 150));
  });
});
