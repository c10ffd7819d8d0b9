/** Broken packets below the protocol: whoever sends them loses at most their own connection. */
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Bystander } from "./bystander.ts";
import { RawSocket } from "./raw-socket.ts";

const MESSAGE_BYTES_MAX = 24 * 1024;

let server: TestServer;
let bystander: Bystander;
let board: string;
/** Sockets of the bystander. */
let before: number;
const raws: RawSocket[] = [];
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  bystander = await Bystander.create(server);
  board = uniqueBoard("frames");
  await server.createBoard(board, { operator: "incr", writers: "player" });
  before = await sockets();
});
afterEach(async () => {
  await Promise.all(raws.splice(0).map((raw) => raw.close()));
  await bystander.thrives();
  // Nobody who was thrown out is still counted.
  await eventually(async () => expect(await sockets()).toBe(before));
});
afterAll(async () => {
  bystander.close();
  await server.stop();
});

async function sockets(): Promise<number> {
  const { body } = await server.call<string>("GET", "/metrics");
  return Number(/^rankwire_sockets (\d+)$/m.exec(body)?.[1]);
}

async function connected(token?: string): Promise<RawSocket> {
  const raw = await RawSocket.connected(server.url, token);
  raws.push(raw);
  return raw;
}

async function opened(): Promise<RawSocket> {
  const raw = await RawSocket.open(server.url);
  raws.push(raw);
  return raw;
}

async function lives(raw: RawSocket): Promise<void> {
  const id = 900_000 + raw.received.length;
  expect(await raw.ask(id, `["board",{"board":"${board}"}]`)).toMatchObject({ ok: true, info: { board } });
}

describe("a packet", () => {
  const broken: [string, string | Buffer][] = [
    ["of an unknown Engine.IO type", "9"],
    ["of no type", "x"],
    ["that is a ping, which is the server's to send", "2"],
    ["of an unknown Socket.IO type", "49"],
    ["of no Socket.IO type", "4x"],
    ["that connects a second time", "40"],
    ["with an event that is no JSON", '42["submit",'],
    ["with an event that is no array", '42{"submit":1}'],
    ["with an event without a name", "42[]"],
    ["with an event named null", "42[null]"],
    ["with the name of an event of Socket.IO's own", '42["disconnect"]'],
    ["with a connect_error from a client", '44{"message":"no"}'],
    ["with an event for a namespace that is not there", '42/admin,["submit"]'],
    ["with bytes that nobody announced", Buffer.from([1, 2, 3])],
    ["that announces no number of bytes", '45x-["submit"]'],
    ["that announces bytes and sends text", '451-["submit",{"_placeholder":true,"num":0}]'],
  ];
  it.each(broken)("%s ends its own connection", async (_, packet) => {
    const raw = await connected(await server.signIn("alonso"));
    raw.send(packet);
    // What follows is not what was announced.
    raw.send('42["board",{}]');
    await raw.closed;
  });

  const odd: [string, string][] = [
    ["a pong that nobody asked for", "3"],
    ["an acknowledgement that nobody waits for", '43999["x"]'],
    ["a connection to a namespace that is not there", '40/admin,{"token":"x"}'],
    ["an event named by a number", "42[5,{}]"],
    ["an event with a very large acknowledgement id", '429007199254740993["nothing"]'],
    ["no operation", "6"],
  ];
  it.each(odd)("that is odd but harmless leaves the connection as it is: %s", async (_, packet) => {
    const raw = await connected();
    raw.send(packet);
    await lives(raw);
  });

  it("with deep JSON is refused and nothing else", async () => {
    const raw = await connected(await server.signIn("alonso"));
    for (const [id, depth] of [1, 100, 7_000].entries()) {
      const payload = `${"[".repeat(depth)}${"]".repeat(depth)}`;
      const replies = [
        await raw.ask(10 * id, `["submit",${payload}]`),
        await raw.ask(10 * id + 1, `["submit",{"board":"${board}","score":${payload}}]`),
      ];
      for (const reply of replies) expect(reply).toMatchObject({ ok: false, error: { code: "bad_request" } });
    }
    await lives(raw);
  });

  it("with __proto__ pollutes nothing", async () => {
    const raw = await connected(await server.signIn("alonso"));
    const payload = `{"board":"${board}","score":1,"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}`;
    expect(await raw.ask(1, `["submit",${payload}]`)).toMatchObject({
      ok: false,
      error: { code: "bad_request" },
    });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    await lives(raw);
  });
});

