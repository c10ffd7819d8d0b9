/** Redis in trouble under load: forgotten scripts, killed connections, restarts. Every accepted submission counts exactly once. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const PLAYERS = 20;

let redis: TestRedis;
let server: TestServer;
const clients: RawClient[] = [];
beforeAll(async () => {
  redis = await startTestRedis({ appendonly: true, args: ["--appendfsync", "always"] });
  server = await startServer(redis.url, { FEED_CHECK_MS: "200", FEED_PROBE_MS: "300", LEASE_TTL_MS: "500" });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
  await redis.stop();
});

async function board(id: string): Promise<RawClient> {
  await server.createBoard(id, { operator: "incr", shards: 4, columns: [{ name: "score", max: 1_000_000 }] });
  const client = await new RawClient(server.url).connected();
  clients.push(client);
  await client.follow(id);
  return client;
}

type BatchAnswer = { results: SubmissionResult[] };

/**
 * Adds 1 to every player in each round, each with an id of its own, and sends what failed again with the same id until it is in.
 * @returns how many points each player must have
 */
async function addPoints(
  id: string,
  rounds: number,
  betweenRounds: (round: number) => Promise<unknown>,
): Promise<number> {
  for (let round = 0; round < rounds; round++) {
    const trouble = betweenRounds(round);
    let open = Array.from({ length: PLAYERS }, (_, i) => ({ member: `p${i}`, score: 1, id: `r${round}` }));
    await eventually(
      async () => {
        const { status, body } = await server.call<BatchAnswer>("POST", `/v1/boards/${id}/scores`, {
          key: SERVER_KEY,
          body: { submissions: open },
        });
        expect(status).toBe(200);
        open = open.filter((_, i) => {
          const result = body.results[i]!;
          if (result.outcome === "rejected") expect(result.error.retryable).toBe(true);
          return result.outcome === "rejected";
        });
        expect(open).toEqual([]);
      },
      { withinMs: 15_000 },
    );
    await trouble;
  }
  return rounds;
}

async function everybodyHas(id: string, client: RawClient, points: number): Promise<void> {
  await eventually(
    () => {
      expect(client.rows).toHaveLength(PLAYERS);
      expect(new Set(client.rows.map((row) => row[2]))).toEqual(new Set([points]));
    },
    { withinMs: 15_000 },
  );
  expect(client.gaps).toEqual([]);
  const { body } = await server.call<{ entries: { score: number }[] }>(
    "GET",
    `/v1/boards/${id}/top?limit=${PLAYERS}`,
  );
  expect(body.entries.map(({ score }) => score)).toEqual(Array(PLAYERS).fill(points));
}

describe("Redis", () => {
  test("may forget its scripts at any time", async () => {
    const client = await board("scripts");
    const admin = redis.client();
    const points = await addPoints("scripts", 20, () => admin.script("FLUSH"));
    await everybodyHas("scripts", client, points);
  });

  test("may kill every connection at any time: nothing is lost, nothing counts twice", {
    timeout: 60_000,
  }, async () => {
    const client = await board("kills");
    const admin = redis.client();
    const points = await addPoints("kills", 15, async (round) => {
      await admin.call("CLIENT", "KILL", "TYPE", round % 3 === 2 ? "pubsub" : "normal", "SKIPME", "yes");
    });
    await everybodyHas("kills", client, points);
  });

  test("may restart: the feed gets a fresh epoch, clients a snapshot, and all goes on", {
    timeout: 60_000,
  }, async () => {
    const client = await board("restarts");
    const before = await addPoints("restarts", 2, async () => undefined);
    await everybodyHas("restarts", client, before);
    const epoch = client.position?.epoch;
    await redis.restart();
    await addPoints("restarts", 2, async () => undefined);
    // The rounds of the second call have the ids of the first: nobody may get a point for them.
    await everybodyHas("restarts", client, before);
    await addPoints("restarts", 5, async () => undefined);
    await everybodyHas("restarts", client, 5);
    expect(client.position?.epoch).not.toBe(epoch);
    expect(client.snapshots.length).toBeGreaterThan(0);
  });

  test("may be killed and come back from its log in the middle of the load", {
    timeout: 60_000,
  }, async () => {
    const client = await board("crashes");
    const points = await addPoints("crashes", 6, async (round) => {
      if (round !== 2) return;
      await redis.kill();
      await redis.start();
    });
    await everybodyHas("crashes", client, points);
  });

  test("answers that are late make requests fail with unavailable, and the process lives", {
    timeout: 60_000,
  }, async () => {
    const client = await board("stops");
    await addPoints("stops", 1, async () => undefined);
    await everybodyHas("stops", client, 1);
    await redis.stop();
    const { status, body } = await server.call<{ error: { code: string; retryable: boolean } }>(
      "GET",
      "/v1/boards/stops/members/p1",
    );
    expect([status, body.error.code, body.error.retryable]).toEqual([503, "unavailable", true]);
    const ready = await server.call<{ unready: string[] }>("GET", "/readyz");
    expect([ready.status, ready.body.unready]).toEqual([503, expect.arrayContaining(["redis"])]);
    await redis.start();
    await addPoints("stops", 2, async () => undefined);
    await everybodyHas("stops", client, 2);
    await eventually(async () => expect((await server.call("GET", "/readyz")).status).toBe(200));
  });
});
