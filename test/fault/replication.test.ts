/** `ack: "replica"` on a real master and replica: what it confirms survives the master's death, and it confirms nothing else. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Ingest } from "../../server/ingest/ingest.ts";
import { Replication } from "../../server/ingest/replication.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { commandConnection, DEDUP, openBoard, silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

type Answer = { ack: string; counts: { accepted: number; rejected: number } };

/** By default a first replica waits five seconds for others to come with it. */
const AT_ONCE = ["--repl-diskless-sync-delay", "0"];

async function startReplicaOf(master: TestRedis): Promise<TestRedis> {
  const replicaOf = ["--replicaof", "127.0.0.1", String(master.port)];
  const replica = await startTestRedis({ args: [...AT_ONCE, ...replicaOf] });
  await inSync(master, replica);
  return replica;
}

/** What the master has now, the replica has acknowledged. */
async function inSync(master: TestRedis, replica: TestRedis): Promise<void> {
  const [from, to] = [master.client(), replica.client()];
  await eventually(async () => {
    expect(await to.info("replication")).toContain("master_link_status:up");
    await from.set("marker", Date.now());
    expect(await from.wait(1, 100)).toBe(1);
  });
  from.disconnect();
  to.disconnect();
}

/** Calls of a command so far, by all clients. */
async function callsOf(redis: TestRedis, command: string): Promise<number> {
  const client = redis.client();
  const stats = await client.info("commandstats");
  client.disconnect();
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

describe("a server with a master and a replica", () => {
  let master: TestRedis;
  let replica: TestRedis;
  let server: TestServer;

  beforeEach(async () => {
    master = await startTestRedis({ args: AT_ONCE });
    replica = await startReplicaOf(master);
    server = await startServer(master.url, { REPLICA_ACK_MS: "300" });
    await server.createBoard("b", {
      operator: "incr",
      shards: 4,
      writers: "player",
      columns: [{ name: "s", max: 1e6 }],
    });
  });
  afterEach(async () => {
    await server.stop();
    replica.resume();
    await replica.stop();
    await master.stop();
  });

  async function submit(count: number, ack: string, score = 1): Promise<Answer> {
    const submissions = Array.from({ length: count }, (_, i) => ({ member: `m${i}`, score }));
    const path = "/v1/boards/b/scores";
    const { status, body } = await server.call<Answer>("POST", path, {
      key: SERVER_KEY,
      body: { submissions, ack },
    });
    expect(status).toBe(200);
    return body;
  }

  async function membersOf(redis: TestRedis): Promise<number> {
    const { shards } = await server.running.registry.get("b");
    const client = redis.client();
    const counts = await Promise.all(shards.map(({ entries }) => client.zcard(entries)));
    client.disconnect();
    return counts.reduce((sum, count) => sum + count - 1, 0);
  }

  test("confirms what is on the replica: it is there after the master was killed", async () => {
    expect(await submit(500, "replica")).toMatchObject({ ack: "replica", counts: { accepted: 500 } });
    await master.kill();
    expect(await membersOf(replica)).toBe(500);
  });

  test("answers memory in time while the replica is paused, undoes nothing, and confirms again afterwards", async () => {
    replica.pause();
    const startedAt = performance.now();
    expect(await submit(50, "replica")).toMatchObject({ ack: "memory", counts: { accepted: 50 } });
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(290);
    expect(await membersOf(master)).toBe(50);
    replica.resume();
    await eventually(async () => expect((await submit(50, "replica")).ack).toBe("replica"));
    expect(await membersOf(replica)).toBe(50);
  });

  test("answers memory when there is no replica", async () => {
    await replica.kill();
    expect(await submit(5, "replica")).toMatchObject({ ack: "memory", counts: { accepted: 5 } });
  });

  test("answers memory when the master dies while it waits, and the server lives", async () => {
    replica.pause();
    const waiting = submit(5, "replica");
    await eventually(async () => expect(await membersOf(master)).toBe(5));
    await master.kill();
    expect((await waiting).ack).toBe("memory");
    expect((await server.call("GET", "/healthz")).status).toBe(200);
  });

  test("confirms to a player's socket that asks, and asks no replica for one that does not", async () => {
    const client = await new RawClient(server.url, await server.signIn("ann")).connected();
    const before = await callsOf(master, "wait");
    expect(await client.submit({ board: "b", score: 1 })).toEqual({
      ok: true,
      season: 1,
      result: expect.anything(),
    });
    expect(await submit(20, "memory")).toMatchObject({ ack: "memory" });
    expect(await callsOf(master, "wait")).toBe(before);
    expect(await client.submit({ board: "b", score: 1, ack: "replica" })).toMatchObject({
      ok: true,
      ack: "replica",
    });
    expect(await client.submit({ board: "b", score: 1, ack: "disk" })).toMatchObject({
      ok: false,
      error: { code: "bad_request" },
    });
    client.close();
  });

  test("lets many submissions share one round", async () => {
    const before = await callsOf(master, "wait");
    // A round takes its whole time while the replica is paused: what comes meanwhile gathers.
    replica.pause();
    const answers = await Promise.all(Array.from({ length: 100 }, () => submit(3, "replica")));
    expect(answers).toHaveLength(100);
    expect((await callsOf(master, "wait")) - before).toBeLessThan(20);
  });

  test("has nothing to wait for when nothing was applied", async () => {
    const before = await callsOf(master, "wait");
    expect(await submit(3, "replica", -0.5)).toMatchObject({ ack: "replica", counts: { rejected: 3 } });
    expect(await callsOf(master, "wait")).toBe(before);
  });
});

describe("a node that does not have the batch", () => {
  let written: TestRedis;
  let promoted: TestRedis;
  let below: TestRedis | undefined;

  beforeAll(async () => {
    written = await startTestRedis({ args: AT_ONCE });
    promoted = await startReplicaOf(written);
  });
  afterAll(async () => {
    await below?.stop();
    await promoted.stop();
    await written.stop();
  });

  test("confirms nothing, however many replicas it has, and creates nothing", async () => {
    const [first, second] = [await commandConnection(written.url), await commandConnection(promoted.url)];
    const open = await openBoard(first, "lost", {
      operator: "incr",
      shards: 1,
      columns: [{ name: "s", max: 1e6 }],
    });
    const ingest = new Ingest({
      boards: new Map(),
      redis: first,
      hasher: await createHasher(),
      clock: { now: () => Date.now() },
      log: silentLog,
      limits: { batchMax: 200, flightsMax: 4, queueMax: 1_000, deadlineMs: 5_000 },
      dedup: DEDUP,
    });
    const confirming = (redis: typeof first) =>
      new Replication({ redis, ingest, waitMs: 2_000, log: silentLog });
    const submit = async (redis: typeof first) =>
      (await confirming(redis).submit(open, [{ member: "a", score: 1 }])).reached;

    expect(await submit(first)).toBe("replica");
    await inSync(written, promoted);
    // Promoted, with a replica of its own and all it had until now: the next batch is written to the old master only.
    await second.replicaof("NO", "ONE");
    below = await startReplicaOf(promoted);
    expect(await submit(second)).toBe("memory");

    // A node that has lost the board altogether is not given a piece of it.
    await second.flushall();
    expect(await submit(second)).toBe("memory");
    expect(await second.exists(open.shards[0]!.meta)).toBe(0);
    first.disconnect();
    second.disconnect();
  });
});
