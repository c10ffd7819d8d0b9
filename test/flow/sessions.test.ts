/** A player's sessions, one by one: looked at, ended on every gateway, resumed by the same token. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createClient, type RankwireClient } from "../../client-sdk/index.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

type Listed = {
  member: string;
  sessions: {
    id: string;
    how: string;
    createdAt: string;
    usedAt: string;
    expiresAt: string;
    endsAt: string;
    current?: boolean;
  }[];
};

let redis: TestRedis;
let gateways: [TestServer, TestServer];
const clients: (RawClient | RankwireClient)[] = [];
beforeAll(async () => {
  redis = await startTestRedis();
  const slow = { SESSION_CHECK_MS: "600000" };
  gateways = [await startServer(redis.url, slow), await startServer(redis.url, slow)];
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await redis.stop();
});

const newMember = (): string => uniqueBoard("ann");

async function socketOf(gateway: TestServer, token: string): Promise<RawClient> {
  const client = await new RawClient(gateway.url, token).connected();
  clients.push(client);
  return client;
}

async function listed(key: string, path = "/v1/sessions"): Promise<Listed> {
  return (await gateways[1].call<Listed>("GET", path, { key })).body;
}

const isOver = async (token: string): Promise<boolean> =>
  (await gateways[1].call("GET", "/v1/boards", { key: token })).status === 401;

function hasEnded({ byes, socket }: RawClient): boolean {
  return !socket.connected && byes.length === 1 && byes[0]!.code === "session_ended";
}

describe("a player's sessions", () => {
  test("are listed with when and how, the one that asks marked, and nothing that signs in", async () => {
    const member = newMember();
    const before = Date.now();
    const tokens = [await gateways[0].signIn(member), await gateways[0].signIn(member)] as const;
    const { sessions, ...rest } = await listed(tokens[0]);
    expect(rest).toEqual({ member });
    expect(sessions.map(({ current, how }) => [current, how])).toEqual([
      [true, "server"],
      [false, "server"],
    ]);
    for (const { id, createdAt, usedAt, expiresAt, endsAt } of sessions) {
      expect(id).toMatch(/^[0-9a-f]{16}$/);
      const times = [
        before - 1_000,
        ...[createdAt, usedAt, expiresAt, endsAt].map((text) => Date.parse(text)),
      ];
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const ofServer = await listed(SERVER_KEY, `/v1/members/${member}/sessions`);
    expect(ofServer.sessions).toEqual(sessions.map(({ current: _, ...session }) => session));
    for (const token of tokens) expect(JSON.stringify([sessions, ofServer])).not.toContain(token.slice(9));
    expect((await listed(SERVER_KEY, `/v1/members/${newMember()}/sessions`)).sessions).toEqual([]);
  });

  test("end one by one within a second on every gateway; the others of the player go on", async () => {
    const member = newMember();
    const [own, other] = [await gateways[0].signIn(member), await gateways[0].signIn(member)];
    const ended = [await socketOf(gateways[0], other), await socketOf(gateways[1], other)];
    const going = await socketOf(gateways[1], own);
    const { sessions } = await listed(own);
    const { id } = sessions.find(({ current }) => !current)!;
    const answer = await gateways[0].call("DELETE", `/v1/sessions/${id}`, { key: own });
    expect(answer).toMatchObject({ status: 200, body: { revoked: 1 } });
    await eventually(() => expect(ended.map(hasEnded)).toEqual([true, true]), { withinMs: 1_000 });
    expect([await isOver(other), await isOver(own)]).toEqual([true, false]);
    expect(going.byes).toEqual([]);
    const again = await gateways[0].call("DELETE", `/v1/sessions/${id}`, { key: own });
    expect(again.body).toEqual({ revoked: 0 });
  });

  test("are ended by a game server by their id, and not those of somebody else by the same id", async () => {
    const [member, stranger] = [newMember(), newMember()];
    const token = await gateways[0].signIn(member);
    const { id } = (await listed(token)).sessions[0]!;
    const end = (whose: string) =>
      gateways[0].call("DELETE", `/v1/members/${whose}/sessions/${id}`, { key: SERVER_KEY });
    expect((await end(stranger)).body).toEqual({ revoked: 0 });
    expect(await isOver(token)).toBe(false);
    expect((await end(member)).body).toEqual({ revoked: 1 });
    expect(await isOver(token)).toBe(true);
  });

  test("end by signing out, this one only", async () => {
    const member = newMember();
    const [own, other] = [await gateways[0].signIn(member), await gateways[0].signIn(member)];
    const socket = await socketOf(gateways[1], own);
    expect((await gateways[0].call("DELETE", "/v1/sessions", { key: own })).body).toEqual({ revoked: 1 });
    await eventually(() => expect(hasEnded(socket)).toBe(true), { withinMs: 1_000 });
    expect([await isOver(own), await isOver(other)]).toEqual([true, false]);
  });

  test("are a player's own and a game server's affair, and an id has its form", async () => {
    const token = await gateways[0].signIn(newMember());
    const status = async (method: string, path: string, key?: string): Promise<number> =>
      (await gateways[0].call(method, path, key === undefined ? {} : { key })).status;
    expect(await status("GET", "/v1/sessions")).toBe(401);
    expect(await status("GET", "/v1/sessions", SERVER_KEY)).toBe(403);
    expect(await status("DELETE", "/v1/sessions")).toBe(401);
    expect(await status("GET", "/v1/members/bob/sessions", token)).toBe(403);
    expect(await status("DELETE", "/v1/members/bob/sessions/0123456789abcdef", token)).toBe(403);
    expect(await status("DELETE", "/v1/sessions/*", token)).toBe(400);
    expect(await status("DELETE", `/v1/sessions/${"0".repeat(64)}`, token)).toBe(400);
  });
});

describe("a session that is pushed out by a newer one", () => {
  test("closes its sockets on every gateway, whichever signed the player in", async () => {
    const strict = await startServer(redis.url, { SESSIONS_PER_PLAYER_MAX: "1", SESSION_CHECK_MS: "600000" });
    const member = newMember();
    const old = await strict.signIn(member);
    const sockets = [await socketOf(strict, old), await socketOf(gateways[1], old)];
    const going = await socketOf(gateways[0], await strict.signIn(member));
    await eventually(() => expect(sockets.map(hasEnded)).toEqual([true, true]), { withinMs: 1_000 });
    expect(going.byes).toEqual([]);
    await strict.stop();
  });
});

describe("a session at its hard end", () => {
  test("closes its sockets then, and not at the next check", async () => {
    const lasting = { SESSION_MAX_MS: "700", SESSION_IDLE_MS: "700", SESSION_CHECK_MS: "600000" };
    const short = await startServer(redis.url, lasting);
    const socket = await socketOf(short, await short.signIn(newMember()));
    await eventually(() => expect(hasEnded(socket)).toBe(true), { withinMs: 2_500 });
    await short.stop();
  });
});

describe("one session revoked without the bus", () => {
  test("is found by the check of sessions, and only that one", async () => {
    const off = await startServer(redis.url, { CONTROL_PLANE: "off", SESSION_CHECK_MS: "100" });
    const member = newMember();
    const [own, other] = [await gateways[0].signIn(member), await gateways[0].signIn(member)];
    const sockets = [await socketOf(off, own), await socketOf(off, other)] as const;
    const { id } = (await listed(own)).sessions.find(({ current }) => current)!;
    await gateways[0].call("DELETE", `/v1/members/${member}/sessions/${id}`, { key: SERVER_KEY });
    await eventually(() => expect(hasEnded(sockets[0])).toBe(true));
    expect(sockets[1].byes).toEqual([]);
    await off.stop();
  });
});

describe("a client that comes back", () => {
  test("resumes with the token it had, without a new sign-in; ended meanwhile, it is told so for good", async () => {
    const board = uniqueBoard("race");
    await gateways[0].createBoard(board, { operator: "best", writers: "player" });
    const member = newMember();
    const token = await gateways[0].signIn(member);
    let server = await startServer(redis.url);
    const port = String(server.running.port);
    const client = createClient({ url: server.url, token });
    clients.push(client);
    await client.board(board).submit({ score: 1 });
    await server.stop();
    server = await startServer(redis.url, { PORT: port });
    expect(await client.board(board).submit({ score: 2 })).toMatchObject({ outcome: "accepted", score: 2 });
    expect((await listed(token)).sessions).toHaveLength(1);
    await gateways[0].call("DELETE", "/v1/sessions", { key: token });
    await eventually(() =>
      expect(client.state.getSnapshot()).toMatchObject({
        status: "closed",
        reason: { code: "session_ended", retryable: false },
      }),
    );
    await server.stop();
  });
});
