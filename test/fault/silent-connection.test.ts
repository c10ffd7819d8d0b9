/** Connections to Redis that fall silent without an end are given up for fresh ones. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../../server/base/clock.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { type SilentProxy, startSilentProxy } from "../support/silent-proxy.ts";

let redis: TestRedis;
let proxy: SilentProxy;
let server: TestServer;
let client: RawClient;
beforeAll(async () => {
  redis = await startTestRedis();
  proxy = await startSilentProxy(redis.port);
  server = await startServer(proxy.url, {
    REDIS_COMMAND_TIMEOUT_MS: "300",
    INGEST_DEADLINE_MS: "600",
    FEED_CHECK_MS: "300",
    FEED_PROBE_MS: "300",
    LEASE_TTL_MS: "500",
  });
  await server.createBoard("silent", { operator: "best", shards: 1 });
  client = await new RawClient(server.url).connected();
  await client.follow("silent");
});
afterAll(async () => {
  client.close();
  await server.stop();
  await proxy.close();
  await redis.stop();
});

async function submitAndSee(score: number): Promise<void> {
  await eventually(
    async () => {
      const body = { submissions: [{ member: "a", score }] };
      const answer = await server.call<{ counts: { rejected: number } }>("POST", "/v1/boards/silent/scores", {
        key: SERVER_KEY,
        body,
      });
      expect(answer.body.counts.rejected).toBe(0);
      expect(client.rows[0]?.[2]).toBe(score);
    },
    { withinMs: 20_000, everyMs: 100 },
  );
}

describe("silent connections", () => {
  test("are replaced while new ones work: submissions, reads and frames go on", {
    timeout: 60_000,
  }, async () => {
    await submitAndSee(1);
    const before = proxy.accepted();
    proxy.silence();
    await submitAndSee(2);
    expect(proxy.accepted()).toBeGreaterThan(before);
    expect((await server.call("GET", "/v1/boards/silent/members/a")).status).toBe(200);
  });

  test("are replaced also when the first new ones meet silence too", { timeout: 60_000 }, async () => {
    proxy.silence({ alsoNew: true });
    await sleep(1_500);
    proxy.speak();
    await submitAndSee(3);
    await eventually(async () => expect((await server.call("GET", "/readyz")).status).toBe(200), {
      withinMs: 20_000,
    });
  });
});
