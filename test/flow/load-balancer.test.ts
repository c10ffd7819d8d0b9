/** Two servers behind a load balancer that knows nothing of them: no sticky sessions, over sockets, server-sent events and HTTP. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient, type RankwireClient, type TopStore } from "../../client-sdk/index.ts";
import { eventually } from "../support/eventually.ts";
import { type RoundRobinProxy, startRoundRobinProxy } from "../support/round-robin-proxy.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const board = uniqueBoard("balanced");
const CLIENTS = 6;

let servers: TestServer[];
let proxy: RoundRobinProxy;
const clients: RankwireClient[] = [];
const tops: TopStore[] = [];
const readers: SseReader[] = [];

beforeAll(async () => {
  servers = [await startServer(sharedRedisUrl()), await startServer(sharedRedisUrl())];
  proxy = await startRoundRobinProxy(servers.map(({ running }) => running.port));
  await servers[0]!.createBoard(board, {
    operator: "incr",
    writers: "player",
    shards: 2,
    columns: [{ name: "s", max: 1e6 }],
  });
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const reader of readers) await reader.close();
  await proxy.close();
  for (const server of servers) await server.stop();
});

/** A session is opened at one server and used at whichever the balancer takes. */
async function playerAt(i: number): Promise<RankwireClient> {
  const token = await servers[i % 2]!.signIn(`p${i}`);
  const client = createClient({ url: proxy.url, token, backoffMinMs: 20, backoffMaxMs: 200 });
  clients.push(client);
  await client.connect();
  return client;
}

function seen(): (string | number)[][] {
  const bySocket = tops.map((top) =>
    top.getSnapshot().entries.map(({ member, score }) => `${member} ${score}`),
  );
  const byEvents = readers.map(({ rows }) => rows.map(([member, , score]) => `${member} ${score}`));
  return [...bySocket, ...byEvents];
}

async function allSee(expected: string[]): Promise<void> {
  await eventually(() => expect(seen()).toEqual(Array(CLIENTS + 4).fill(expected)));
}

describe("two servers behind any load balancer", () => {
  test("serve SDK clients and server-sent events alike, wherever each connection lands", async () => {
    for (let i = 0; i < CLIENTS; i++) {
      const top = (await playerAt(i)).board(board).top({ limit: 10 });
      top.subscribe(() => undefined);
      tops.push(top);
    }
    for (let i = 0; i < 4; i++) readers.push(await SseReader.open(proxy.url, board, { query: "?view=10" }));
    const results = await Promise.all(
      clients.map((client, i) => client.board(board).submit({ score: 10 * (i + 1) })),
    );
    expect(results.map(({ outcome }) => outcome)).toEqual(Array(CLIENTS).fill("accepted"));
    await allSee([60, 50, 40, 30, 20, 10].map((score) => `p${score / 10 - 1} ${score}`));
    expect(proxy.counts).toEqual([5, 5]);
  });

  test("take over each other's clients when one of them stops, and count nothing twice", async () => {
    const [leaving, staying] = servers as [TestServer, TestServer];
    await leaving.stop();
    servers = [staying];
    const results = await Promise.all(clients.map((client) => client.board(board).submit({ score: 1 })));
    expect(results.map(({ score }) => score)).toEqual([11, 21, 31, 41, 51, 61]);
    // An event source comes back with the id of its last event; these readers are told to.
    const ended = ({ response }: SseReader): boolean => response.closed;
    await eventually(() => expect(readers.filter(ended)).toHaveLength(2));
    for (const [i, reader] of readers.entries()) {
      if (!ended(reader)) continue;
      const again = { query: "?view=10", lastEventId: reader.id, from: reader };
      readers[i] = await SseReader.open(proxy.url, board, again);
    }
    await allSee([61, 51, 41, 31, 21, 11].map((score) => `p${(score - 1) / 10 - 1} ${score}`));
    const answer = await fetch(`${proxy.url}/v1/boards/${board}/top`, {
      headers: { authorization: `Bearer ${SERVER_KEY}` },
    });
    expect(answer.status).toBe(200);
    expect(readers.flatMap(({ gaps }) => gaps)).toEqual([]);
  });
});
