/** Limits while Redis is away or silent: LIMITS_WHEN_AWAY decides, and what needs no Redis does not wait for it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

type Top = { entries: unknown[]; error?: { code: string; message: string; retryAfterMs: number } };

let redis: TestRedis;
let server: TestServer | undefined;
beforeEach(async () => {
  redis = await startTestRedis({ appendonly: true, args: ["--appendfsync", "always"] });
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await redis.stop();
});

async function begin(whenAway: "open" | "closed", commandTimeoutMs = 300): Promise<TestServer> {
  server = await startServer(redis.url, {
    LIMITS_WHEN_AWAY: whenAway,
    HTTP_ADDRESS_REQUESTS: "500",
    REDIS_COMMAND_TIMEOUT_MS: `${commandTimeoutMs}`,
    FEED_LINGER_MS: "60000",
  });
  await server.createBoard("b", { operator: "set", shards: 1 });
  // From here on the top is answered from memory.
  expect((await top()).status).toBe(200);
  return server;
}

const top = () => server!.call<Top>("GET", "/v1/boards/b/top");

function connects(url: string): Promise<boolean> {
  const client = new RawClient(url);
  return client
    .connected()
    .then(
      () => true,
      () => false,
    )
    .finally(() => client.close());
}

describe("with LIMITS_WHEN_AWAY=open", () => {
  test("a Redis that is away limits nothing, and limits again when it is back", {
    timeout: 30_000,
  }, async () => {
    const { url } = await begin("open");
    await redis.kill();
    for (let i = 0; i < 5; i++) {
      const { status, headers } = await top();
      expect([status, headers.get("ratelimit-limit")]).toEqual([200, null]);
    }
    expect(await connects(url)).toBe(true);
    const { body } = await server!.call<string>("GET", "/metrics");
    expect(body).toMatch(/^rankwire_limits_unchecked_total\{answer="open"\} [1-9]/m);
    await redis.start();
    await eventually(async () => expect((await top()).headers.get("ratelimit-limit")).toBe("500"));
  });

  test("a Redis that is silent holds up one request, not each", { timeout: 30_000 }, async () => {
    await begin("open", 2_000);
    redis.pause();
    try {
      expect((await top()).status).toBe(200);
      const startedAt = performance.now();
      for (let i = 0; i < 20; i++) expect((await top()).status).toBe(200);
      expect(performance.now() - startedAt).toBeLessThan(1_500);
    } finally {
      redis.resume();
    }
  });
});

describe("with LIMITS_WHEN_AWAY=closed", () => {
  test("a Redis that is away refuses all that is limited, and nothing else", {
    timeout: 30_000,
  }, async () => {
    const { url } = await begin("closed");
    await redis.kill();
    const { status, headers, body } = await top();
    expect([status, body.error?.code, headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
    expect(await connects(url)).toBe(false);
    expect((await server!.call("GET", "/healthz")).status).toBe(200);
    await redis.start();
    await eventually(async () => expect((await top()).status).toBe(200));
    expect(await connects(url)).toBe(true);
  });
});

test("a full Redis goes on counting what it has room for, and a sign-in is told that it is full", {
  timeout: 30_000,
}, async () => {
  await begin("closed");
  const signIn = () =>
    server!.call<{ error?: { code: string } }>("POST", "/v1/sessions", {
      key: SERVER_KEY,
      body: { member: "ada" },
    });
  const admin = redis.client();
  await admin.config("SET", "maxmemory", "1");
  const { status, body } = await signIn();
  expect([status, body.error?.code]).toEqual([503, "store_full"]);
  const [first, second] = [await top(), await top()];
  expect([first.status, second.status]).toEqual([200, 200]);
  const left = ({ headers }: typeof first): number => Number(headers.get("ratelimit-remaining"));
  expect(left(second)).toBe(left(first) - 1);
  await admin.config("SET", "maxmemory", "0");
  expect((await signIn()).status).toBe(201);
});
