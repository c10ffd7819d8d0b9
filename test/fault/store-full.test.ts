/**
 * A Redis at its memory limit: what would grow is refused, what keeps the rest alive goes on, and after the limit is raised everything
 * goes on by itself. What was acknowledged is there exactly once.
 */
import type { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Position, Row, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { leaseKeys, sessionsKey } from "../../server/redis/keys.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { Submitter } from "../support/submitter.ts";

/** Far below what an empty Redis needs: nothing that is freed on the way opens a gap. */
const NO_ROOM = "1mb";
const SETTINGS = { TICK_MS: "250", LEASE_TTL_MS: "3000", SESSION_CHECK_MS: "300", MERGER_QUIET_MS: "60000" };
const BOARD = { operator: "incr", shards: 2, visibility: "private", writers: "player" } as const;

let redis: TestRedis;
let admin: Redis;
let server: TestServer;

beforeEach(async () => {
  // A restart finds the limit there; until then there is none.
  redis = await startTestRedis({ appendonly: true, args: ["--maxmemory", NO_ROOM] });
  admin = redis.client();
  await limit("0");
  server = await startServer(redis.url, SETTINGS);
  await server.createBoard("arena", BOARD);
});
afterEach(async () => {
  await server.stop();
  await redis.stop();
});

const limit = (bytes: string): Promise<unknown> => admin.config("SET", "maxmemory", bytes);

async function submit(submissions: { member: string; score: number; id: string }[]) {
  const answer = await server.call<{ results: SubmissionResult[] }>("POST", "/v1/boards/arena/scores", {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(answer.status).toBe(200);
  return answer.body.results;
}

const PLAYERS = Array.from({ length: 40 }, (_, i) => `p${i}`);

/** Member → score of the whole board, as its shards have it now. */
async function onBoard(on = server): Promise<Map<string, number>> {
  const { body } = await on.call<{ entries: { member: string; score: number }[] }>(
    "POST",
    "/v1/boards/arena/members",
    { key: SERVER_KEY, body: { members: PLAYERS } },
  );
  return new Map(body.entries.map(({ member, score }) => [member, score]));
}

async function position(): Promise<Position | undefined> {
  const answer = await server.call<{ position?: Position }>("GET", "/v1/boards/arena/top", {
    key: SERVER_KEY,
  });
  return answer.body.position;
}

/** Resolves when the answer is another one than now. */
async function changed(ask: () => Promise<unknown>): Promise<void> {
  const before = await ask();
  await eventually(async () => expect(await ask()).not.toEqual(before), { withinMs: 10_000 });
}

const scoresIn = (rows: readonly Row[]) => new Map(rows.map(([member, , score]) => [member, score]));
const points = (count: number, score: number, id: string) =>
  Array.from({ length: count }, (_, i) => ({ member: `p${i}`, score: score + i, id }));

describe("a store at its memory limit", () => {
  test("refuses submissions and sign-ins with store_full, and counts nothing of them", async () => {
    await submit(points(20, 10, "one"));
    await limit(NO_ROOM);
    const refused = await submit(points(20, 10, "two"));
    for (const result of refused) {
      expect(result).toMatchObject({ outcome: "rejected", error: { code: "store_full", retryable: true } });
    }
    const signIn = { key: SERVER_KEY, body: { member: "late" } };
    expect(await server.call("POST", "/v1/sessions", signIn)).toMatchObject({
      status: 503,
      body: { error: { code: "store_full" } },
    });
    await limit("0");
    expect(await onBoard()).toEqual(new Map(points(20, 10, "").map(({ member, score }) => [member, score])));
    // The refused ones are not remembered, the counted ones are.
    expect((await submit(points(20, 10, "two"))).map(({ outcome }) => outcome)).toEqual(
      Array(20).fill("accepted"),
    );
    expect(new Set((await submit(points(20, 10, "one"))).map(({ outcome }) => outcome))).toEqual(
      new Set(["duplicate"]),
    );
  });

  test("goes on reading, and keeps sessions and the sockets that stand on them", async () => {
    await submit(points(30, 1, "one"));
    const token = await server.signIn("p3");
    const player = await new RawClient(server.url, token).connected();
    await player.follow("arena");
    await limit(NO_ROOM);
    const paths = [
      "top?limit=5",
      "members/p3",
      "members/p3?precision=fast",
      "members/p3/around",
      "percentiles",
    ];
    for (const path of paths) {
      // With the session and not a key: each such call pushes its expiry on, which is a write.
      expect((await server.call("GET", `/v1/boards/arena/${path}`, { key: token })).status).toBe(200);
    }
    // Twice its check has pushed the session on.
    for (let check = 0; check < 2; check++)
      await changed(() => admin.hvals(sessionsKey(token.split(".")[0]!)));
    expect([player.byes, player.socket.connected]).toEqual([[], true]);
    const again = await new RawClient(server.url, token).connected();
    expect(await again.follow("arena")).toBe("snapshot");
    expect(scoresIn(again.rows)).toEqual(await onBoard());
    player.close();
    again.close();
  });

  test("signs a player out everywhere", async () => {
    const token = await server.signIn("p1");
    const player = await new RawClient(server.url, token).connected();
    await limit(NO_ROOM);
    const answer = await server.call("DELETE", "/v1/members/p1/sessions", { key: SERVER_KEY });
    expect(answer).toMatchObject({ status: 200, body: { revoked: 1 } });
    await eventually(() => expect(player.socket.connected).toBe(false));
    expect((await server.call("GET", "/v1/boards/arena/top", { key: token })).status).toBe(401);
    player.close();
  });

  test("is said by /readyz, which stays ready, and by the metrics", async () => {
    const state = async () => {
      const { status, body } = await server.call<object>("GET", "/readyz");
      const { body: metrics } = await server.call<string>("GET", "/metrics");
      return { status, ...body, metric: /^rankwire_store_full\{node="redis"\} (\d)$/m.exec(metrics)?.[1] };
    };
    const ready = { status: "ready", unready: [] };
    expect(await state()).toEqual({ ...ready, degraded: [], metric: "0" });
    await limit(NO_ROOM);
    expect(await state()).toEqual({ ...ready, degraded: ["store_full"], metric: "1" });
    await limit("0");
    expect(await state()).toEqual({ ...ready, degraded: [], metric: "0" });
  });
});

describe("the feed of a full store", () => {
  test("shows what was acknowledged just before, under the lease that it had, and goes on when there is room", async () => {
    const viewer = await new RawClient(server.url, await server.signIn("viewer")).connected();
    await viewer.follow("arena");
    await submit(points(10, 1, "first"));
    await eventually(async () => expect(scoresIn(viewer.rows)).toEqual(await onBoard()));
    const lease = await admin.get(leaseKeys("arena").lease);
    // The limit comes before the merger's next tick, nearly always: the frame is appended at the limit.
    await submit(points(20, 100, "second"));
    await limit(NO_ROOM);
    await eventually(async () => expect(scoresIn(viewer.rows)).toEqual(await onBoard()));
    const endsAt = (): Promise<unknown> => admin.call("PEXPIRETIME", leaseKeys("arena").lease);
    for (let renewal = 0; renewal < 3; renewal++) await changed(endsAt);
    expect(await admin.get(leaseKeys("arena").lease)).toBe(lease);
    await limit("0");
    await submit(points(10, 1_000, "third"));
    await eventually(async () => expect(scoresIn(viewer.rows)).toEqual(await onBoard()));
    expect([viewer.gaps, viewer.snapshots]).toEqual([[], []]);
    viewer.close();
  });

  test("is taken over by another merger, and has a fresh epoch after Redis starts again, still full", {
    timeout: 40_000,
  }, async () => {
    const answered = await submit(points(10, 1, "first"));
    expect(answered).toHaveLength(10);
    const { lease } = leaseKeys("arena");
    await eventually(async () => expect(await admin.get(lease)).not.toBeNull());
    const first = Number(await admin.get(lease));
    const other = await startServer(redis.url, SETTINGS);
    await limit(NO_ROOM);
    await server.stop();
    server = other;
    await eventually(async () => expect(Number(await admin.get(lease))).toBeGreaterThan(first));
    const before = await position();
    await redis.kill();
    await redis.start();
    await eventually(async () => expect((await position())?.epoch).not.toBe(before?.epoch), {
      withinMs: 15_000,
    });
    expect(await admin.config("GET", "maxmemory")).toEqual(["maxmemory", "1048576"]);
    expect(await onBoard()).toEqual(new Map(points(10, 1, "").map(({ member, score }) => [member, score])));
    await limit("0");
    const outcomes = (await submit(points(10, 1, "second"))).map(({ outcome }) => outcome);
    expect(outcomes).toEqual(Array(10).fill("accepted"));
  });
});

describe("a limit that is met and raised again and again under load", () => {
  test("loses nothing that was acknowledged and counts nothing twice", { timeout: 60_000 }, async () => {
    const load = new ScoreLoad(server, { board: "arena", players: PLAYERS });
    const viewer = await new RawClient(server.url, await server.signIn("viewer")).connected();
    await viewer.follow("arena");
    await load.during(async () => {
      for (let round = 1; round <= 8; round++) {
        const { refused, rounds } = load;
        await limit(NO_ROOM);
        await eventually(() => expect(load.refused).toBeGreaterThan(refused));
        await limit("0");
        await eventually(() => expect(load.rounds).toBeGreaterThan(rounds));
      }
    });
    expect(await onBoard()).toEqual(load.acknowledged);
    await eventually(() => expect(scoresIn(viewer.rows)).toEqual(load.acknowledged));
    expect(viewer.gaps).toEqual([]);
    viewer.close();
  });
});

describe("a batch that is sent again when the store is full", () => {
  test("gets its original reply, and the next one is refused as a whole, also when the dedup window ends with it [R 2, R 5]", async () => {
    const commands = await commandConnection(redis.url);
    const open = await openBoard(commands, "pipe", { operator: "incr", shards: 1 });
    const submitter = await Submitter.create(commands, open);
    expect(await submitter.submit("a", 1, "one")).toMatchObject({ statuses: ["a"] });
    const { idsNow, meta } = open.shards[0]!;
    await admin.hset(meta, "rotated", "0");
    const before = [await admin.smembers(idsNow), await admin.hgetall(meta)];
    await limit(NO_ROOM);
    await expect(submitter.submit("a", 1, "two")).rejects.toMatchObject({ code: "store_full" });
    expect([await admin.smembers(idsNow), await admin.hgetall(meta)]).toEqual(before);
    const again = await Submitter.create(commands, open);
    expect(await again.submit("a", 1, "one")).toMatchObject({ tag: "applied", statuses: ["a"], n: 1 });
    commands.disconnect();
  });
});
