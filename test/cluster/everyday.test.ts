/** Everyday life on a real cluster of 3 masters and 3 replicas: two whole servers, every way to write and to read. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Entry } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { SseReader } from "../flow/sse-reader.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { slotsOf } from "./cluster-view.ts";

const DEFINITION: BoardDefinition = { operator: "set", columns: [{ name: "s", max: 12 }], topSize: 40 };

let cluster: TestCluster;
let servers: [TestServer, TestServer];
beforeAll(async () => {
  cluster = await startTestCluster();
  servers = [await startServer(cluster.url), await startServer(`${cluster.nodes[1]!.url}?cluster=true`)];
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await cluster.stop();
});

async function submit(server: TestServer, board: string, submissions: object[]): Promise<void> {
  const { status, body } = await server.call<{ counts: { rejected: number } }>(
    "POST",
    `/v1/boards/${board}/scores`,
    { key: SERVER_KEY, body: { submissions } },
  );
  expect([status, body.counts.rejected]).toEqual([200, 0]);
}

/** Few scores for many members: whole groups are tied across all shards. */
async function populated(board: string, shards: number): Promise<Entry[]> {
  const [server] = servers;
  await server.createBoard(board, { ...DEFINITION, shards });
  const model = new NaiveBoard((await server.running.registry.get(board)).board);
  const submissions = Array.from({ length: 300 }, (_, i) => ({ member: `m${i}`, score: (i * 7) % 13 }));
  await submit(server, board, submissions);
  for (const { member, score } of submissions) model.submit({ member, values: [score], id: "", at: 0 });
  return model.ranked().map(({ member, values, rank }) => ({ rank, member, score: Number(values[0]) }));
}

describe("boards", () => {
  test("spread their shards evenly over the masters", async () => {
    const [server] = servers;
    const counts = new Map<string, number>();
    for (const board of ["even-a", "even-b"]) {
      await server.createBoard(board, { ...DEFINITION, shards: 16 });
      const { shards } = await server.running.registry.get(board);
      for (const { meta } of shards) {
        const { id } = await cluster.masterOf(meta);
        counts.set(id, (counts.get(id) ?? 0) + 1);
      }
    }
    expect(counts.size).toBe(3);
    // 16 equal shares of the slots on 3 masters: 5 or 6 each.
    for (const count of counts.values()) expect([10, 11, 12]).toContain(count);
  });

  test("say to an admin on which master each shard lies", async () => {
    const [server] = servers;
    await server.createBoard("where", { ...DEFINITION, shards: 8 });
    await submit(
      server,
      "where",
      Array.from({ length: 64 }, (_, i) => ({ member: `m${i}`, score: 1 })),
    );
    const { body } = await server.call<{ shards: { shard: number; members: number; node: string }[] }>(
      "GET",
      "/v1/admin/boards/where/shards",
      { key: ADMIN_KEY },
    );
    const { shards } = await server.running.registry.get("where");
    const places = await Promise.all(shards.map(({ entries }) => cluster.masterOf(entries)));
    expect(body.shards.map(({ node }) => node)).toEqual(places.map(({ url }) => new URL(url).host));
    expect(body.shards.reduce((all, { members }) => all + members, 0)).toBe(64);
  });

  test("answer the same as the naive model, with ties across shards: ranks, around, top, pages by cursor", async () => {
    const expected = await populated("model", 8);
    const [, other] = servers;
    const members = expected.map(({ member }) => member);
    await eventually(async () => {
      const { body } = await other.call<{ entries: Entry[] }>("GET", "/v1/boards/model/top?limit=40");
      expect(body.entries).toEqual(expected.slice(0, 40));
    });
    const { body } = await other.call<{ entries: Entry[] }>("POST", "/v1/boards/model/members", {
      body: { members },
    });
    const byMember = new Map(body.entries.map((entry) => [entry.member, entry]));
    expect(members.map((member) => byMember.get(member))).toEqual(expected);
    for (const at of [0, 3, 77, 150, 299]) {
      const { body: around } = await other.call<{ entries: Entry[] }>(
        "GET",
        `/v1/boards/model/members/${members[at]}/around?limit=9`,
      );
      const from = Math.min(Math.max(0, at - 4), 291);
      expect(around.entries).toEqual(expected.slice(from, from + 9));
      const { body: one } = await other.call(
        "GET",
        `/v1/boards/model/members/${members[at]}?precision=exact`,
      );
      expect(one).toMatchObject({ ...expected[at], exact: true, total: 300 });
    }
    const walked: Entry[] = [];
    for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
      const query = cursor === undefined ? "" : `&cursor=${cursor}`;
      const page = await other.call<{ entries: Entry[]; cursor?: string }>(
        "GET",
        `/v1/boards/model/top?limit=35${query}`,
      );
      walked.push(...page.body.entries);
      cursor = page.body.cursor;
    }
    expect(walked).toEqual(expected);
  });

  test("count an id once, whichever gateway it comes to", async () => {
    await servers[0].createBoard("ids", { operator: "incr", shards: 4 });
    const submissions = Array.from({ length: 50 }, (_, i) => ({ member: `p${i}`, score: 2, id: "same" }));
    for (let i = 0; i < 4; i++) await submit(servers[i % 2]!, "ids", submissions);
    const { body } = await servers[1].call<{ entries: Entry[] }>("POST", "/v1/boards/ids/members", {
      body: { members: submissions.map(({ member }) => member) },
    });
    expect(new Set(body.entries.map(({ score }) => score))).toEqual(new Set([2]));
    expect(body.entries).toHaveLength(50);
  });

  test("of every master reach the other gateway when they are created and changed", async () => {
    for (let i = 0; i < 6; i++) {
      await servers[i % 2]!.createBoard(`made-${i}`, { operator: "best", shards: 1 });
      await eventually(async () => {
        expect((await servers[(i + 1) % 2]!.call("GET", `/v1/boards/made-${i}`)).status).toBe(200);
      });
    }
    const masters = new Set<string>();
    for (let i = 0; i < 6; i++) {
      const { feed } = await servers[0].running.registry.get(`made-${i}`);
      masters.add((await cluster.masterOf(feed.state)).id);
    }
    expect(masters.size).toBeGreaterThan(1);
  });
});

