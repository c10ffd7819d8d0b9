/**
 * Masters die, hang and come back under load: writes work again within seconds, viewers take a snapshot of a fresh epoch [R 7] and equal
 * the board, and nothing counts twice [R 2]. What a replica had not received yet when its master died is lost, although it was
 * acknowledged: Redis replicates asynchronously. It is counted here against the record, and cannot be more than was under way.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { type ClusterNode, startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { ScoreLoad } from "../support/score-load.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { players, pointsOf, viewsEqual } from "./cluster-view.ts";

const PLAYERS = players("p", 40);
const LANES = 4;

let loads = 0;

let cluster: TestCluster;
let servers: [TestServer, TestServer];
const clients: RawClient[] = [];
beforeAll(async () => {
  cluster = await startTestCluster();
  // Without the slow comparison of positions: pub/sub itself must notice what it missed.
  const settings = { FEED_CHECK_MS: "600000", FEED_PROBE_MS: "1000", LEASE_TTL_MS: "1000" };
  servers = [await startServer(cluster.url, settings), await startServer(cluster.url, settings)];
});
afterAll(async () => {
  for (const client of clients) client.close();
  for (const server of servers) await server.stop();
  await cluster.stop();
});

type Watched = { board: string; viewers: RawClient[]; master: ClusterNode };

/** A board with a viewer at each gateway, and the master that has its feed and at least one of its shards. */
async function watchedBoard(board: string): Promise<Watched> {
  await servers[0].createBoard(board, {
    operator: "incr",
    shards: 8,
    columns: [{ name: "score", max: 1_000_000_000 }],
  });
  const viewers = await Promise.all(servers.map(({ url }) => new RawClient(url).connected()));
  for (const viewer of viewers) await viewer.follow(board);
  clients.push(...viewers);
  const { feed } = await servers[0].running.registry.get(board);
  return { board, viewers, master: await cluster.masterOf(feed.state) };
}

/** Every master has shards of the board, so a round passes only when all of them take writes. */
async function moreRounds(load: ScoreLoad, count = 3 * LANES): Promise<void> {
  const wanted = load.rounds + count;
  await eventually(() => expect(load.rounds).toBeGreaterThanOrEqual(wanted), { withinMs: 30_000 });
}

/** @returns how many acknowledged points are not on the board */
async function lostPoints(load: ScoreLoad, board: string): Promise<number> {
  const points = await pointsOf(servers[1], board, PLAYERS);
  let lost = 0;
  for (const [player, acknowledged] of load.acknowledged) {
    expect(points.get(player) ?? 0, `${player} counts more than was acknowledged`).toBeLessThanOrEqual(
      acknowledged,
    );
    lost += acknowledged - (points.get(player) ?? 0);
  }
  return lost;
}

/** A second load on other players, after the trouble: nothing of it may be missing. The viewers equal the whole board after it. */
async function goesOn({ board, viewers }: Watched): Promise<void> {
  const others = players(`after-${++loads}-`, 20);
  const load = new ScoreLoad(servers[1], { board, players: others, lanes: LANES });
  await load.during(() => moreRounds(load));
  expect(load.refused).toBe(0);
  expect(await pointsOf(servers[0], board, others)).toEqual(load.acknowledged);
  const everybody = [
    ...PLAYERS,
    ...Array.from({ length: loads }, (_, i) => players(`after-${i + 1}-`, 20)).flat(),
  ];
  await viewsEqual(viewers, await pointsOf(servers[0], board, everybody));
  for (const { gaps } of viewers) expect(gaps).toEqual([]);
  await eventually(
    async () => {
      for (const server of servers) expect((await server.call("GET", "/readyz")).status).toBe(200);
    },
    { withinMs: 15_000 },
  );
}

/** Of what is published and seen, so that a merger has looked at the shards at least once. */
async function epochOf({ viewers }: Watched): Promise<string | undefined> {
  await eventually(() => {
    for (const { rows } of viewers) expect(rows.length).toBeGreaterThanOrEqual(PLAYERS.length);
    expect(new Set(viewers.map(({ position }) => position?.epoch)).size).toBe(1);
  });
  return viewers[0]!.position?.epoch;
}

