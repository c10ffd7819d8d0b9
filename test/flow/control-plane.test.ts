/** What gateways tell each other: sign-outs, notices, hints; and that all else goes on without it. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createClient, type Notice, type RankwireClient } from "../../client-sdk/index.ts";
import { controlChannelPrefix } from "../../server/redis/keys.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const SLOW_CHECKS = { SESSION_CHECK_MS: "600000" };

let redis: TestRedis;
let gateways: [TestServer, TestServer];
const clients: (RawClient | RankwireClient)[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  gateways = [await startServer(redis.url, SLOW_CHECKS), await startServer(redis.url, SLOW_CHECKS)];
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await redis.stop();
});

async function socketOf(gateway: TestServer, token: string): Promise<RawClient> {
  const client = await new RawClient(gateway.url, token).connected();
  clients.push(client);
  return client;
}

function noticesOf(gateway: TestServer, token: string): Notice[] {
  const client = createClient({ url: gateway.url, token });
  clients.push(client);
  const heard: Notice[] = [];
  client.onNotice((notice) => heard.push(notice));
  return heard;
}

function signOut(gateway: TestServer, member: string) {
  return gateway.call<{ revoked: number }>("DELETE", `/v1/members/${encodeURIComponent(member)}/sessions`, {
    key: SERVER_KEY,
  });
}

function notify(gateway: TestServer, member: string, body: unknown, key: string = SERVER_KEY) {
  return gateway.call("POST", `/v1/members/${encodeURIComponent(member)}/notices`, { key, body });
}

async function signedInEverywhere(member: string): Promise<{ heard: Notice[][]; client: RankwireClient }> {
  const token = await gateways[0].signIn(member);
  const heard: Notice[][] = [];
  for (const gateway of gateways) heard.push(noticesOf(gateway, token));
  const last = clients.at(-1) as RankwireClient;
  for (const client of clients) if (!(client instanceof RawClient)) await client.connect();
  return { heard, client: last };
}

describe("signing a player out everywhere", () => {
  test("ends the sessions and, within a second, the sockets on every gateway, and nobody else's", async () => {
    const [first, second] = [await gateways[0].signIn("ann bo"), await gateways[1].signIn("ann bo")];
    const own = [await socketOf(gateways[0], first), await socketOf(gateways[1], second)];
    const other = await socketOf(gateways[1], await gateways[1].signIn("ann"));
    const answer = await signOut(gateways[0], "ann bo");
    expect(answer).toMatchObject({ status: 200, body: { revoked: 2 } });
    await eventually(
      () => {
        for (const { byes } of own)
          expect(byes).toEqual([expect.objectContaining({ code: "session_ended", reconnect: false })]);
        expect(own.map(({ socket }) => socket.connected)).toEqual([false, false]);
      },
      { withinMs: 1_000 },
    );
    await expect(new RawClient(gateways[1].url, first).connected()).rejects.toMatchObject({
      data: { code: "unauthorized" },
    });
    expect(other.socket.connected).toBe(true);
    expect(other.byes).toEqual([]);
    expect((await signOut(gateways[0], "ann bo")).body).toEqual({ revoked: 0 });
  });

  test("leaves a session alone that was opened after it", async () => {
    await signOut(gateways[0], "cora");
    const again = await socketOf(gateways[1], await gateways[0].signIn("cora"));
    // The message of an earlier sign-out that comes late asks Redis, which says that this session lives.
    let marked = false;
    again.socket.on("notice", () => {
      marked = true;
    });
    gateways[0].running.control?.signOut("cora");
    await notify(gateways[0], "cora", { kind: "marker" });
    await eventually(() => expect(marked).toBe(true));
    expect(await again.ask("board", { board: "none" })).toMatchObject({ ok: false });
    expect(again.byes).toEqual([]);
  });

  test("is a server key's right, and names what is wrong", async () => {
    const token = await gateways[0].signIn("dee");
    const path = "/v1/members/dee/sessions";
    expect((await gateways[0].call("DELETE", path)).status).toBe(401);
    expect((await gateways[0].call("DELETE", path, { key: token })).status).toBe(403);
    expect((await signOut(gateways[0], "x".repeat(129))).status).toBe(400);
  });
});

describe("a notice", () => {
  test("reaches all sockets of the player on every gateway once, as it was given [P-19]", async () => {
    const { heard } = await signedInEverywhere("eve");
    const other = noticesOf(gateways[1], await gateways[1].signIn("evelyn"));
    const notice = { kind: "gift", data: { coins: 5, from: ["ü", null] } };
    expect(await notify(gateways[0], "eve", notice)).toMatchObject({ status: 202, body: {} });
    await notify(gateways[1], "eve", { kind: "no data" });
    const second = { kind: "no data", data: null };
    await eventually(() => {
      for (const notices of heard) {
        expect(notices).toHaveLength(2);
        expect(notices).toEqual(expect.arrayContaining([notice, second]));
      }
    });
    expect(other).toEqual([]);
  });

  test("is heard by every listener until it is taken away", async () => {
    const { client, heard } = await signedInEverywhere("fay");
    const late: Notice[] = [];
    const stop = client.onNotice((notice) => late.push(notice));
    await notify(gateways[0], "fay", { kind: "one" });
    await eventually(() => expect(late).toHaveLength(1));
    stop();
    await notify(gateways[0], "fay", { kind: "two" });
    await eventually(() => expect(heard[1]).toHaveLength(2));
    expect(late).toHaveLength(1);
  });

  test("is refused when it is none", async () => {
    const token = await gateways[0].signIn("gil");
    for (const body of [
      {},
      { kind: "" },
      { kind: "k".repeat(65) },
      { kind: "a\u0000b" },
      { kind: "line\n" },
      { kind: "\ud800" },
      { kind: "k", data: "x".repeat(4_095) },
      { kind: "k", to: "all" },
    ]) {
      expect((await notify(gateways[0], "gil", body)).status).toBe(400);
    }
    expect((await notify(gateways[0], "gil", { kind: "k", data: "x".repeat(4_094) })).status).toBe(202);
    expect((await notify(gateways[0], "gil", { kind: "k" }, token)).status).toBe(403);
  });
});

describe("hints about moved members", () => {
  /** What gateway 1 hears of what gateway 0 says. */
  function hear(): [string, string[]][] {
    const heard: [string, string[]][] = [];
    gateways[1].running.control?.onMoved((board, members) => heard.push([board, members]));
    return heard;
  }

  test("reach the other gateways in one message for what comes at the same time, each member once", async () => {
    const heard = hear();
    const own: string[] = [];
    const { control } = gateways[0].running;
    control?.onMoved((board) => own.push(board));
    control?.hintMoved("a", ["m1", "m2"]);
    control?.hintMoved("b", ["m1"]);
    control?.hintMoved("a", ["m2", "m3"]);
    await eventually(() =>
      expect(heard).toEqual([
        ["a", ["m1", "m2", "m3"]],
        ["b", ["m1"]],
      ]),
    );
    expect(own).toEqual([]);
  });

  test("name at most 200 members a message; the others are left out, and the next message is full again", async () => {
    const heard = hear();
    const many = (from: number): string[] => Array.from({ length: 500 }, (_, i) => `m${from + i}`);
    gateways[0].running.control?.hintMoved("c", many(0));
    await eventually(() => expect(heard).toHaveLength(1));
    gateways[0].running.control?.hintMoved("c", many(1_000));
    await eventually(() => expect(heard).toHaveLength(2));
    expect(heard.map(([, members]) => members.length)).toEqual([200, 200]);
    expect(heard[1]![1][0]).toBe("m1000");
  });
});