describe("sessions", () => {
  test("opened at one gateway are known to the other, and submit over a socket", async () => {
    await servers[0].createBoard("players", { operator: "best", writers: "player", shards: 2 });
    for (const player of ["ann", "bob", "cid", "dan"]) {
      const client = await new RawClient(servers[1].url, await servers[0].signIn(player)).connected();
      const reply = await client.submit({ board: "players", score: 5 });
      client.close();
      expect(reply).toMatchObject({ ok: true, result: { outcome: "accepted", score: 5 } });
    }
  });
});

describe("feeds", () => {
  test("of boards on every master reach sockets and event streams of both gateways without a gap", async () => {
    const boards = ["feed-a", "feed-b", "feed-c", "feed-d", "feed-e"];
    const owners = new Set<string>();
    for (const board of boards) {
      await servers[0].createBoard(board, { operator: "incr", shards: 4 });
      const { feed } = await servers[0].running.registry.get(board);
      owners.add((await cluster.masterOf(feed.state)).id);
    }
    expect(owners.size).toBe(3);
    const readers: (RawClient | SseReader)[] = [];
    const viewers = boards.flatMap((board) => servers.map((server) => ({ board, server })));
    const open = await Promise.all(
      viewers.map(async ({ board, server }) => {
        const client = await new RawClient(server.url).connected();
        await client.follow(board);
        const reader = await SseReader.open(server.url, board);
        readers.push(client, reader);
        return { board, views: [client, reader] };
      }),
    );
    for (let round = 1; round <= 10; round++) {
      for (const [i, board] of boards.entries()) {
        const submissions = Array.from({ length: 8 }, (_, m) => ({ member: `m${m}`, score: m + 1 }));
        await submit(servers[(round + i) % 2]!, board, submissions);
      }
    }
    const expected = Array.from({ length: 8 }, (_, m) => [`m${7 - m}`, 10 * (8 - m)]);
    await eventually(() => {
      for (const { views } of open) {
        for (const { rows } of views)
          expect(rows.map(([member, , score]) => [member, score])).toEqual(expected);
      }
    });
    for (const { gaps } of readers) expect(gaps).toEqual([]);
    // The layer below was not needed either: nothing was lost on the way to the gateways.
    for (const server of servers) {
      const { body } = await server.call<string>("GET", "/metrics", { key: ADMIN_KEY });
      expect(body).toMatch(/^rankwire_feed_gaps_total 0$/m);
      expect(body).toMatch(/^rankwire_feed_probes_lost_total 0$/m);
    }
    for (const reader of readers) await reader.close();
  });
});

describe("every part of a server", () => {
  test("finds the cluster ready, with one pub/sub connection to each master", async () => {
    expect(await servers[0].call("GET", "/readyz")).toMatchObject({ status: 200, body: { unready: [] } });
    await eventually(async () => {
      for (const { admin } of await cluster.masters()) {
        const names = String(await admin.client("LIST")).match(/name=rankwire-listener/g);
        expect(names).toHaveLength(servers.length);
      }
    });
  });

  test("runs on when one node has forgotten its scripts", async () => {
    const expected = await populated("scripts", 8);
    const [master] = await cluster.masters();
    await master!.admin.script("FLUSH");
    const members = expected.map(({ member }) => member);
    const { status, body } = await servers[1].call<{ entries: Entry[] }>(
      "POST",
      "/v1/boards/scripts/members",
      { body: { members } },
    );
    expect([status, body.entries.length]).toEqual([200, 300]);
    await master!.admin.script("FLUSH");
    await submit(servers[0], "scripts", [{ member: "last", score: 12 }]);
    expect((await slotsOf(servers[0], "scripts")).shards).toHaveLength(8);
  });
});
