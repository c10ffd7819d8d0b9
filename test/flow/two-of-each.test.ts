/** Two gateways and two mergers in one run: the lease holder is killed, then paused; no frame is lost or doubled at any client. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Frame } from "../../client-sdk/protocol/messages.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const BOARD = "cup";
const MERGER = { ROLES: "merger", LEASE_TTL_MS: "500" };

let redis: TestRedis;
let gateways: [TestServer, TestServer];
const mergers: ChildServer[] = [];
const clients: RawClient[] = [];
const scores = new Map<string, number>();

beforeAll(async () => {
  redis = await startTestRedis();
  gateways = [
    await startServer(redis.url, { ROLES: "gateway" }),
    await startServer(redis.url, { ROLES: "gateway" }),
  ];
  await gateways[0].createBoard(BOARD, {
    operator: "set",
    shards: 4,
    columns: [{ name: "score", max: 1_000_000 }],
  });
  mergers.push(await startChildServer(redis.url, MERGER));
  for (const { url } of gateways) {
    for (const view of ["all", 10] as const) {
      const client = await new RawClient(url).connected();
      await client.follow(BOARD, view);
      clients.push(client);
    }
  }
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const merger of mergers) await merger.kill();
  for (const gateway of gateways) await gateway.stop();
  await redis.stop();
});

/** Scores for random members through both gateways in turn. */
async function submit(rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    const submissions = Array.from({ length: 5 }, () => {
      const member = `m${Math.floor(Math.random() * 40)}`;
      return { member, score: Math.floor(Math.random() * 1_000) };
    });
    const { body } = await gateways[round % 2]!.call<{ counts: { rejected: number } }>(
      "POST",
      `/v1/boards/${BOARD}/scores`,
      {
        key: SERVER_KEY,
        body: { submissions },
      },
    );
    expect(body.counts.rejected).toBe(0);
    for (const { member, score } of submissions) scores.set(member, score);
  }
}

function expected(count: number): [string, number][] {
  return [...scores]
    .sort(([a, x], [b, y]) => y - x || Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .slice(0, count);
}

async function everyClientIsRight(): Promise<void> {
  await eventually(() => {
    for (const [i, client] of clients.entries()) {
      expect(client.rows.map(([member, , score]) => [member, score])).toEqual(
        expected(i % 2 === 0 ? 1_000 : 10),
      );
    }
  });
  for (const client of clients) {
    expect(client.gaps).toEqual([]);
    expect(client.snapshots).toEqual([]);
    expectContiguous(client.frames);
  }
}

function expectContiguous(frames: Frame[]): void {
  for (const [i, frame] of frames.entries()) {
    if (i > 0) expect(frame.after).toBe(frames[i - 1]!.offset);
    expect(frame.offset).toBeGreaterThan(frame.after);
  }
}

describe("two gateways and two mergers", () => {
  test("show the same board to the clients of both gateways", async () => {
    await submit(10);
    await everyClientIsRight();
  });

  test("go on without a lost or doubled frame when the lease holder is killed", async () => {
    mergers.push(await startChildServer(redis.url, MERGER));
    const submitting = submit(60);
    await mergers[0]!.kill();
    await submitting;
    await everyClientIsRight();
  });

  test("go on without a lost or doubled frame when the lease holder is paused, overtaken, and wakes up", async () => {
    mergers.push(await startChildServer(redis.url, MERGER));
    mergers[1]!.signal("SIGSTOP");
    await submit(40);
    await everyClientIsRight();
    mergers[1]!.signal("SIGCONT");
    await submit(40);
    await everyClientIsRight();
    const epochs = new Set(clients.flatMap((client) => client.frames.map(({ epoch }) => epoch)));
    expect(epochs.size).toBe(1);
  });
});
