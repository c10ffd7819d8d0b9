/** Limits as callers meet them: quotas over HTTP, sign-ins, connections by address; two gateways count together. */
import { io, type Socket } from "socket.io-client";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Refusal = { error: { code: string; retryable: boolean; retryAfterMs: number; details: unknown } };

const SETTINGS = {
  TRUST_PROXY: "1",
  HTTP_KEY_REQUESTS: "1000",
  HTTP_PLAYER_REQUESTS: "4",
  HTTP_ADDRESS_REQUESTS: "6",
  SIGN_INS_PER_PLAYER: "3",
  CONNECTIONS_PER_SECOND: "0.01",
  CONNECTIONS_BURST: "3",
};

let servers: TestServer[];
let board: string;
beforeAll(async () => {
  servers = [await startServer(sharedRedisUrl(), SETTINGS), await startServer(sharedRedisUrl(), SETTINGS)];
  board = uniqueBoard("limits");
  await servers[0]!.createBoard(board, { operator: "set" });
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

let addresses = 0;
/** An address that no other test has. */
const newAddress = (): string => `198.51.100.${++addresses}`;

function get<T>(i: number, path: string, address: string, key?: string): Promise<Answer<T>> {
  const headers = { "x-forwarded-for": address };
  return servers[i % 2]!.call<T>("GET", path, { headers, ...(key === undefined ? {} : { key }) });
}

const left = ({ headers }: Answer): number => Number(headers.get("ratelimit-remaining"));

describe("the HTTP quota", () => {
  test("of an address counts over both gateways, says how much is left, and refuses with the time to wait", async () => {
    const address = newAddress();
    const path = `/v1/boards/${board}`;
    for (let i = 0; i < 6; i++) {
      const answer = await get(i, path, address);
      expect([answer.status, left(answer), answer.headers.get("ratelimit-limit")]).toEqual([200, 5 - i, "6"]);
    }
    const { status, headers, body } = await get<Refusal>(6, path, address);
    const { code, retryable, retryAfterMs, details } = body.error;
    expect([status, code, retryable]).toEqual([429, "limited", true]);
    expect(details).toEqual({ limit: "requests_address" });
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(headers.get("retry-after")).toBe(`${Math.ceil(retryAfterMs / 1000)}`);
    expect(headers.get("ratelimit-reset")).toBe(headers.get("retry-after"));
    expect(left({ headers, status, body })).toBe(0);
    expect((await get(0, path, newAddress())).status).toBe(200);
  });

  test("cannot be got around by another spelling of the path, nor by made-up credentials", async () => {
    const address = newAddress();
    const paths = [`/v1/boards/${board}`, `/%761/boards/${board}`, `//v1/boards/${board}`];
    const statuses = new Set<number>();
    for (let i = 0; i < 9; i++) {
      const made = `Bearer-${i}-${"x".repeat(20)}`;
      statuses.add((await get(i, paths[i % 3]!, address, made)).status);
    }
    expect([...statuses]).not.toContain(200);
    expect((await get(0, `/v1/boards/${board}`, address)).status).toBe(429);
  });

  test("is a player's own, over all sessions, wherever the player comes from", async () => {
    const member = uniqueBoard("player");
    const tokens = [await servers[0]!.signIn(member), await servers[1]!.signIn(member)];
    const path = `/v1/boards/${board}`;
    for (let i = 0; i < 4; i++) {
      expect((await get(i, path, newAddress(), tokens[i % 2])).status).toBe(200);
    }
    const { status, body } = await get<Refusal>(0, path, newAddress(), tokens[0]);
    expect([status, body.error.details]).toEqual([429, { limit: "requests_player" }]);
    const other = await servers[0]!.signIn(uniqueBoard("player"));
    expect((await get(0, path, newAddress(), other)).status).toBe(200);
  });

  test("is each key's own", async () => {
    const address = newAddress();
    const before = left(await get(0, `/v1/boards/${board}`, address, SERVER_KEY));
    expect(left(await get(1, `/v1/boards/${board}`, address, ADMIN_KEY))).toBeGreaterThan(0);
    expect(left(await get(1, `/v1/boards/${board}`, address, SERVER_KEY))).toBe(before - 1);
  });

  test("leaves health, readiness, metrics and preflights alone, and browsers may read its headers", async () => {
    const address = newAddress();
    for (let i = 0; i < 10; i++) {
      for (const path of ["/healthz", "/readyz", "/metrics"]) {
        const { status, headers } = await get(i, path, address);
        expect([path, status, headers.get("ratelimit-limit")]).toEqual([path, 200, null]);
      }
      const preflight = await fetch(`${servers[0]!.url}/v1/boards/${board}`, {
        method: "OPTIONS",
        headers: {
          origin: "https://game.example",
          "access-control-request-method": "GET",
          "x-forwarded-for": address,
        },
      });
      expect(preflight.status).toBe(204);
    }
    const headers = { origin: "https://game.example", "x-forwarded-for": address };
    const answer = await servers[0]!.call("GET", `/v1/boards/${board}`, { headers });
    expect(left(answer)).toBe(5);
    const exposed = answer.headers.get("access-control-expose-headers")?.toLowerCase();
    for (const name of ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"]) {
      expect(exposed).toContain(name);
    }
  });
});

describe("sign-ins", () => {
  test("by a server key are limited for each player, over both gateways, and not by address", async () => {
    const [ada, bob] = [uniqueBoard("ada"), uniqueBoard("bob")];
    const signIn = (i: number, member: string): Promise<Answer<Refusal>> =>
      servers[i % 2]!.call<Refusal>("POST", "/v1/sessions", { key: SERVER_KEY, body: { member } });
    const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => signIn(i, ada)));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(3);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(5);
    expect(refused[0]!.body.error).toMatchObject({
      code: "limited",
      details: { limit: "sign_ins_player" },
      retryAfterMs: expect.any(Number),
    });
    expect((await signIn(0, bob)).status).toBe(201);
  });
});

