/** A whole server on a real cluster of 3 masters and 3 replicas: everyday life. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startServer, type TestServer, SERVER_KEY } from "../support/servers.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";

let cluster: TestCluster;
let server: TestServer;
beforeAll(async () => {
  const t = performance.now();
  cluster = await startTestCluster();
  console.log("cluster", performance.now() - t);
  server = await startServer(cluster.url);
  console.log("server", performance.now() - t);
});
afterAll(async () => {
  await server?.stop();
  await cluster?.stop();
});
describe("x", () => {
  test("y", async () => {
    await server.createBoard("b", { operator: "incr", shards: 8 });
    const submissions = Array.from({ length: 100 }, (_, i) => ({ member: `m${i}`, score: i, id: "a" }));
    const r = await server.call<any>("POST", "/v1/boards/b/scores", { key: SERVER_KEY, body: { submissions } });
    expect(r.body.counts).toMatchObject({ accepted: 100 });
    console.log((await server.call("GET", "/readyz")).body);
    const e = await server.call<any>("GET", "/v1/boards/b/members/m50");
    expect(e.body.rank).toBe(50);
  });
});
