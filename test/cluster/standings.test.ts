/**
 * Live ranks on a cluster: exact in the published top and within their error below, before and after a master dies. A failover may take
 * acknowledged scores back; then what is pushed is what the shards have, not what was acknowledged.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { StandingClient } from "../support/standing-client.ts";

const BOARD = "world";
const MEMBERS = 1_200;
const TOP = 50;
const FOLLOWED = Array.from({ length: 30 }, (_, i) => `m${40 * i + 1}`);

let cluster: TestCluster;
let watching: TestServer;
let writing: TestServer;
let client: StandingClient;

beforeAll(async () => {
  cluster = await startTestCluster();
  watching = await startServer(cluster.url, {
    INDEX_MS: "200",
    LEASE_TTL_MS: "1000",
    SUBSCRIPTIONS_MAX: "64",
  });
  writing = await startServer(cluster.url, { ROLES: "gateway" });
  const columns = [{ name: "score", max: 1_000_000 }];
  await watching.createBoard(BOARD, { operator: "set", shards: 8, topSize: TOP, columns });
  await submit(Array.from({ length: MEMBERS }, (_, i) => [`m${i + 1}`, 100 * (MEMBERS - i)]));
  client = await new StandingClient(watching.url).connected();
  for (const member of FOLLOWED) await client.me(BOARD, member);
});
afterAll(async () => {
  client.close();
  await writing.stop();
  await watching.stop();
  await cluster.stop();
});

async function submit(scores: [string, number][]): Promise<void> {
  const submissions = scores.map(([member, score]) => ({ member, score }));
  await eventually(
    async () => {
      const path = `/v1/boards/${BOARD}/scores`;
      const { body } = await writing.call<{ counts: { rejected: number } }>("POST", path, {
        key: SERVER_KEY,
        body: { submissions },
      });
      expect(body.counts).toMatchObject({ rejected: 0 });
    },
    { withinMs: 30_000 },
  );
}

/** Every followed member's last pushed rank against the exact one, counted on all shards now. */
async function expectTrue(withinMs: number): Promise<void> {
  await eventually(
    async () => {
      const { status, body } = await writing.call<{ entries: Entry[] }>(
        "POST",
        `/v1/boards/${BOARD}/members`,
        {
          body: { members: FOLLOWED },
        },
      );
      expect(status).toBe(200);
      for (const { member, rank, score } of body.entries) {
        const said = client.last.get(member)!;
        expect(said.score, `${member}'s score`).toBe(score);
        expect(
          Math.abs(said.rank! - rank),
          `${member} at ${rank}, said ${said.rank} ± ${said.error}`,
        ).toBeLessThanOrEqual(said.error);
        if (rank < TOP) expect(said).toMatchObject({ exact: true, error: 0 });
      }
    },
    { withinMs, everyMs: 100 },
  );
}

describe("live ranks on a cluster", () => {
  test("follow what happens on every master", async () => {
    await submit(Array.from({ length: 300 }, (_, i) => [`m${3 * i + 100}`, 37 * ((i * 7_919) % 3_000)]));
    await expectTrue(15_000);
  });

  test("are true again after the master of the feed and of some shards has died", {
    timeout: 90_000,
  }, async () => {
    const { feed } = await watching.running.registry.get(BOARD);
    const master = await cluster.masterOf(feed.state);
    await cluster.kill(master);
    await submit(Array.from({ length: 300 }, (_, i) => [`m${2 * i + 200}`, 41 * ((i * 104_729) % 2_500)]));
    await expectTrue(30_000);
    await cluster.start(master);
    await cluster.whole();
    await submit([
      ["m1000", 119_950],
      ["m1", 50],
    ]);
    await expectTrue(15_000);
  });
});
