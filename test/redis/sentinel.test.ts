/** Behind a real Sentinel: the server finds the master by its name, and finds the next one when it is killed. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../server/base/free-ports.ts";
import { createLog } from "../../server/base/log.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { pointsOf } from "../cluster/cluster-view.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { startServer, type TestServer } from "../support/servers.ts";

const PLAYERS = ["ann", "bob", "cid"];

let master: TestRedis;
let replica: TestRedis;
let sentinel: TestRedis;
let server: TestServer;
let client: RawClient;
beforeAll(async () => {
  master = await startTestRedis({ args: ["--repl-diskless-sync-delay", "0"] });
  replica = await startTestRedis({ args: ["--replicaof", "127.0.0.1", `${master.port}`] });
  const admin = replica.client();
  await eventually(async () => expect(await admin.info("replication")).toContain("master_link_status:up"));
  sentinel = await startTestRedis({ sentinelOf: master.port });
  const watching = sentinel.client();
  await eventually(async () => {
    expect(String(await watching.call("SENTINEL", "REPLICAS", "mymaster"))).toContain(`${replica.port}`);
  });
  const url = `redis+sentinel://127.0.0.1:${sentinel.port}/mymaster/0`;
  server = await startServer(url, { FEED_CHECK_MS: "600000", FEED_PROBE_MS: "500", LEASE_TTL_MS: "500" });
  await server.createBoard("watched", { operator: "incr", shards: 2 });
  client = await new RawClient(server.url).connected();
  await client.follow("watched");
});
afterAll(async () => {
  client?.close();
  await server?.stop();
  for (const redis of [sentinel, replica, master]) await redis?.stop();
});

async function viewEquals(points: ReadonlyMap<string, number>): Promise<void> {
  await eventually(
    () => expect(new Map(client.rows.map(([member, , score]) => [member, score]))).toEqual(points),
    { withinMs: 15_000 },
  );
  expect(client.gaps).toEqual([]);
}

describe("a server behind a Sentinel", () => {
  test("works, and goes on with the promoted replica after its master was killed", {
    timeout: 60_000,
  }, async () => {
    const load = new ScoreLoad(server, { board: "watched", players: PLAYERS, lanes: 1 });
    const rounds = async (count: number): Promise<void> => {
      const wanted = load.rounds + count;
      await eventually(() => expect(load.rounds).toBeGreaterThanOrEqual(wanted), { withinMs: 30_000 });
    };
    let epoch: string | undefined;
    await load.during(async () => {
      await rounds(5);
      await eventually(() => expect(client.rows).toHaveLength(PLAYERS.length));
      epoch = client.position?.epoch;
      // What is acknowledged from here on is in the replica's hands when the master dies: one lane, and this waits for it.
      await eventually(async () => expect(await master.client().wait(1, 1_000)).toBe(1));
      await master.kill();
      await rounds(5);
    });
    const points = await pointsOf(server, "watched", PLAYERS);
    for (const player of PLAYERS) {
      const acknowledged = load.acknowledged.get(player)!;
      // The last one before the kill may not have reached the replica; never does one count twice.
      expect(points.get(player)).toBeLessThanOrEqual(acknowledged);
      expect(points.get(player)).toBeGreaterThanOrEqual(acknowledged - 1);
    }
    await viewEquals(points);
    expect(client.position?.epoch).not.toBe(epoch);
    expect(await replica.client().info("replication")).toContain("role:master");
    await eventually(async () => expect((await server.call("GET", "/readyz")).status).toBe(200), {
      withinMs: 15_000,
    });
  });
});

test("a start that finds no Sentinel ends, and says so", async () => {
  const [port = 0] = await freePorts(1);
  const target = { url: `redis+sentinel://127.0.0.1:${port}/mymaster` };
  const log = createLog({ level: "silent", pretty: false });
  const connecting = connectCommand({ target, log, commandTimeoutMs: 500, readyMs: 300 });
  await expect(connecting).rejects.toThrow("could not be reached within 300 ms");
});
