/** What is asked of a Redis that is away or full is answered with the code that says so; what got through late is still announced. */
import { describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { activeKey } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

async function createCode(server: TestServer, board: string): Promise<string | undefined> {
  const body = { operator: "best" };
  const answer = await server.call<{ error?: { code: string } }>("PUT", `/v1/admin/boards/${board}`, {
    key: ADMIN_KEY,
    body,
  });
  return answer.body.error?.code;
}

describe("creating a board", () => {
  test("says store_full at Redis's memory limit and unavailable while Redis is away", async () => {
    const redis = await startTestRedis();
    const server = await startServer(redis.url);
    const admin = redis.client();
    await admin.config("SET", "maxmemory", "1mb");
    expect(await createCode(server, "full")).toBe("store_full");
    await admin.config("SET", "maxmemory", "0");
    expect(await createCode(server, "fits")).toBeUndefined();
    await redis.kill();
    await eventually(async () => expect(await createCode(server, "away")).toBe("unavailable"));
    await server.stop();
    await redis.stop();
  });
});

describe("a batch that was applied only after Redis came back", () => {
  test("leaves its board marked as active, though the mark before it was lost", {
    timeout: 40_000,
  }, async () => {
    const redis = await startTestRedis({ appendonly: true, args: ["--appendfsync", "always"] });
    const server = await startServer(redis.url, { ROLES: "gateway", INGEST_DEADLINE_MS: "15000" });
    await server.createBoard("marked", { operator: "best", shards: 1 });
    await redis.kill();
    const body = { submissions: [{ member: "a", score: 1 }] };
    const waiting = server.call<{ results: SubmissionResult[] }>("POST", "/v1/boards/marked/scores", {
      key: SERVER_KEY,
      body,
    });
    await redis.start();
    expect((await waiting).body.results).toMatchObject([{ outcome: "accepted" }]);
    await eventually(async () => expect(await redis.client().zscore(activeKey, "marked")).not.toBeNull());
    await server.stop();
    await redis.stop();
  });
});
