/** [R 3] An emptied Redis is noticed: submissions are refused, never counted from zero, until an admin opens the board again. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

let redis: TestRedis;
let server: TestServer;
let client: RawClient;
beforeAll(async () => {
  redis = await startTestRedis();
  server = await startServer(redis.url, { FEED_CHECK_MS: "100" });
  await server.createBoard("lost", { operator: "incr", shards: 2 });
  client = await new RawClient(server.url).connected();
  await client.follow("lost");
});
afterAll(async () => {
  client.close();
  await server.stop();
  await redis.stop();
});

async function submit(score: number): Promise<SubmissionResult> {
  const body = { submissions: [{ member: "a", score }] };
  const answer = await server.call<{ results: SubmissionResult[] }>("POST", "/v1/boards/lost/scores", {
    key: SERVER_KEY,
    body,
  });
  return answer.body.results[0]!;
}

describe("after FLUSHALL", () => {
  test("submissions are refused with store_lost, reads too, and the keys are not made anew", async () => {
    expect(await submit(10)).toMatchObject({ outcome: "accepted", score: 10 });
    await eventually(() => expect(client.rows).toHaveLength(1));
    const admin = redis.client();
    await admin.flushall();
    for (let i = 0; i < 5; i++) {
      expect(await submit(1)).toMatchObject({
        outcome: "rejected",
        error: { code: "store_lost", retryable: true },
      });
    }
    const rank = await server.call<{ error: { code: string } }>("GET", "/v1/boards/lost/members/a");
    expect([rank.status, rank.body.error.code]).toEqual([503, "store_lost"]);
    await eventually(async () => {
      const top = await server.call<{ error: { code: string } }>("GET", "/v1/boards/lost/top");
      expect([top.status, top.body.error?.code]).toEqual([503, "store_lost"]);
    });
    expect((await admin.keys("*entries*")).length).toBe(0);
    // What the clients had last seen stays with them.
    expect(client.rows).toHaveLength(1);
  });

  test("the board works again once an admin has created it anew, and clients take its snapshot", async () => {
    await server.createBoard("lost", { operator: "incr", shards: 2 });
    expect(await submit(3)).toMatchObject({ outcome: "accepted", score: 3 });
    await eventually(() =>
      expect(client.rows.map(([member, , score]) => [member, score])).toEqual([["a", 3]]),
    );
    expect(client.snapshots.length).toBeGreaterThan(0);
  });

  test("a second process serves it too, although the store began its count of changes anew", async () => {
    const other = await startServer(redis.url, { ROLES: "gateway" });
    await redis.client().flushall();
    await server.createBoard("lost", { operator: "incr", shards: 2 });
    await eventually(async () => {
      const body = { submissions: [{ member: "z", score: 1 }] };
      const { body: said } = await other.call<{ counts: object }>("POST", "/v1/boards/lost/scores", {
        key: SERVER_KEY,
        body,
      });
      expect(said.counts).toMatchObject({ accepted: 1 });
    });
    await other.stop();
  });

  test("one missing shard refuses its members only", async () => {
    const admin = redis.client();
    const members = Array.from({ length: 12 }, (_, i) => `m${i}`);
    const all = (score: number) => ({ submissions: members.map((member) => ({ member, score })) });
    await server.call("POST", "/v1/boards/lost/scores", { key: SERVER_KEY, body: all(1) });
    const [gone] = await admin.keys("*{lost.1.0*meta");
    await admin.del(gone!);
    const { body } = await server.call<{ results: SubmissionResult[] }>("POST", "/v1/boards/lost/scores", {
      key: SERVER_KEY,
      body: all(1),
    });
    const outcomes = new Set(
      body.results.map((result) => (result.outcome === "rejected" ? result.error.code : result.outcome)),
    );
    expect(outcomes).toEqual(new Set(["accepted", "store_lost"]));
  });
});