describe("a reader of server-sent events by a player's session", () => {
  for (const [name, settings] of [
    ["is ended by a sign-out at another gateway", SLOW_CHECKS],
    ["is ended by the check of sessions", { CONTROL_PLANE: "off", SESSION_CHECK_MS: "100" }],
  ] as const) {
    test(name, async () => {
      const server = await startServer(redis.url, settings);
      const board = uniqueBoard("private");
      await gateways[0].createBoard(board, { operator: "best", visibility: "private" });
      const open = async (token: string): Promise<SseReader> =>
        SseReader.open(server.url, board, { headers: { authorization: `Bearer ${token}` } });
      const token = await gateways[0].signIn("kim");
      const [own, other] = [await open(token), await open(await gateways[0].signIn("lea"))];
      await signOut(gateways[0], "kim");
      await own.ended;
      expect((await open(token)).response.statusCode).toBe(401);
      expect(other.response.closed).toBe(false);
      await other.close();
      await server.stop();
    });
  }
});

describe("without the bus", () => {
  test("a sign-out works by the check of sessions, and a notice on its own gateway", async () => {
    const off = { CONTROL_PLANE: "off", SESSION_CHECK_MS: "100" };
    const alone = [await startServer(redis.url, off), await startServer(redis.url, off)] as const;
    const token = await alone[0].signIn("hal");
    const sockets = [await socketOf(alone[0], token), await socketOf(alone[1], token)];
    const heard = noticesOf(alone[0], token);
    await (clients.at(-1) as RankwireClient).connect();
    expect((await notify(alone[0], "hal", { kind: "here" })).status).toBe(202);
    await eventually(() => expect(heard).toEqual([{ kind: "here", data: null }]));
    expect((await signOut(alone[0], "hal")).body).toEqual({ revoked: 1 });
    await eventually(() =>
      expect(sockets.map(({ byes }) => byes[0]?.code)).toEqual(Array(2).fill("session_ended")),
    );
    for (const server of alone) await server.stop();
  });

  test("while Redis is away nothing is blocked, nothing crashes, and it works again afterwards", async () => {
    const { heard } = await signedInEverywhere("ida");
    await redis.kill();
    gateways[0].running.control?.notify("ida", { kind: "local", data: null });
    gateways[0].running.control?.signOut("ida");
    gateways[0].running.control?.hintMoved("a", ["ida"]);
    await eventually(() => expect(heard[0]).toEqual([{ kind: "local", data: null }]));
    await redis.start();
    await eventually(async () => {
      gateways[0].running.control?.notify("ida", { kind: "back", data: null });
      expect(heard[1]?.at(-1)).toEqual({ kind: "back", data: null });
    });
    expect(heard[1]).not.toContainEqual({ kind: "local", data: null });
    // Nobody was sent off for a question that Redis could not answer.
    const states = (clients as RankwireClient[]).map(({ state }) => state.getSnapshot());
    expect(states).toEqual([{ status: "connected" }, { status: "connected" }]);
  });

  test("a message that makes no sense is passed over", async () => {
    const { heard } = await signedInEverywhere("jo");
    const channel = `${controlChannelPrefix}#/#`;
    const admin = redis.client();
    const bare = { uid: "elsewhere", nsp: "/" };
    const signedOut = { ...bare, type: 9, data: { packet: ["signedOut", { not: "a name" }] } };
    const moved = { ...bare, type: 9, data: { packet: ["moved", [null, ["a", "b"], [1, 2]]] } };
    const other = { ...bare, type: 99 };
    for (const text of [
      "",
      "null",
      "{",
      "[]",
      "{}",
      ...[signedOut, moved, other].map((one) => JSON.stringify(one)),
    ]) {
      expect(await admin.spublish(channel, text)).toBe(2);
    }
    await notify(gateways[0], "jo", { kind: "after" });
    await eventually(() => expect(heard).toEqual(Array(2).fill([{ kind: "after", data: null }])));
  });
});
