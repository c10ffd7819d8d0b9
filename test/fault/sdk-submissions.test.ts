/** The SDK's submissions over a Redis that is away or silent: kept, sent again with the same id, counted once. */
import { afterEach, describe, expect, test } from "vitest";
import { createClient, type RankwireClient } from "../../client-sdk/index.ts";
import { sleep } from "../../server/base/clock.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { startServer, type TestServer } from "../support/servers.ts";

let redis: TestRedis;
let server: TestServer;
let client: RankwireClient;

async function begin(): Promise<void> {
  redis = await startTestRedis({ appendonly: true, args: ["--appendfsync", "always"] });
  server = await startServer(redis.url, { INGEST_DEADLINE_MS: "400", REDIS_COMMAND_TIMEOUT_MS: "200" });
  await server.createBoard("s", {
    operator: "incr",
    writers: "player",
    shards: 1,
    columns: [{ name: "score", max: 1_000 }],
  });
  client = createClient({ url: server.url, token: await server.signIn("ada") });
  expect(await client.board("s").submit({ score: 1 })).toMatchObject({ outcome: "accepted", score: 1 });
}

afterEach(async () => {
  client.close();
  await server.stop();
  await redis.stop();
});

describe("a submission through the SDK", () => {
  test("outlasts a Redis that is away for longer than the server tries", { timeout: 40_000 }, async () => {
    await begin();
    await redis.kill();
    const submitted = client.board("s").submit({ score: 5 });
    await sleep(1_000);
    await redis.start();
    expect(await submitted).toMatchObject({ outcome: "accepted", score: 6 });
    // The server's reads have a connection of their own, which may come back a little later.
    await eventually(async () => expect(await client.board("s").rank()).toMatchObject({ score: 6 }));
  });

  test("that was counted although its answer was lost is not counted again", {
    timeout: 40_000,
  }, async () => {
    await begin();
    process.kill(redis.pid, "SIGSTOP");
    const submitted = client.board("s").submit({ score: 5 });
    await sleep(1_500);
    process.kill(redis.pid, "SIGCONT");
    expect(["accepted", "duplicate"]).toContain((await submitted).outcome);
    // The server's reads have a connection of their own, which may come back a little later.
    await eventually(async () => expect(await client.board("s").rank()).toMatchObject({ score: 6 }));
  });
});
