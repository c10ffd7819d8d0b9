/** Clients that do not read: set aside, brought up to date when they drain, closed when they stay behind; nobody else notices. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
const clients: RawClient[] = [];
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { LAG_MS_MAX: "6000", SUBSCRIPTIONS_MAX: "200" });
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
});

async function follower(board: string): Promise<RawClient> {
  const client = await new RawClient(server.url).connected();
  clients.push(client);
  await client.follow(board);
  return client;
}

/** The TCP socket below: what is not read from it fills the kernel's buffers, then the server's. */
function tcp(client: RawClient): { pause(): void; resume(): void } {
  const engine = client.socket.io.engine as unknown as {
    transport: { ws: { _socket: { pause(): void; resume(): void } } };
  };
  return engine.transport.ws._socket;
}

/** Rows whose members are long, so that few frames fill the buffers. */
async function churn(board: string, round: number): Promise<void> {
  const submissions = Array.from({ length: 200 }, (_, i) => ({
    member: `${i}-${"x".repeat(110)}`,
    score: round * 1_000 + i,
  }));
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}

async function metric(name: string): Promise<number> {
  const { body } = await server.call<string>("GET", "/metrics");
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(body)?.[1]);
}

async function lagBehind(board: string, slow: RawClient): Promise<void> {
  const before = await metric("rankwire_sockets_lagging_total");
  tcp(slow).pause();
  let round = 0;
  await eventually(
    async () => {
      await churn(board, ++round);
      expect(await metric("rankwire_sockets_lagging_total")).toBeGreaterThan(before);
    },
    { withinMs: 15_000 },
  );
}

describe("a client that stops reading its ranks", () => {
  test("gets the newest of each when it reads again, and what came between is not kept", {
    timeout: 60_000,
  }, async () => {
    const board = uniqueBoard("ranks");
    await server.createBoard(board, { operator: "set", shards: 1, topSize: 200 });
    await churn(board, 1);
    const followed = Array.from({ length: 180 }, (_, i) => `${i}-${"x".repeat(110)}`);
    const [slow, healthy] = [await rankFollower(board, followed), await rankFollower(board, followed)];
    let round = 1;
    const nextRound = async (): Promise<void> => {
      await churn(board, ++round);
      await eventually(() => expect(healthy.last.get(followed[0]!)).toBe(round * 1_000));
    };
    const before = await metric("rankwire_sockets_lagging_total");
    tcp(slow.client).pause();
    await eventually(
      async () => {
        await nextRound();
        expect(await metric("rankwire_sockets_lagging_total")).toBeGreaterThan(before);
      },
      { withinMs: 30_000, everyMs: 1 },
    );
    const toldBefore = healthy.received();
    for (let more = 0; more < 40; more++) await nextRound();
    expect(healthy.received() - toldBefore).toBeGreaterThan(20 * followed.length);
    tcp(slow.client).resume();
    await eventually(() => expect(slow.last).toEqual(healthy.last));
    expect(slow.client.byes).toEqual([]);
    // What it was told before it fell behind and a little more, and the newest of each: nothing of the forty rounds in between.
    expect(slow.received()).toBeLessThan(toldBefore + 5 * followed.length);
  });
});

type RankFollower = { client: RawClient; last: Map<string, number>; received: () => number };

async function rankFollower(board: string, members: readonly string[]): Promise<RankFollower> {
  const client = await new RawClient(server.url).connected();
  clients.push(client);
  const last = new Map<string, number>();
  let received = 0;
  client.socket.on("rank", ({ member, score }: { member: string; score: number }) => {
    received++;
    last.set(member, score);
  });
  for (const member of members) {
    expect(await client.ask("subscribe", { board, kind: "me", member })).toMatchObject({ ok: true });
  }
  return { client, last, received: () => received };
}

describe("a client that stops reading", () => {
  test("is brought up to date with one merged frame or a snapshot when it reads again", {
    timeout: 40_000,
  }, async () => {
    const board = uniqueBoard("slow");
    await server.createBoard(board, { operator: "best", shards: 1 });
    const [slow, healthy] = [await follower(board), await follower(board)];
    await lagBehind(board, slow);
    tcp(slow).resume();
    await churn(board, 1_000_000);
    await eventually(() => expect(healthy.rows[0]?.[2]).toBe(1_000_000_199));
    await eventually(() => expect(slow.rows).toEqual(healthy.rows));
    expect([...slow.gaps, ...healthy.gaps]).toEqual([]);
    expect(slow.byes).toEqual([]);
    // It is back in the room: the next frame comes as to anybody.
    const seen = slow.frames.length;
    await churn(board, 2_000_000);
    await eventually(() => expect(slow.rows[0]?.[2]).toBe(2_000_000_199));
    expect(slow.frames.length).toBeGreaterThan(seen);
  });

  test("is closed with a reason when it stays behind, and nobody else is harmed", {
    timeout: 40_000,
  }, async () => {
    const board = uniqueBoard("stuck");
    await server.createBoard(board, { operator: "best", shards: 1 });
    const [stuck, healthy] = [await follower(board), await follower(board)];
    const closedBefore = await metric("rankwire_sockets_closed_slow_total");
    await lagBehind(board, stuck);
    await eventually(
      async () => expect(await metric("rankwire_sockets_closed_slow_total")).toBe(closedBefore + 1),
      {
        withinMs: 15_000,
      },
    );
    const gone = new Promise((resolve) => stuck.socket.once("disconnect", resolve));
    tcp(stuck).resume();
    await gone;
    await churn(board, 3_000_000);
    await eventually(() => expect(healthy.rows[0]?.[2]).toBe(3_000_000_199));
    expect(healthy.gaps).toEqual([]);
    expect(healthy.byes).toEqual([]);
  });
});