/** @returns the socket, or how it was refused */
function connect(server: TestServer, address: string): Promise<Socket | string> {
  const socket = io(server.url, {
    transports: ["websocket"],
    reconnection: false,
    forceNew: true,
    extraHeaders: { "x-forwarded-for": address },
  });
  onTestFinished(() => void socket.disconnect());
  return new Promise((resolve) => {
    socket.once("connect", () => resolve(socket));
    socket.once("connect_error", (error) => resolve(error.message));
  });
}

describe("connections", () => {
  test("of one address are limited before the upgrade, sockets and event readers alike, over both gateways", async () => {
    const address = newAddress();
    expect(await connect(servers[0]!, address)).toBeInstanceOf(Object);
    expect(await connect(servers[1]!, address)).toBeInstanceOf(Object);
    const stop = new AbortController();
    const events = await fetch(`${servers[0]!.url}/v1/boards/${board}/feed`, {
      headers: { "x-forwarded-for": address },
      signal: stop.signal,
    });
    expect(events.status).toBe(200);
    stop.abort();
    expect(await connect(servers[0]!, address)).toBe("websocket error");
    expect(await connect(servers[1]!, address)).toBe("websocket error");
    const { status, body } = await get<Refusal>(1, `/v1/boards/${board}/feed`, address);
    expect([status, body.error.code, body.error.details]).toEqual([429, "limited", { limit: "connections" }]);
    expect(await connect(servers[0]!, newAddress())).toBeInstanceOf(Object);
  });

  test("of one IPv6 network count together", async () => {
    const network = "2001:db8:7:7";
    const first = await Promise.all([1, 2, 3].map((i) => connect(servers[i % 2]!, `${network}::${i}`)));
    for (const socket of first) expect(socket).toBeInstanceOf(Object);
    expect(await connect(servers[0]!, `${network}:a:b:c:d`)).toBe("websocket error");
    expect(await connect(servers[0]!, "2001:db8:7:8::1")).toBeInstanceOf(Object);
  });
});

test("what was refused is counted by limit", async () => {
  const address = newAddress();
  for (let i = 0; i < 10; i++) await get(0, `/v1/boards/${board}`, address);
  const { body } = await servers[0]!.call<string>("GET", "/metrics");
  const counted = /^rankwire_limited_total\{limit="requests_address"\} (\d+)$/m.exec(body)?.[1];
  expect(Number(counted)).toBeGreaterThanOrEqual(4);
});

test("a limit of 0 is none", async () => {
  const free = await startServer(sharedRedisUrl(), {
    ...SETTINGS,
    HTTP_ADDRESS_REQUESTS: "0",
    SIGN_INS_PER_PLAYER: "0",
    CONNECTIONS_PER_SECOND: "0",
  });
  onTestFinished(() => free.stop());
  const address = newAddress();
  const member = uniqueBoard("player");
  for (let i = 0; i < 8; i++) {
    const headers = { "x-forwarded-for": address };
    const answer = await free.call("GET", `/v1/boards/${board}`, { headers });
    expect([answer.status, answer.headers.get("ratelimit-limit")]).toEqual([200, null]);
    expect(await free.signIn(member)).toEqual(expect.any(String));
    expect(await connect(free, address)).toBeInstanceOf(Object);
  }
});
