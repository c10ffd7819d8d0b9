/**
 * Slots move between masters under load, key by key, so that scripts meet MOVED, ASK and TRYAGAIN [R 1]: every acknowledged submission
 * counts exactly once [R 2], and every view equals the board afterwards.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardLayout } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ClusterNode, startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { players, pointsOf, slotsOf, viewsEqual } from "./cluster-view.ts";

const PLAYERS = players("p", 30);
const HUGE = { name: "huge", max: 2 ** 53 - 2 };

let cluster: TestCluster;
let servers: [TestServer, TestServer];
const clients: RawClient[] = [];
beforeAll(async () => {
  // Replicas have no part in this.
  cluster = await startTestCluster({ replicas: 0 });
  // Positions are not compared in the meantime: what is lost must be noticed by what moved.
  const settings = { FEED_CHECK_MS: "600000" };
  servers = [await startServer(cluster.url, settings), await startServer(cluster.url, settings)];
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const server of servers) await server.stop();
  await cluster.stop();
});

/** A board with a viewer at each gateway; wide by a second column, which stays 0. */
async function boardWithViewers(
  id: string,
  shards: number,
  layout: BoardLayout = "packed",
): Promise<RawClient[]> {
  const made = await servers[0].createBoard(id, {
    operator: "incr",
    shards,
    columns: [{ name: "score", max: 1_000_000_000 }, ...(layout === "wide" ? [HUGE] : [])],
  });
  expect(made.layout).toBe(layout);
  const viewers = await Promise.all(servers.map(({ url }) => new RawClient(url).connected()));
  for (const viewer of viewers) await viewer.follow(id);
  clients.push(...viewers);
  return viewers;
}

/** Move each slot to every other master in turn, and so back to where it was or elsewhere. */
async function moveAround(slots: readonly number[], times: number): Promise<void> {
  const masters = await cluster.masters();
  for (let time = 0; time < times; time++) {
    for (const [i, slot] of slots.entries()) {
      const to = masters[(i + time) % masters.length] as ClusterNode;
      await cluster.migrateSlot(slot, to);
    }
  }
}

describe("submissions while the slots of their shards move", () => {
  for (const [withIds, layout] of [
    [true, "packed"],
    [false, "packed"],
    [true, "wide"],
  ] as const) {
    const name = `${withIds ? "with" : "without"} ids, ${layout}: none fails, none is lost, none counts twice`;
    test(name, { timeout: 60_000 }, async () => {
      const board = `moving-${withIds ? "ids" : "bare"}-${layout}`;
      const viewers = await boardWithViewers(board, 4, layout);
      const { shards } = await slotsOf(servers[0], board);
      const load = new ScoreLoad(servers[0], { board, players: PLAYERS, withIds });
      const other = new ScoreLoad(servers[1], { board, players: players("q", 30), withIds });
      await load.during(() => other.during(() => moveAround(shards, 4)));
      expect([load.refused, other.refused]).toEqual([0, 0]);
      // It was not quiet while they moved.
      for (const kind of ["MOVED", "ASK", "TRYAGAIN"])
        expect(await cluster.errorCount(kind)).toBeGreaterThan(0);
      expect(load.rounds).toBeGreaterThan(10);
      const points = await pointsOf(servers[1], board, [...PLAYERS, ...players("q", 30)]);
      expect(points).toEqual(new Map([...load.acknowledged, ...other.acknowledged]));
      await viewsEqual(viewers, points);
      for (const { gaps } of viewers) expect(gaps).toEqual([]);
    });
  }
});

describe("a feed while its slot moves", () => {
  test("shows the board to the viewers of both gateways, without a gap on their side", {
    timeout: 60_000,
  }, async () => {
    const viewers = await boardWithViewers("moving-feed", 2);
    const { feed, shards } = await slotsOf(servers[0], "moving-feed");
    const load = new ScoreLoad(servers[0], { board: "moving-feed", players: PLAYERS });
    await load.during(() => moveAround([feed, shards[0]!], 5));
    expect(load.refused).toBe(0);
    const points = await pointsOf(servers[1], "moving-feed", PLAYERS);
    expect(points).toEqual(load.acknowledged);
    await viewsEqual(viewers, points);
    for (const { gaps } of viewers) expect(gaps).toEqual([]);
  });

  test("hears the next frame after the slot has moved in silence, also on a board of its own slot", async () => {
    for (let i = 0; i < 4; i++) {
      const board = `silent-${i}`;
      const viewers = await boardWithViewers(board, 1);
      const { feed } = await slotsOf(servers[0], board);
      const { feed: keys } = await servers[0].running.registry.get(board);
      const from = await cluster.masterOf(keys.state);
      const to = (await cluster.masters()).find((node) => node !== from)!;
      await cluster.migrateSlot(feed, to);
      await servers[1].call("POST", `/v1/boards/${board}/scores`, {
        key: SERVER_KEY,
        body: { submissions: [{ member: "a", score: 1 }] },
      });
      await viewsEqual(viewers, new Map([["a", 1]]));
      // And nothing stays behind on the old master.
      await eventually(async () => {
        const left = (await from.admin.call("PUBSUB", "SHARDCHANNELS", keys.channel)) as string[];
        expect(left).toEqual([]);
        const counts = (await to.admin.call("PUBSUB", "SHARDNUMSUB", keys.channel)) as [string, number];
        expect(counts[1]).toBe(servers.length);
      });
    }
  });

  test("goes on after all pub/sub connections were killed, with what was published meanwhile", async () => {
    const viewers = await boardWithViewers("killed-listeners", 2);
    for (let score = 1; score <= 5; score++) {
      for (const { admin } of await cluster.masters()) await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      await servers[score % 2]!.call("POST", "/v1/boards/killed-listeners/scores", {
        key: SERVER_KEY,
        body: { submissions: [{ member: "a", score: 1 }] },
      });
      await viewsEqual(viewers, new Map([["a", score]]));
    }
    for (const { gaps } of viewers) expect(gaps).toEqual([]);
  });
});
