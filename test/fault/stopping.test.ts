/** A server that is told to stop stops in time, whatever its clients and its Redis do. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { describe, expect, test } from "vitest";
import { startTestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

const IDLE_CLIENTS = {
  "a connection that sends nothing": "",
  "half a request": "GET /v1/boards HTTP/1.1\r\nHos",
  "a body that never ends": `POST /v1/boards/x/scores HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${SERVER_KEY}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{`,
  "a feed that is not read": "GET /v1/boards/stopping/feed HTTP/1.1\r\nhost: a\r\n\r\n",
};

async function stopsInTime(server: TestServer): Promise<void> {
  expect(await server.running.stop()).toEqual([]);
}

describe("a server that stops", () => {
  test.for(Object.entries(IDLE_CLIENTS))("is not held up by %s", async ([, sent]) => {
    const server = await startServer(sharedRedisUrl(), { SHUTDOWN_MS: "4000" });
    await server.createBoard("stopping", { operator: "best" });
    const socket = createConnection(Number(new URL(server.url).port), "127.0.0.1");
    socket.on("error", () => socket.destroy());
    await once(socket, "connect");
    socket.pause();
    if (sent !== "") await new Promise((resolve) => socket.write(sent, resolve));
    await stopsInTime(server);
    socket.destroy();
  });

  test("answers what waits for Redis by the deadline, also behind a full queue, and stops", {
    timeout: 40_000,
  }, async () => {
    const redis = await startTestRedis();
    const server = await startServer(redis.url, {
      INGEST_DEADLINE_MS: "500",
      STOP_GRACE_MS: "2000",
      SHUTDOWN_MS: "6000",
    });
    await server.createBoard("q", { operator: "best", shards: 1 });
    await redis.kill();
    const submissions = Array.from({ length: 10_000 }, (_, i) => ({ member: `m${i}`, score: i }));
    const answer = server.call<{ counts: object }>("POST", "/v1/boards/q/scores", {
      key: SERVER_KEY,
      body: { submissions },
    });
    expect((await answer).body.counts).toMatchObject({ rejected: 10_000 });
    await stopsInTime(server);
    await redis.stop();
  });
});
