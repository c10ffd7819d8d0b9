/** The control plane and acknowledgements by replicas on a real cluster of 3 masters and 3 replicas, over the loss of a master. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { controlChannelPrefix } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const SLOW = { timeout: 60_000 };
const FAILOVER = { withinMs: 30_000, everyMs: 100 };
const SETTINGS = { SESSION_CHECK_MS: "600000", REPLICA_ACK_MS: "1500" };

let cluster: TestCluster;
let servers: [TestServer, TestServer];
const clients: RawClient[] = [];

beforeAll(async () => {
  cluster = await startTestCluster();
  servers = [await startServer(cluster.url, SETTINGS), await startServer(cluster.url, SETTINGS)];
  await servers[0].createBoard("b", { operator: "incr", shards: 8, columns: [{ name: "s", max: 1e6 }] });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await cluster.stop();
});

async function submit(ids: string): Promise<{ ack: string; counts: Record<string, number> }> {
  const submissions = Array.from({ length: 200 }, (_, i) => ({
    member: `m${i}`,
    score: 1,
    id: `${ids} ${i}`,
  }));
  const answer = await servers[0].call<{ ack: string; counts: Record<string, number> }>(
    "POST",
    "/v1/boards/b/scores",
    { key: SERVER_KEY, body: { submissions, ack: "replica" } },
  );
  expect(answer.status).toBe(200);
  return answer.body;
}

async function socketAt(server: TestServer, token: string): Promise<RawClient> {
  const client = await new RawClient(server.url, token).connected();
  clients.push(client);
  return client;
}

const notify = (member: string): Promise<unknown> =>
  servers[0].call("POST", `/v1/members/${member}/notices`, { key: SERVER_KEY, body: { kind: "hello" } });

const signOut = (member: string) =>
  servers[0].call<{ revoked: number }>("DELETE", `/v1/members/${member}/sessions`, { key: SERVER_KEY });

describe("on a cluster", SLOW, () => {
  test("all shards' replicas confirm, and what they confirmed is there after a master was lost", async () => {
    expect(await submit("first")).toMatchObject({ ack: "replica", counts: { accepted: 200 } });
    const lost = await cluster.masterOf((await servers[0].running.registry.get("b")).shards[0]!.meta);
    await cluster.kill(lost);
    // The same ids again: each is known, or its shard cannot say so yet.
    await eventually(
      async () => expect((await submit("first")).counts).toMatchObject({ duplicate: 200 }),
      FAILOVER,
    );
    // The promoted one has no replica of its own until the lost one is back.
    expect((await submit("second")).ack).toBe("memory");
    await cluster.start(lost);
    await cluster.whole();
    await eventually(async () => expect((await submit("second")).ack).toBe("replica"), FAILOVER);
  });

  test("sign-outs and notices cross gateways, again after the master of their channel was lost", async () => {
    const heard: string[] = [];
    const hear = async (member: string): Promise<RawClient> => {
      const token: string | undefined = await servers[0].signIn(member);
      if (token === undefined) throw new Error("no session could be opened yet");
      const client = await socketAt(servers[1], token);
      client.socket.on("notice", () => heard.push(member));
      return client;
    };
    const ann = await hear("ann");
    await notify("ann");
    await eventually(() => expect(heard).toEqual(["ann"]));
    expect((await signOut("ann")).body).toEqual({ revoked: 1 });
    await eventually(() => expect(ann.byes).toMatchObject([{ code: "session_ended" }]));

    const lost = await cluster.masterOf(`${controlChannelPrefix}#/#`);
    await cluster.kill(lost);
    const bob = await eventually(() => hear("bob"), FAILOVER);
    await eventually(async () => {
      await notify("bob");
      expect(heard).toContain("bob");
    }, FAILOVER);
    await signOut("bob");
    await eventually(() => expect(bob.byes).toMatchObject([{ code: "session_ended" }]));
    await cluster.start(lost);
  });
});
