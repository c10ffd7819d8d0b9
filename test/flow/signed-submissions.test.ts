/** Signed submissions: whatever is changed on the way is refused, a replay counts once, and the secret is nowhere but with the player. */
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../client-sdk/index.ts";
import type { Submission } from "../../client-sdk/protocol/messages.ts";
import { signedText } from "../../client-sdk/protocol/signed-text.ts";
import { sessionsKey } from "../../server/redis/keys.ts";
import { loadSigningSecret, Signatures } from "../../server/sessions/signatures.ts";
import { commandConnection } from "../support/builders.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let server: TestServer;
let redis: Redis;
let board: string;
let unsigned: string;
const clients: { close: () => void }[] = [];

type Session = { token: string; signingSecret: string };

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl());
  board = uniqueBoard("signed");
  unsigned = uniqueBoard("unsigned");
  const columns = [
    { name: "points", max: 1_000 },
    { name: "laps", max: 50 },
  ];
  const definition = { operator: "incr", columns, writers: "player", metadata: true } as const;
  await server.createBoard(board, { ...definition, rules: { signed: true } });
  await server.createBoard(unsigned, definition);
});
afterAll(async () => {
  for (const client of clients) client.close();
  await server.stop();
  redis.disconnect();
});

async function signIn(member: string): Promise<Session> {
  const options = { key: SERVER_KEY, body: { member } };
  return (await server.call<Session>("POST", "/v1/sessions", options)).body;
}

async function connect({ token }: Session): Promise<RawClient> {
  const client = new RawClient(server.url, token);
  clients.push(client);
  return client.connected();
}

function sign(secret: string, on: string, submission: Submission): string {
  return createHmac("sha256", secret).update(signedText(on, submission)).digest("base64url");
}

const FULL: Submission = { id: "x", season: 1, score: 5, columns: { laps: 2 }, metadata: "blue" };
const INVALID = { ok: false, error: { code: "signature_invalid", retryable: false } };

describe("a board with signed submissions", () => {
  test("takes what its player has signed, and a replay of it counts once", async () => {
    const session = await signIn("ann");
    const client = await connect(session);
    const message = { board, ...FULL, signature: sign(session.signingSecret, board, FULL) };
    expect(await client.submit(message)).toMatchObject({
      ok: true,
      result: { outcome: "accepted", score: 5 },
    });
    expect(await client.submit(message)).toMatchObject({
      ok: true,
      result: { outcome: "duplicate", score: 5 },
    });
  });

  test("refuses a signature whose submission was changed in any part", async () => {
    const session = await signIn("ben");
    const client = await connect(session);
    const signature = sign(session.signingSecret, board, FULL);
    const { season: _, ...seasonless } = FULL;
    const { metadata: __, ...bare } = FULL;
    const changed: Submission[] = [
      { ...FULL, score: 6 },
      { ...FULL, score: -5 },
      { ...FULL, id: "y" },
      { ...FULL, columns: { laps: 3 } },
      { ...FULL, columns: {} },
      { ...FULL, metadata: "red" },
      seasonless,
      bare,
    ];
    for (const submission of changed) {
      expect(
        await client.submit({ board, ...submission, signature }),
        JSON.stringify(submission),
      ).toMatchObject(INVALID);
    }
    const elsewhere = sign(session.signingSecret, unsigned, FULL);
    expect(await client.submit({ board, ...FULL, signature: elsewhere })).toMatchObject(INVALID);
    const { status } = await server.call("GET", `/v1/boards/${board}/members/ben`);
    expect(status).toBe(404);
  });

  test("refuses no signature, half of one, text that is none, and that of another session", async () => {
    const session = await signIn("cat");
    const client = await connect(session);
    const signature = sign(session.signingSecret, board, FULL);
    const others = [await signIn("cat"), await signIn("dan")];
    const wrong = [
      undefined,
      "",
      "no signature",
      signature.slice(0, 20),
      `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`,
      `${signature}AA`,
      ...others.map(({ signingSecret }) => sign(signingSecret, board, FULL)),
    ];
    for (const one of wrong) {
      const message = { board, ...FULL, ...(one === undefined ? {} : { signature: one }) };
      expect(await client.submit(message), String(one)).toMatchObject(INVALID);
    }
    expect(await client.submit({ board, ...FULL, signature: 5 })).toMatchObject({
      error: { code: "bad_request" },
    });
  });

  test("refuses what is signed without an id, because nothing would tell a replay", async () => {
    const session = await signIn("eve");
    const client = await connect(session);
    const submission = { score: 5, columns: { laps: 1 } };
    const signature = sign(session.signingSecret, board, submission);
    expect(await client.submit({ board, ...submission, signature })).toMatchObject(INVALID);
  });

  test("asks nothing of the server key", async () => {
    const body = { submissions: [{ member: "fay", score: 5 }] };
    const answer = await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body });
    expect(answer.body).toMatchObject({ counts: { accepted: 1 } });
  });
});

