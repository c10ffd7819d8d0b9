/** Where secrets must not be: in Redis, in the database, and in whatever a server prints at its most talkative. */
import { randomBytes } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { SignJWT } from "jose";
import { afterEach, expect, test } from "vitest";
import { Database } from "../../server/database/database.ts";
import { silentLog } from "../support/builders.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { AUDIENCE, claimsOf, ISSUER } from "../support/jwt-issuer.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";

const SLOW = 120_000;
const SIGNING_SECRET = "the signing secret of the tests, more than 32 bytes";
const JWT_KEY = "the shared secret of the tests, more than 32 bytes";

let server: ChildServer | undefined;
let redis: TestRedis | undefined;
afterEach(async () => {
  server?.signal("SIGTERM");
  await server?.exited;
  await server?.kill();
  await redis?.stop();
  server = undefined;
  redis = undefined;
});

async function call(method: string, path: string, key?: string, body?: object) {
  const response = await fetch(`http://127.0.0.1:${server!.port}${path}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as Record<string, string> };
}

/** Everything that a Redis holds, names and values, of the types that Rankwire writes. */
async function dumpOf(store: TestRedis): Promise<string> {
  const client = store.client();
  const parts: unknown[] = [];
  for (const key of await client.keys("*")) {
    const readers: Record<string, () => Promise<unknown>> = {
      hash: () => client.hgetall(key),
      string: () => client.get(key),
      zset: () => client.zrange(key, "0", "-1"),
      set: () => client.smembers(key),
      stream: () => client.xrange(key, "-", "+"),
    };
    const reading = readers[await client.type(key)];
    expect(reading, key).toBeDefined();
    parts.push(key, await reading!());
  }
  return JSON.stringify(parts);
}

/** Uses every kind of secret, rightly and wrongly. @returns all of them, by what they are */
async function useSecrets(): Promise<Map<string, string>> {
  const secrets = new Map([
    ["admin key", ADMIN_KEY],
    ["server key", SERVER_KEY],
    ["JWT key", JWT_KEY],
    ["server's signing secret", SIGNING_SECRET],
  ]);
  const note = (name: string, text: string): string => {
    secrets.set(name, text);
    return text;
  };
  const jwt = (claims: object): Promise<string> =>
    new SignJWT(claimsOf({ ...claims })).setProtectedHeader({ alg: "HS256" }).sign(Buffer.from(JWT_KEY));
  await call("PUT", "/v1/admin/boards/race", ADMIN_KEY, { operator: "best", writers: "player" });
  const session = await call("POST", "/v1/sessions", SERVER_KEY, { member: "ada" });
  const token = note("session token", session.body.token!);
  note("session's signing secret", session.body.signingSecret!);
  const socket = await new RawClient(`http://127.0.0.1:${server!.port}`, token).connected();
  await socket.submit({ board: "race", score: 1 });
  for (const claims of [{}, { exp: 1 }, { iss: "elsewhere" }]) {
    const text = note(`JWT ${JSON.stringify(claims)}`, await jwt(claims));
    const signedIn = await call("POST", "/v1/sessions", undefined, { jwt: text });
    if (signedIn.body.token !== undefined) note("session by JWT", signedIn.body.token);
  }
  const device = note("device secret", randomBytes(24).toString("base64url"));
  note("session by device", (await call("POST", "/v1/sessions", undefined, { device })).body.token!);
  expect((await call("POST", "/v1/devices/link", token, { device })).status).toBe(200);
  const made = await call("POST", "/v1/admin/keys", ADMIN_KEY, { name: "k", role: "server" });
  const key = note("made key", made.body.key!);
  expect((await call("POST", "/v1/sessions", key, { member: "bob" })).status).toBe(201);
  const rotated = await call("POST", `/v1/admin/keys/${made.body.id}/rotate`, ADMIN_KEY, {
    overlapMs: 60_000,
  });
  note("rotated key", rotated.body.key!);
  const wrong = note("wrong key", `rw_admin_${"0".repeat(16)}.${randomBytes(32).toString("base64url")}`);
  expect((await call("GET", "/v1/boards", wrong)).status).toBe(401);
  await call("POST", "/v1/sessions", SERVER_KEY, { member: token, more: key });
  await call("GET", `/v1/${token}`, token);
  await expect(new RawClient(`http://127.0.0.1:${server!.port}`, `${token}x`).connected()).rejects.toThrow();
  socket.close();
  return secrets;
}

/** What is secret of a text: of a token and a key what follows the dot, of a JWT its signature, of anything else all of it. */
const secretPart = (text: string): string => text.split(".").at(-1)!;

/** All that the database of a server holds about keys and devices, read as a second process would. */
async function tablesOf({ dataDir }: ChildServer): Promise<string> {
  const database = new Database({ dataDir, connectionsMax: 1, timeoutMs: 10_000, log: silentLog });
  try {
    const keys = await database.run((db) => db.selectFrom("api_keys").selectAll().execute());
    const devices = await database.run((db) => db.selectFrom("devices").selectAll().execute());
    const asText = [
      ...keys.map(({ secret_hash }) => secret_hash),
      ...devices.map(({ device_hash }) => device_hash),
    ];
    return JSON.stringify([keys, devices]) + asText.map((bytes) => bytes.toString("latin1")).join();
  } finally {
    await database.close();
  }
}

test("no secret is in Redis, in the database, or in any line that is printed, at whatever level, also when things go wrong", {
  timeout: SLOW,
}, async () => {
  redis = await startTestRedis();
  server = await startChildServer(redis.url, {
    LOG_LEVEL: "trace",
    DEVICE_SIGN_IN: "on",
    JWT_ISSUER: ISSUER,
    JWT_AUDIENCE: AUDIENCE,
    JWT_KEY,
    SIGNING_SECRET,
    REDIS_COMMAND_TIMEOUT_MS: "500",
  });
  const secrets = await useSecrets();
  const dump = await dumpOf(redis);
  expect(dump).toContain("ada");
  const tables = await tablesOf(server);
  expect(tables).toContain("anonymous");
  for (const [name, text] of secrets) {
    expect((dump + tables).includes(secretPart(text)), `${name} in what is stored`).toBe(false);
  }

  // What goes wrong is logged: Redis is away.
  await redis.kill();
  await eventually(async () =>
    expect((await call("POST", "/v1/sessions", SERVER_KEY, { member: "ada" })).status).toBe(503),
  );
  await call("GET", "/v1/sessions", secrets.get("session token"));
  await redis.start();
  const output = server.printed.join("\n");
  expect(output).toContain("rankwire is ready");
  for (const [name, text] of secrets) {
    expect(output.includes(secretPart(text)), `${name} in what is printed`).toBe(false);
  }
});

test("the first admin key is printed once, at the first start without ADMIN_KEY, and works", {
  timeout: SLOW,
}, async () => {
  redis = await startTestRedis();
  // A folder that outlives the first process.
  const DATA_DIR = mkdtempSync(join(testRunFolder(), "first-key-"));
  const settings = { ADMIN_KEY: "", SERVER_KEY: "", DATA_DIR };
  server = await startChildServer(redis.url, settings);
  const keyOf = (from: ChildServer): string[] =>
    from.printed.filter((line) => /^ +rw_admin_\S+$/.test(line)).map((line) => line.trim());
  const [key = "", ...others] = keyOf(server);
  expect([key.length, others]).toEqual(["rw_admin_".length + 16 + 1 + 43, []]);
  expect((await call("PUT", "/v1/admin/boards/race", key, { operator: "best" })).status).toBe(201);
  const made = await call("POST", "/v1/admin/keys", key, { name: "game", role: "server" });
  expect((await call("POST", "/v1/sessions", made.body.key, { member: "ada" })).status).toBe(201);
  expect(server.logged.map((line) => JSON.stringify(line)).join("")).not.toContain(key.split(".")[1]);

  server.signal("SIGTERM");
  await server.exited;
  server = await startChildServer(redis.url, settings);
  expect(keyOf(server)).toEqual([]);
  expect((await call("GET", "/v1/admin/keys", key)).status).toBe(200);
});
