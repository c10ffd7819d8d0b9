/**
 * What calls do at a slot that is on its way, and with a table of slots that is out of date. A script needs all its keys in one place:
 * because each of them exists [R 1], it works on the old master until the first key leaves and on the new one once the last has come.
 */
import calculateSlot from "cluster-key-slot";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { sleep } from "../../server/base/clock.ts";
import { callAll, callOnce, settleAll } from "../../server/redis/batch.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import { masters, nodeOf } from "../../server/redis/slot-owners.ts";
import { isCluster } from "../../server/redis/store.ts";
import { silentLog } from "../support/builders.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ClusterNode, startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { slotsOf } from "./cluster-view.ts";

let cluster: TestCluster;
let server: TestServer;
beforeAll(async () => {
  cluster = await startTestCluster({ replicas: 0 });
  // The merger is left out: its scripts would meet the same slots and be counted with those of the tests.
  server = await startServer(cluster.url, { ROLES: "gateway", INGEST_DEADLINE_MS: "1500" });
});
afterAll(async () => {
  await server.stop();
  await cluster.stop();
});

async function submit(board: string, submission: object): Promise<SubmissionResult> {
  const { body } = await server.call<{ results: SubmissionResult[] }>("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions: [{ member: "ann", ...submission }] },
  });
  return body.results[0]!;
}

async function scoreOf(board: string): Promise<unknown> {
  return (await server.call<{ score: number }>("GET", `/v1/boards/${board}/members/ann`)).body.score;
}

/** A board of one shard, whose slot begins to move. */
async function moving(board: string, definition = {}) {
  await server.createBoard(board, { operator: "incr", shards: 1, ...definition });
  expect(await submit(board, { score: 1, id: "first" })).toMatchObject({ outcome: "accepted" });
  const [slot] = (await slotsOf(server, board)).shards;
  const { shards } = await server.running.registry.get(board);
  const from = await cluster.masterOf(shards[0]!.meta);
  const to = (await cluster.masters()).find((node) => node !== from) as ClusterNode;
  return { slot: slot!, to, from, migration: await cluster.beginMigration(slot!, to) };
}