describe("the SDK", () => {
  test("signs with the session's secret, for boards that ask and for those that do not", async () => {
    const session = await signIn("gil");
    const client = createClient({ url: server.url, ...session });
    clients.push(client);
    const submission = { score: 5, columns: { laps: 1 }, metadata: "a\n\u{1f600}" };
    for (const id of [board, unsigned]) {
      expect(await client.board(id).submit(submission)).toMatchObject({ outcome: "accepted", score: 5 });
    }
    expect(await client.board(board).info()).toMatchObject({ signed: true });
  });

  test("without the secret, or with an old one, is refused for good", async () => {
    const [old, session] = [await signIn("hal"), await signIn("hal")];
    for (const secret of [{}, { signingSecret: () => old.signingSecret }]) {
      const client = createClient({ url: server.url, token: session.token, ...secret });
      clients.push(client);
      await expect(client.board(board).submit({ score: 5 })).rejects.toMatchObject({
        code: "signature_invalid",
      });
    }
  });
});

describe("the signing secret", () => {
  test("of a session is not in Redis", async () => {
    const { token, signingSecret } = await signIn("ida");
    const stored = JSON.stringify(await redis.hgetall(sessionsKey(token.split(".")[0]!)));
    expect(stored).toContain("ida");
    expect(stored).not.toContain(signingSecret);
    expect(stored).not.toContain(token.split(".")[1]);
  });

  test("of the server is made once for a folder, readable by its owner only; a setting goes first", () => {
    const folder = mkdtempSync(join(tmpdir(), "rankwire-signing-"));
    try {
      const made = loadSigningSecret(join(folder, "data"), undefined);
      expect(made).toMatch(/^[\w-]{43}$/);
      expect(loadSigningSecret(join(folder, "data"), undefined)).toBe(made);
      const file = join(folder, "data", "signing-secret");
      expect(readFileSync(file, "utf8")).toBe(made);
      expect(statSync(file).mode & 0o777).toBe(0o600);
      expect(loadSigningSecret(join(folder, "data"), "x".repeat(32))).toBe("x".repeat(32));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("differs with the server's secret and with the session", () => {
    const token = (letter: string): string => `tag_tag_.${letter.repeat(43)}`;
    const [a, b] = [new Signatures("a".repeat(32)), new Signatures("b".repeat(32))];
    expect(a.secretOf(token("x"))).toBe(new Signatures("a".repeat(32)).secretOf(token("x")));
    expect(new Set([a.secretOf(token("x")), a.secretOf(token("y")), b.secretOf(token("x"))]).size).toBe(3);
  });

  test("signs one text, whatever the order of the columns", () => {
    const text = signedText("b", { score: -0, columns: { z: "9007199254740993", a: 1e21 }, id: "i" });
    expect(text).toBe('["rankwire-submission-1","b",null,"i",0,[["a",1e+21],["z","9007199254740993"]],null]');
    expect(signedText("b", { id: "i", columns: { a: 1e21, z: "9007199254740993" }, score: 0 })).toBe(text);
  });
});