describe("a handshake", () => {
  it("whose auth is no object, or broken, does not connect", async () => {
    for (const auth of ["null", '"x"', "[]", "{", "undefined"]) {
      const raw = await opened();
      raw.send(`40${auth}`);
      await raw.closed;
      expect(raw.received.filter((text) => text.startsWith("40"))).toEqual([]);
    }
  });

  it("that sends an event before it connects is closed", async () => {
    const raw = await opened();
    raw.send(`42["submit",{"board":"${board}","score":1}]`);
    await raw.closed;
  });

  it("with many connects at once leaves nothing behind", async () => {
    const raw = await opened();
    for (let i = 0; i < 50; i++) raw.send("40");
    await raw.until((text) => text.startsWith("40")).catch(() => undefined);
    await raw.close();
  });

  it("over another transport or protocol version is refused", async () => {
    const queries = ["EIO=3&transport=websocket", "EIO=4&transport=nothing", "transport=websocket"];
    for (const query of queries) {
      const raw = await RawSocket.open(server.url, `/socket.io/?${query}`).catch(() => undefined);
      await raw?.closed;
      expect(raw?.received ?? []).toEqual([]);
    }
    await expect(RawSocket.open(server.url, "/elsewhere/?EIO=4&transport=websocket")).rejects.toThrow();
    const polling = await server.call("GET", "/socket.io/?EIO=4&transport=polling");
    expect(polling.status).toBe(400);
  });
});

describe("a message that is too large", () => {
  it("closes its own connection; the largest allowed does not", async () => {
    const raw = await connected();
    const head = '421["nothing","';
    const largest = `${head}${"x".repeat(MESSAGE_BYTES_MAX - head.length - 2)}"]`;
    raw.send(largest);
    await raw.until((text) => text.startsWith("431["));
    await lives(raw);
    raw.send(`${largest.slice(0, -2)}x"]`);
    expect(await raw.closed).toBe(1009);
  });

  it("closes its own connection when it is bytes, and when it comes before the handshake", async () => {
    const signedIn = await connected();
    signedIn.send(Buffer.alloc(MESSAGE_BYTES_MAX + 1));
    const unknown = await opened();
    unknown.send(`40{"token":"${"x".repeat(MESSAGE_BYTES_MAX)}"}`);
    expect(await Promise.all([signedIn.closed, unknown.closed])).toEqual([1009, 1009]);
  });
});

describe("bytes that are no WebSocket frames", () => {
  const upgrade = [
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
    "host: x",
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
    "\r\n",
  ].join("\r\n");

  /** Resolves when the server has closed. */
  function sent(bytes: Buffer): Promise<void> {
    const { hostname, port } = new URL(server.url);
    return new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(upgrade));
      socket.once("data", () => socket.write(bytes));
      socket.on("data", () => undefined);
      socket.on("error", () => undefined);
      socket.on("end", () => socket.end());
      socket.on("close", () => resolve());
    });
  }

  it("end the connection that they came on", async () => {
    await sent(Buffer.from([0x81, 0x02, 0x34, 0x30]));
    await sent(Buffer.from([0x8f, 0x80, 0, 0, 0, 0]));
    await sent(Buffer.from([0xf1, 0x80, 0, 0, 0, 0]));
    await sent(Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]));
    // Text that is not UTF-8.
    await sent(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]));
  });
});