describe("a shard whose slot is open", () => {
  test("takes submissions and answers reads before its first key leaves and after its last has come [R 1]", async () => {
    const { migration } = await moving("open");
    const before = await cluster.errorCount("TRYAGAIN");
    expect(await submit("open", { score: 1, id: "at the source" })).toMatchObject({ score: 2 });
    expect(await scoreOf("open")).toBe(2);
    expect(await migration.move(100)).toBe(0);
    const asked = await cluster.errorCount("ASK");
    expect(await submit("open", { score: 1, id: "at the target" })).toMatchObject({ score: 3 });
    expect(await scoreOf("open")).toBe(3);
    expect(await cluster.errorCount("ASK")).toBeGreaterThan(asked);
    expect(await cluster.errorCount("TRYAGAIN")).toBe(before);
    await migration.finish();
    expect(await submit("open", { score: 1, id: "later" })).toMatchObject({ score: 4 });
  });

  test("lets submissions and reads wait while its keys are in two places", async () => {
    const { migration } = await moving("split");
    expect(await migration.move(3)).toBeGreaterThan(0);
    const before = await cluster.errorCount("TRYAGAIN");
    const answers = Promise.all([submit("split", { score: 1, id: "split" }), scoreOf("split")]);
    await expect.poll(() => cluster.errorCount("TRYAGAIN")).toBeGreaterThan(before);
    await migration.finish();
    expect((await answers)[0]).toMatchObject({ outcome: "accepted", score: 2 });
    expect([1, 2]).toContain((await answers)[1]);
  });

  test("refuses after the deadline, and the same id counts once afterwards [R 2]", async () => {
    const { migration } = await moving("stuck");
    await migration.move(3);
    const refused = await submit("stuck", { score: 1, id: "stuck" });
    expect(refused).toMatchObject({ outcome: "rejected", error: { code: "unavailable", retryable: true } });
    await migration.finish();
    expect(await submit("stuck", { score: 1, id: "stuck" })).toMatchObject({ outcome: "accepted", score: 2 });
    expect(await submit("stuck", { score: 1, id: "stuck" })).toMatchObject({
      outcome: "duplicate",
      score: 2,
    });
  });

  test("keeps the order of a player's submissions, whatever way each of them took [R 2]", {
    timeout: 60_000,
  }, async () => {
    await server.createBoard("order", { operator: "set", shards: 1, writers: "player" });
    const [slot] = (await slotsOf(server, "order")).shards;
    const client = await new RawClient(server.url, await server.signIn("ann")).connected();
    const sent: Promise<unknown>[] = [];
    for (const to of await cluster.masters()) {
      const migration = cluster.migrateSlot(slot!, to);
      for (let i = 0; i < 60; i++) {
        sent.push(client.submit({ board: "order", score: sent.length + 1 }));
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await migration;
    }
    const replies = (await Promise.all(sent)) as { ok: boolean; result?: SubmissionResult }[];
    client.close();
    expect(replies.map(({ result }) => result)).toEqual(
      sent.map((_, i) => expect.objectContaining({ outcome: "accepted", score: i + 1 })),
    );
    expect(await scoreOf("order")).toBe(sent.length);
  });
});

describe("calls", () => {
  test("reach all masters at once, answer in order, and the first error is thrown", async () => {
    const redis = await connectCommand({
      target: { url: cluster.url },
      log: silentLog,
      commandTimeoutMs: 2_000,
    });
    registerScripts(redis);
    const keys = Array.from({ length: 50 }, (_, i) => `calls:${i}`);
    const values = keys.map((_, i) => String(i));
    await callAll(
      redis,
      keys.map((key, i) => ({ command: "set", key, args: [values[i]!] })),
    );
    expect(new Set(keys.map((key) => nodeOf(redis, key))).size).toBe(3);
    const gets = keys.map((key) => ({ command: "get", key }));
    expect(await callAll(redis, gets)).toEqual(values);
    const wrong = { command: "incr", key: "calls:list" };
    await callAll(redis, [{ command: "rpush", key: "calls:list", args: ["x"] }]);
    await expect(callAll(redis, [gets[0]!, wrong, gets[1]!])).rejects.toThrow("WRONGTYPE");
    const outcomes = await settleAll(redis, [gets[0]!, wrong, gets[1]!]);
    expect(outcomes).toEqual([{ reply: "0" }, { error: expect.any(Error) }, { reply: "1" }]);
    redis.disconnect();
  });

  test("find their node although the table of slots is wrong everywhere", async () => {
    const redis = await connectCommand({
      target: { url: cluster.url },
      log: silentLog,
      commandTimeoutMs: 2_000,
    });
    if (!isCluster(redis)) throw new Error("not a cluster");
    const keys = Array.from({ length: 30 }, (_, i) => `table:${i}`);
    const sets = keys.map((key, i) => ({ command: "set", key, args: [i] }));
    const turn = (): void => {
      const owners = [...new Set(redis.slots.map(([owner]) => owner!))];
      redis.slots = redis.slots.map(([owner]) => [owners[(owners.indexOf(owner!) + 1) % owners.length]!]);
    };
    turn();
    expect(await callAll(redis, sets)).toEqual(keys.map(() => "OK"));
    turn();
    const ranOn: number[] = [];
    const note = ({ options }: Redis): void => void ranOn.push(options.port!);
    expect(await callOnce(redis, { command: "get", key: keys[7]! }, note)).toBe("7");
    expect(ranOn).toHaveLength(2);
    expect(ranOn[1]).toBe((await cluster.masterOf(keys[7]!)).port);
    redis.disconnect();
  });

  test("that are sent once are not sent later, after they have failed [R 2]", async () => {
    const redis = await connectCommand({
      target: { url: cluster.url },
      log: silentLog,
      commandTimeoutMs: 300,
    });
    const [one, two] = ["{late}:one", "{late}:two"];
    await callAll(redis, [{ command: "mset", key: one, args: ["0", two, "0"] }]);
    const to = (await cluster.masters()).find((node) => node.port !== nodeOf(redis, one).options.port);
    const migration = await cluster.beginMigration(calculateSlot(one), to!);
    await migration.move(1);
    const both = { command: "mset", key: one, args: ["1", two, "1"] };
    await expect(callOnce(redis, both)).rejects.toThrow("TRYAGAIN");
    await expect(callAll(redis, [both])).rejects.toThrow("TRYAGAIN");
    await migration.finish();
    // ioredis's own repetition would have come by now: it waits 50 ms in between.
    await sleep(500);
    expect(
      await callAll(
        redis,
        [one, two].map((key) => ({ command: "get", key })),
      ),
    ).toEqual(["0", "0"]);
    redis.disconnect();
  });

  test("wait for a master that is gone no longer than a command may take, and hold up no others", async () => {
    const redis = await connectCommand({
      target: { url: cluster.url },
      log: silentLog,
      commandTimeoutMs: 700,
    });
    const keys = Array.from({ length: 12 }, (_, i) => `gone:${i}`);
    await callAll(
      redis,
      keys.map((key) => ({ command: "set", key, args: ["x"] })),
    );
    expect(masters(redis)).toHaveLength(3);
    const victim = await cluster.masterOf(keys[0]!);
    cluster.pause(victim);
    const outcomes = await settleAll(
      redis,
      keys.map((key) => ({ command: "get", key })),
    );
    cluster.resume(victim);
    expect(outcomes[0]).toEqual({
      error: expect.objectContaining({ message: expect.stringMatching(/timed out/) }),
    });
    expect(outcomes.filter((outcome) => "reply" in outcome).length).toBeGreaterThan(0);
    redis.disconnect();
    await cluster.whole();
  });
});
