/** Profiles beside feeds when something is away or slow: the database, the notices, a client [P-22]. */
import { Redis } from "ioredis";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Profile } from "../../client-sdk/protocol/messages.ts";
import { profileKey } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";
import { SseReader } from "./sse-reader.ts";

let postgres: TestPostgres;
let databaseUrl: string;
/** Its connections are killed. */
let ownRedis: TestRedis;
let server: TestServer;
const closing: (() => unknown)[] = [];
beforeAll(async () => {
  postgres = await startTestPostgres();
  ownRedis = await startTestRedis();
  databaseUrl = await postgres.newDatabase();
  const settings = { DATABASE_URL: databaseUrl, DATABASE_TIMEOUT_MS: "2000", LAG_MS_MAX: "20000" };
  server = await startServer(ownRedis.url, settings);
}, POSTGRES_INSTALL_MS);
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(async () => {
  await server?.stop();
  await ownRedis?.stop();
  await postgres?.stop();
});

async function newBoard(): Promise<string> {
  const board = uniqueBoard("profile-trouble");
  await server.createBoard(board, {
    operator: "set",
    shards: 1,
    topSize: 200,
    profileFields: ["displayName"],
  });
  return board;
}

async function submit(board: string, scores: Record<string, number>): Promise<void> {
  const submissions = Object.entries(scores).map(([member, score]) => ({ member, score }));
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}

async function put(member: string, displayName: string): Promise<void> {
  const body = { displayName };
  const { status } = await server.call("PUT", `/v1/profiles/${member}`, { key: SERVER_KEY, body });
  expect(status).toBe(200);
}

async function watch(board: string): Promise<RawClient> {
  const client = await new RawClient(server.url).connected();
  closing.push(() => client.close());
  await client.follow(board);
  return client;
}

/** Members with long names, so that few frames fill a socket's buffers. */
const members = Array.from({ length: 200 }, (_, i) => `${i}-${"x".repeat(110)}`);

async function churn(board: string, round: number): Promise<void> {
  await submit(board, Object.fromEntries(members.map((member, i) => [member, round * 1_000 + i])));
}

async function metric(name: string): Promise<number> {
  const { body } = await server.call<string>("GET", "/metrics");
  return Number(new RegExp(`^${name} (\\d+)`, "m").exec(body)?.[1]);
}

const nameOf = (client: RawClient, member: string): string | undefined =>
  client.profiles.get(member)?.displayName;

describe("a watcher that does not read for a while", () => {
  it("has every profile of now when it reads again: changed, new and gone", { timeout: 60_000 }, async () => {
    const board = await newBoard();
    const [changed, gone, late] = [members[0]!, members[1]!, members[2]!];
    await put(changed, "before");
    await put(gone, "before");
    await churn(board, 1);
    const [slow, healthy] = [await watch(board), await watch(board)];
    await eventually(() =>
      expect([slow, healthy].map((one) => nameOf(one, gone))).toEqual(["before", "before"]),
    );
    const tcp = tcpOf(slow);
    const before = await metric("rankwire_sockets_lagging_total");
    tcp.pause();
    let round = 1;
    await eventually(
      async () => {
        await churn(board, ++round);
        expect(await metric("rankwire_sockets_lagging_total")).toBeGreaterThan(before);
      },
      { withinMs: 20_000 },
    );
    await put(changed, "after");
    await put(late, "late");
    await server.call("DELETE", `/v1/profiles/${gone}`, { key: SERVER_KEY });
    await eventually(() => expect(nameOf(healthy, late)).toBe("late"));
    tcp.resume();
    await eventually(() => expect(nameOf(slow, late)).toBe("late"));
    expect([nameOf(slow, changed), nameOf(slow, gone)]).toEqual(["after", undefined]);
    expect([...slow.profiles].sort()).toEqual([...healthy.profiles].sort());
    await put(changed, "again");
    await eventually(() => expect(nameOf(slow, changed)).toBe("again"), { withinMs: 1_000 });
    expect(slow.gaps).toEqual([]);
  });

  it("by SSE does too", { timeout: 60_000 }, async () => {
    const board = await newBoard();
    const [changed] = [members[5]!];
    await put(changed, "before");
    await churn(board, 1);
    const reader = await SseReader.open(server.url, board, { query: "?view=all" });
    closing.push(() => reader.close());
    const last = (): Profile | null | undefined =>
      reader.profiles
        .map(({ profiles }) => profiles[changed])
        .filter((one) => one !== undefined)
        .at(-1);
    await eventually(() => expect(last()).toEqual({ displayName: "before" }));
    reader.pause();
    for (let round = 2; round < 150; round++) await churn(board, round);
    await put(changed, "after");
    for (let round = 150; round < 155; round++) await churn(board, round);
    reader.resume();
    await eventually(() => expect(last()).toEqual({ displayName: "after" }));
    expect(reader.gaps).toEqual([]);
  });
});

describe("a database that is away", () => {
  it("does not keep ranks waiting, and is asked again until it tells", { timeout: 60_000 }, async () => {
    const board = await newBoard();
    const [known, stored] = [uniqueBoard("known"), uniqueBoard("stored")];
    await put(known, "Known");
    await server.call("POST", "/v1/profiles", { body: { members: [known] } });
    await inDatabase(
      `insert into profiles (member, version, display_name) values ('${stored}', 1, 'Stored')`,
    );
    await postgres.kill();
    const beganAt = performance.now();
    await submit(board, { [known]: 2, [stored]: 1 });
    const client = await watch(board);
    await eventually(() => expect(client.rows).toHaveLength(2));
    const { status, body } = await server.call("GET", `/v1/boards/${board}/top`);
    expect([status, body]).toMatchObject([200, { entries: [{ member: known }, { member: stored }] }]);
    expect(performance.now() - beganAt).toBeLessThan(3_000);
    expect(nameOf(client, stored)).toBeUndefined();
    await postgres.start();
    await eventually(() =>
      expect([known, stored].map((one) => nameOf(client, one))).toEqual(["Known", "Stored"]),
    );
  });
});

describe("a notice that was missed", () => {
  it("is made up for when the channel is back, in views and windows", async () => {
    const board = await newBoard();
    const member = uniqueBoard("missed");
    await put(member, "before");
    await submit(board, { [member]: 1 });
    const [client, window] = [await watch(board), await new StandingClient(server.url).connected()];
    closing.push(() => window.close());
    const { entries } = await window.window({ board, kind: "around", member });
    expect(entries[0]?.profile).toEqual({ displayName: "before" });
    await inDatabase(
      `update profiles set version = version + 1, display_name = 'after' where member = '${member}'`,
    );
    const redis = new Redis(ownRedis.url);
    closing.push(() => redis.disconnect());
    await redis.del(profileKey(member));
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(() => expect(nameOf(client, member)).toBe("after"));
    await eventually(() =>
      expect(window.profiles.at(-1)?.profiles).toEqual({ [member]: { displayName: "after" } }),
    );
  });
});

async function inDatabase(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(statement);
  await client.end();
}

/** The TCP socket below: what is not read from it fills the kernel's buffers, then the server's. */
function tcpOf(client: RawClient): { pause(): void; resume(): void } {
  const engine = client.socket.io.engine as unknown as {
    transport: { ws: { _socket: { pause(): void; resume(): void } } };
  };
  return engine.transport.ws._socket;
}
