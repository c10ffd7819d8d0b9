/** Submissions of players have a rate and a burst: of a player over all gateways, and of a socket. What is over it is kept by the SDK. */
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { createClient } from "../../client-sdk/index.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

/** Slow enough that none comes back while a test counts. */
const SLOW = { SUBMISSIONS_PER_SECOND: "0.01", SUBMISSIONS_BURST: "10" };

let servers: TestServer[];
beforeAll(async () => {
  servers = [await startServer(sharedRedisUrl(), SLOW), await startServer(sharedRedisUrl(), SLOW)];
});
afterAll(async () => {
  for (const server of servers) await server.stop();
});

async function createBoard(server: TestServer): Promise<string> {
  const board = uniqueBoard("submissions");
  const columns = [{ name: "score", max: 1_000_000 }];
  await server.createBoard(board, { operator: "incr", writers: "player", columns });
  return board;
}

async function client(server: TestServer, token: string): Promise<RawClient> {
  const raw = await new RawClient(server.url, token).connected();
  onTestFinished(() => raw.close());
  return raw;
}

async function scoreOf(server: TestServer, board: string, member: string): Promise<number> {
  const { body } = await server.call<{ score: number }>("GET", `/v1/boards/${board}/members/${member}`);
  return body.score;
}

describe("submissions over sockets", () => {
  test("of one player are limited over all sockets and gateways, exactly", async () => {
    const board = await createBoard(servers[0]!);
    const member = uniqueBoard("ada");
    const token = await servers[0]!.signIn(member);
    const sockets = await Promise.all([0, 1, 0].map((i) => client(servers[i]!, token)));
    const answers = await Promise.all(
      Array.from({ length: 45 }, (_, i) => sockets[i % 3]!.submit({ board, score: 1, id: `s${i}` })),
    );
    const refused = answers.filter((answer) => !answer.ok);
    expect(answers.length - refused.length).toBe(10);
    for (const answer of refused) {
      expect(answer).toMatchObject({
        error: { code: "limited", retryable: true, details: { limit: "submissions_player" } },
      });
      expect(!answer.ok && answer.error.retryAfterMs).toBeGreaterThan(90_000);
    }
    expect(await scoreOf(servers[0]!, board, member)).toBe(10);
    const other = await client(servers[0]!, await servers[0]!.signIn(uniqueBoard("bob")));
    expect(await other.submit({ board, score: 1 })).toMatchObject({ ok: true });
  });

  test("of one socket are limited in its gateway", async () => {
    const server = await startServer(sharedRedisUrl(), {
      SOCKET_SUBMISSIONS_PER_SECOND: "0.01",
      SOCKET_SUBMISSIONS_BURST: "4",
    });
    onTestFinished(() => server.stop());
    const board = await createBoard(server);
    const token = await server.signIn(uniqueBoard("ada"));
    const [first, second] = [await client(server, token), await client(server, token)];
    const send = (raw: RawClient) =>
      Promise.all(Array.from({ length: 7 }, () => raw.submit({ board, score: 1 })));
    const answers = await send(first);
    expect(answers.filter(({ ok }) => ok)).toHaveLength(4);
    expect(answers.at(-1)).toMatchObject({
      error: { code: "limited", retryable: true, details: { limit: "submissions_socket" } },
    });
    // The player's own limit has room for another socket.
    expect((await send(second)).filter(({ ok }) => ok)).toHaveLength(4);
  });
});

test("a game server's submissions are not limited by player", async () => {
  const board = await createBoard(servers[0]!);
  const member = uniqueBoard("ada");
  const submissions = Array.from({ length: 50 }, () => ({ member, score: 1 }));
  const { status } = await servers[0]!.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(status).toBe(200);
  expect(await scoreOf(servers[0]!, board, member)).toBe(50);
});

test("the SDK keeps what is over the limit and sends it when the server says, each counted once", {
  timeout: 30_000,
}, async () => {
  const server = await startServer(sharedRedisUrl(), {
    SUBMISSIONS_PER_SECOND: "20",
    SUBMISSIONS_BURST: "5",
  });
  onTestFinished(() => server.stop());
  const board = await createBoard(server);
  const member = uniqueBoard("ada");
  const sdk = createClient({ url: server.url, token: await server.signIn(member) });
  onTestFinished(() => sdk.close());
  const results = await Promise.all(Array.from({ length: 15 }, () => sdk.board(board).submit({ score: 1 })));
  expect(results.every(({ outcome }) => outcome === "accepted")).toBe(true);
  expect(await scoreOf(server, board, member)).toBe(15);
  const { body } = await server.call<string>("GET", "/metrics");
  expect(body).toMatch(/^rankwire_limited_total\{limit="submissions_player"\} [1-9]/m);
});
