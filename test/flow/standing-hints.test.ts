/** The control plane tells other gateways who has moved, so that they look before the next rank index comes. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

let watching: TestServer;
let writing: TestServer;

beforeAll(async () => {
  // One index, and no other for the rest of the test.
  watching = await startServer(sharedRedisUrl(), { INDEX_MS: "600000" });
  writing = await startServer(sharedRedisUrl(), { ROLES: "gateway" });
});
afterAll(async () => {
  await writing.stop();
  await watching.stop();
});

test("a score that another gateway took reaches its player without a new index", async () => {
  const board = uniqueBoard("hint");
  const columns = [{ name: "score", max: 1_000_000 }];
  await watching.createBoard(board, { operator: "set", shards: 4, topSize: 10, columns });
  const submit = async (submissions: { member: string; score: number }[]): Promise<void> => {
    const path = `/v1/boards/${board}/scores`;
    expect((await writing.call("POST", path, { key: SERVER_KEY, body: { submissions } })).status).toBe(200);
  };
  await submit(Array.from({ length: 500 }, (_, i) => ({ member: `m${i + 1}`, score: 10 * (500 - i) })));
  const client = await new StandingClient(watching.url).connected();
  await client.me(board, "m400");
  const fast = `/v1/boards/${board}/members/m300?precision=fast`;
  await eventually(async () => {
    expect((await watching.call<{ exact: boolean }>("GET", fast)).body.exact).toBe(false);
  });
  await submit([{ member: "m400", score: 2_005 }]);
  await eventually(() => {
    const { rank, score, error } = client.last.get("m400")!;
    expect(score).toBe(2_005);
    expect(Math.abs(rank! - 300)).toBeLessThanOrEqual(error + 1);
  });
  client.close();
});
