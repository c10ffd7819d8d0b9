/** Counters of whole servers: what a call tells of submissions, players and connections, across processes, kills and a Redis that is away. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { CountsAnswer } from "../../server/counters/counts-reader.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const PACE = { COUNTER_FLUSH_MS: "30", PRESENCE_BEAT_MS: "50" };

let server: TestServer;
let other: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), PACE);
  other = await startServer(sharedRedisUrl(), { ...PACE, ROLES: "gateway" });
});
afterAll(async () => {
  await other.stop();
  await server.stop();
});

async function countersOf(board: string, at = server, query = ""): Promise<CountsAnswer> {
  const { status, body } = await at.call<CountsAnswer>("GET", `/v1/boards/${board}/counters${query}`, {
    key: SERVER_KEY,
  });
  expect(status).toBe(200);
  return body;
}

async function deployment(at = server): Promise<CountsAnswer> {
  return (await at.call<CountsAnswer>("GET", "/v1/admin/counters", { key: ADMIN_KEY })).body;
}

function submit(at: TestServer, board: string, submissions: unknown[]) {
  return at.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}

describe("the counters of a board", () => {
  test("tell what became of every submission at whichever gateway, and how many played", async () => {
    const board = uniqueBoard("outcomes");
    await server.createBoard(board, { operator: "incr", columns: [{ name: "s", max: 100 }] });
    const before = await deployment();
    await submit(server, board, [
      { member: "a", score: 1, id: "1" },
      { member: "b", score: 2, id: "2" },
      { member: "b", score: 2, id: "2" },
    ]);
    await submit(other, board, [{ member: "c", score: 0 }, { member: "d", score: 999 }, { score: 1 }]);
    const counts = { accepted: 3, unchanged: 0, duplicate: 1, rejected: 2, limited: 0, held: 0 };
    await eventually(async () => {
      const { total, days } = await countersOf(board);
      expect(total).toEqual(counts);
      expect(days).toHaveLength(7);
      const today = new Date().toISOString().slice(0, 10);
      expect(days[0]).toMatchObject({ day: today, counts, players: 3 });
      expect(days[1]).toMatchObject({ players: 0, peak: null, counts: { accepted: 0 } });
      expect(await countersOf(board, other)).toMatchObject({ total });
    });
    await eventually(async () => {
      const after = await deployment();
      expect(after.total.accepted - before.total.accepted).toBe(3);
      expect(after.total.rejected - before.total.rejected).toBe(2);
      expect(after.playersError).toBe(0.0081);
    });
  });

  test("tell what was not better from what was", async () => {
    const board = uniqueBoard("unchanged");
    await server.createBoard(board, { operator: "best" });
    await submit(server, board, [
      { member: "a", score: 1 },
      { member: "a", score: 1 },
    ]);
    await eventually(async () => {
      expect((await countersOf(board)).total).toMatchObject({ accepted: 1, unchanged: 1 });
    });
  });

  test("tell what is held for review", async () => {
    const board = uniqueBoard("held");
    const rules = { maxChange: 5, onViolation: "hold" } as const;
    const columns = [{ name: "points", max: 1_000 }];
    await server.createBoard(board, { operator: "incr", columns, rules });
    await submit(server, board, [
      { member: "a", score: 3 },
      { member: "a", score: 100 },
    ]);
    await eventually(async () => {
      expect((await countersOf(board)).total).toMatchObject({ accepted: 1, held: 1, rejected: 0 });
    });
  });

  test("tell what a limit refused", async () => {
    const board = uniqueBoard("limited");
    const limits = { SUBMISSIONS_PER_SECOND: "0.01", SUBMISSIONS_BURST: "2" };
    const limiting = await startServer(sharedRedisUrl(), { ...PACE, ...limits });
    onTestFinished(() => limiting.stop());
    await limiting.createBoard(board, { operator: "incr", writers: "player" });
    const member = uniqueBoard("eager");
    const eager = await new RawClient(limiting.url, await limiting.signIn(member)).connected();
    for (let i = 0; i < 5; i++) await eager.submit({ board, score: 1, id: `${i}` });
    eager.socket.disconnect();
    await eventually(async () => {
      expect((await countersOf(board)).total).toMatchObject({ accepted: 2, limited: 3, rejected: 0 });
    });
  });

  test("are for game servers and admins only, and refuse what is not a number of days", async () => {
    const board = uniqueBoard("guarded");
    await server.createBoard(board, { operator: "best" });
    const path = `/v1/boards/${board}/counters`;
    expect((await server.call("GET", path)).status).toBe(401);
    expect((await server.call("GET", path, { key: await server.signIn("p") })).status).toBe(403);
    expect((await server.call("GET", "/v1/admin/counters", { key: SERVER_KEY })).status).toBe(403);
    for (const days of ["0", "367", "x", "1.5"]) {
      expect((await server.call("GET", `${path}?days=${days}`, { key: SERVER_KEY })).status).toBe(400);
    }
    expect((await countersOf(board, server, "?days=366")).days).toHaveLength(366);
    expect((await server.call("GET", "/v1/boards/no-such/counters", { key: SERVER_KEY })).status).toBe(404);
  });

  test("tell who follows it now, over sockets and event streams, and the peak that there was", async () => {
    const board = uniqueBoard("followers");
    await server.createBoard(board, { operator: "best" });
    const signedIn = await new RawClient(server.url, await server.signIn("fan")).connected();
    await signedIn.follow(board, 10);
    await signedIn.ask("subscribe", { board, kind: "me" });
    const again = await new RawClient(other.url, await other.signIn("fan")).connected();
    await again.follow(board);
    const reader = await SseReader.open(other.url, board);
    await eventually(async () => {
      // The fan is at two gateways, and counts at each.
      expect(await countersOf(board)).toMatchObject({
        connected: { connections: 3, players: 2, gateways: 2 },
        peak: { connections: 3 },
      });
    });
    await signedIn.ask("unsubscribe", { board, kind: "top", view: 10 });
    again.socket.disconnect();
    reader.close();
    await eventually(async () => {
      expect((await countersOf(board)).connected).toEqual({ connections: 1, players: 1, gateways: 1 });
    });
    const { peak, days } = await countersOf(board);
    expect(peak?.connections).toBe(3);
    expect(days[0]?.peak).toEqual(peak);
    signedIn.socket.disconnect();
  });
});

describe("a gateway process", () => {
  async function child(url: string): Promise<ChildServer> {
    const started = await startChildServer(url, { ...PACE, ROLES: "gateway" });
    onTestFinished(() => started.kill());
    return started;
  }

  test("that is killed leaves no ghosts: its connections are gone when its last beat is over", async () => {
    const board = uniqueBoard("ghosts");
    await server.createBoard(board, { operator: "best" });
    const { port, kill } = await child(sharedRedisUrl());
    const url = `http://127.0.0.1:${port}`;
    const clients = await Promise.all([1, 2, 3].map(() => new RawClient(url).connected()));
    for (const client of clients) await client.follow(board);
    await eventually(async () => expect((await countersOf(board)).connected.connections).toBe(3));
    const gateways = (await deployment()).connected.gateways;
    await kill();
    await eventually(async () => {
      expect((await countersOf(board)).connected).toEqual({ connections: 0, players: 0, gateways: 0 });
      expect((await deployment()).connected.gateways).toBe(gateways - 1);
    });
    expect((await countersOf(board)).peak?.connections).toBe(3);
  });

  test("that is told to stop sends what it has counted first", async () => {
    const board = uniqueBoard("stopping");
    await server.createBoard(board, { operator: "incr" });
    const started = await startServer(sharedRedisUrl(), { ...PACE, COUNTER_FLUSH_MS: "3600000" });
    await submit(started, board, [{ member: "a", score: 1 }]);
    expect((await countersOf(board)).total.accepted).toBe(0);
    await started.stop();
    expect((await countersOf(board)).total.accepted).toBe(1);
  });

  test("keeps what it has counted while Redis is away or full", async () => {
    const redis = await startTestRedis({ appendonly: true });
    const alone = await startServer(redis.url, { ...PACE, INGEST_DEADLINE_MS: "300" });
    onTestFinished(async () => {
      await alone.stop();
      await redis.stop();
    });
    await alone.createBoard("away", { operator: "best" });
    await submit(alone, "away", [{ member: "a", score: 1 }]);
    await eventually(async () => expect((await countersOf("away", alone)).total.accepted).toBe(1));
    await redis.stop();
    const refused = await alone.call("GET", "/v1/boards/away/counters", { key: SERVER_KEY });
    expect(refused).toMatchObject({ status: 503, body: { error: { code: "unavailable" } } });
    const { status } = await submit(alone, "away", [
      { member: "a", score: 2 },
      { member: "b", score: 2 },
    ]);
    expect(status).toBe(200);
    await redis.start();
    const admin = redis.client();
    await eventually(() => admin.config("SET", "maxmemory", "1"));
    const fan = await new RawClient(alone.url).connected();
    // Full, it still hears of connections; what was counted waits.
    await eventually(async () => expect((await deployment(alone)).connected.connections).toBe(1));
    await submit(alone, "away", [{ member: "c", score: 2 }]);
    expect((await countersOf("away", alone)).total.rejected).toBeLessThan(3);
    fan.socket.disconnect();
    await admin.config("SET", "maxmemory", "0");
    await eventually(async () => {
      expect((await countersOf("away", alone)).total).toMatchObject({ accepted: 1, rejected: 3 });
    });
  });
});
