/** Moderation on a real cluster: a board's shards lie on several masters, and one of them moves while entries are hidden and shown. */
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import calculateSlot from "cluster-key-slot";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";

const BOARDS = ["points", "wide"];
const MEMBERS = Array.from({ length: 16 }, (_, i) => `p${i}`);
const PATIENCE = { withinMs: 20_000 };

let cluster: TestCluster;
let one: TestServer;
let other: TestServer;
beforeAll(async () => {
  cluster = await startTestCluster({ replicas: 0 });
  const settings = { DATA_DIR: mkdtempSync(join(testRunFolder(), "cluster-")), BANS_POLL_MS: "100" };
  one = await startServer(cluster.url, settings);
  other = await startServer(cluster.url, settings);
  await one.running.database.ready();
  await one.createBoard("points", { operator: "incr", shards: 8 });
  await one.createBoard("wide", { operator: "incr", shards: 8, ties: "earliest" });
  const submissions = MEMBERS.map((member, i) => ({ member, score: 100 - i, id: "first" }));
  for (const board of BOARDS)
    await one.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
}, 60_000);
afterAll(async () => {
  await other?.stop();
  await one?.stop();
  await cluster?.stop();
});

async function moderate(board: string, member: string, what: string, server = one, more: object = {}) {
  const path = `/v1/admin/boards/${board}/members/${member}/${what}`;
  const answer = await server.call("POST", path, { key: ADMIN_KEY, body: { reason: "seen", ...more } });
  expect(answer, `${what} ${member}`).toMatchObject({ status: 200 });
}

/** On both gateways. */
async function shows(board: string, members: readonly string[]): Promise<void> {
  for (const server of [one, other]) {
    await eventually(async () => {
      const { body } = await server.call<{ entries: { member: string }[] }>("GET", `/v1/boards/${board}/top`);
      expect(body.entries.map(({ member }) => member)).toEqual(members);
    }, PATIENCE);
  }
}

const without = (...gone: string[]): string[] => MEMBERS.filter((member) => !gone.includes(member));

test.each(
  BOARDS,
)("board %s: entries on every master are hidden, removed, restored and adjusted, by either gateway", async (board) => {
  const open = await one.running.registry.get(board);
  const owners = await Promise.all(open.shards.map(({ meta }) => cluster.masterOf(meta)));
  expect(new Set(owners.map(({ id }) => id)).size).toBe(3);
  await shows(board, MEMBERS);
  // Eight members: with next to certainty on each master.
  const half = MEMBERS.filter((_, i) => i % 2 === 1);
  await Promise.all(
    half.map((member, i) => moderate(board, member, i % 2 ? "hide" : "shadow", i % 2 ? one : other)),
  );
  await shows(board, without(...half));
  await Promise.all(half.map((member) => moderate(board, member, "remove", other)));
  await Promise.all(half.map((member) => moderate(board, member, "restore", one)));
  await shows(board, without(...half));
  await Promise.all(half.map((member) => moderate(board, member, "show", other)));
  await shows(board, MEMBERS);
  await moderate(board, "p15", "adjust", other, { score: 500 });
  await shows(board, ["p15", ...without("p15")]);
  await moderate(board, "p15", "adjust", one, { score: 85 });
  await shows(board, MEMBERS);
});

test("a shard moves to another master while its members are hidden, and a ban hides on all boards meanwhile", async () => {
  const open = await one.running.registry.get("points");
  const slot = calculateSlot(open.shards[0]!.meta);
  const from = await cluster.masterOf(open.shards[0]!.meta);
  const to = (await cluster.masters()).find(({ id }) => id !== from.id)!;
  const migration = await cluster.beginMigration(slot, to);
  await Promise.all(MEMBERS.slice(4).map((member) => moderate("points", member, "hide")));
  await one.call("PUT", "/v1/admin/bans/p0", { key: ADMIN_KEY, body: { mode: "hide", reason: "bots" } });
  await shows("points", ["p1", "p2", "p3"]);
  await shows("wide", without("p0"));
  await migration.finish();
  await Promise.all(MEMBERS.slice(4).map((member) => moderate("points", member, "show", other)));
  await one.call("DELETE", "/v1/admin/bans/p0", { key: ADMIN_KEY, body: { reason: "appeal" } });
  await shows("points", MEMBERS);
  await shows("wide", MEMBERS);
}, 60_000);