describe("a master", () => {
  test("is killed: its replica takes over; it comes back, and takes over in its turn", {
    timeout: 90_000,
  }, async () => {
    const watched = await watchedBoard("killed");
    const { board, viewers, master } = watched;
    const load = new ScoreLoad(servers[0], { board, players: PLAYERS, lanes: LANES });
    let epoch: string | undefined;
    await load.during(async () => {
      await moreRounds(load);
      epoch = await epochOf(watched);
      await cluster.kill(master);
      await moreRounds(load);
    });
    expect(await lostPoints(load, board)).toBeLessThanOrEqual(LANES * PLAYERS.length);
    await goesOn(watched);
    expect(await epochOf(watched)).not.toBe(epoch);
    for (const { snapshots } of viewers) expect(snapshots.length).toBeGreaterThan(0);

    await cluster.start(master);
    await cluster.whole();
    expect(await master.admin.info("replication")).toContain("role:slave");
    const second = await cluster.masterOf((await servers[0].running.registry.get(board)).feed.state);
    expect(second).not.toBe(master);
    await cluster.kill(second);
    await eventually(async () => expect(await master.admin.info("replication")).toContain("role:master"));
    await cluster.start(second);
    await cluster.whole();
    await goesOn(watched);
  });

  test("is killed and comes back before anybody takes over", { timeout: 90_000 }, async () => {
    const watched = await watchedBoard("restarted");
    const { board, master } = watched;
    const load = new ScoreLoad(servers[0], { board, players: PLAYERS, lanes: LANES });
    await load.during(async () => {
      await moreRounds(load);
      await cluster.kill(master);
      await cluster.start(master);
      await moreRounds(load);
    });
    expect(await lostPoints(load, board)).toBeLessThanOrEqual(LANES * PLAYERS.length);
    await goesOn(watched);
    await cluster.whole();
  });

  test("that has only shards of a board hangs, is overtaken, and wakes up: the feed has a fresh epoch too [R 7]", {
    timeout: 90_000,
  }, async () => {
    const watched = await watchedBoard("hanging");
    const { board } = watched;
    const master = (await cluster.masters()).find((node) => node !== watched.master)!;
    let epoch: string | undefined;
    const load = new ScoreLoad(servers[0], { board, players: PLAYERS, lanes: LANES });
    await load.during(async () => {
      await moreRounds(load);
      epoch = await epochOf(watched);
      cluster.pause(master);
      await moreRounds(load);
      cluster.resume(master);
      await moreRounds(load);
    });
    expect(await lostPoints(load, board)).toBeLessThanOrEqual(LANES * PLAYERS.length);
    await cluster.whole();
    await goesOn(watched);
    // The master that woke up may have told the old history once more, before it heard that it is none any more.
    await eventually(async () => expect(await epochOf(watched)).not.toBe(epoch));
  });
});

describe("all nodes", () => {
  test("hang for a while: /readyz says so, and all goes on afterwards", { timeout: 90_000 }, async () => {
    const watched = await watchedBoard("all-hang");
    const { board } = watched;
    const load = new ScoreLoad(servers[0], { board, players: PLAYERS, lanes: LANES });
    await load.during(async () => {
      await moreRounds(load);
      for (const node of cluster.nodes) cluster.pause(node);
      await eventually(async () => {
        const { status, body } = await servers[0].call<{ unready: string[] }>("GET", "/readyz");
        expect([status, body.unready]).toEqual([503, expect.arrayContaining(["redis"])]);
      });
      for (const node of cluster.nodes) cluster.resume(node);
      await moreRounds(load);
    });
    expect(await lostPoints(load, board)).toBeLessThanOrEqual(LANES * PLAYERS.length);
    await cluster.whole();
    await goesOn(watched);
  });
});
