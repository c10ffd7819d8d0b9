/**
 * A season that is ended by hand on a cluster of three masters, with submissions all the time: each counts once, in one season; and the
 * top of the new season is the new season's. On a board of bests, where nothing is added, what was shown is carried over and what was hidden is not.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Entry, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestCluster, type TestCluster } from "../support/redis-cluster.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { viewsEqual } from "./cluster-view.ts";

const BOARD = "world";
const RECORDS = "records";
const MAX = 1_000_000;
const MEMBERS = 30;
const WAIT = { withinMs: 30_000 };
const SETTINGS = {
  SEASON_PREOPEN_MS: "2500",
  SEASON_GRACE_MS: "500",
  SEASON_LOOK_MS: "50",
  // No database: what is over stays in Redis, where the test counts it.
  DATABASE_URL: "postgres://rankwire@127.0.0.1:1/none",
};

type Sums = Map<string, number>;

let cluster: TestCluster;
let servers: TestServer[];
beforeAll(async () => {
  cluster = await startTestCluster({ replicas: 0 });
  servers = [
    await startServer(cluster.url, { ...SETTINGS, ROLES: "gateway,merger,seasons" }),
    await startServer(cluster.url, { ...SETTINGS, ROLES: "gateway,seasons" }),
    await startServer(cluster.url, { ...SETTINGS, ROLES: "gateway" }),
  ];
}, 60_000);
afterAll(async () => {
  for (const server of servers ?? []) await server.stop();
  await cluster?.stop();
});

const admin = (path: string, body: object, board = BOARD) =>
  servers[2]!.call("POST", `/v1/admin/boards/${board}/${path}`, { key: ADMIN_KEY, body });
const season = (number: number, board = BOARD): OpenBoard => servers[2]!.running.registry.hot(board, number)!;

/** Waits until a board is in its second season, and the first one is frozen. */
const rolledOver = (board: string, first: object) =>
  eventually(() => {
    const { season, closing } = servers[2]!.running.registry.record(board)!;
    expect(season.number).toBe(2);
    expect(closing).toMatchObject([{ season: { number: 1, state: "closed" }, ...first }]);
  }, WAIT);

/** The sums that the masters have of a season: of entries that are shown, and of hidden ones. */
async function sumsOf({ shards }: OpenBoard): Promise<{ shown: Sums; hidden: Sums }> {
  const read = async (keys: readonly string[]): Promise<Sums> => {
    const sums: Sums = new Map();
    for (const key of keys) {
      const { admin: redis } = await cluster.masterOf(key);
      const flat = await redis.zrange(key, "0", "-1", "WITHSCORES");
      for (let i = 0; i < flat.length; i += 2)
        if (flat[i] !== "") sums.set(flat[i]!, MAX - Number(flat[i + 1]));
    }
    return sums;
  };
  return {
    shown: await read(shards.map(({ entries }) => entries)),
    hidden: await read(shards.map(({ hidden }) => hidden)),
  };
}

/** Submits 1 for random members until it is told to stop, and notes in which season each has counted. */
class Player {
  readonly counted: Record<number, Sums> = { 1: new Map(), 2: new Map() };
  readonly refused: string[] = [];
  repeats = 0;
  readonly #name: string;
  #season = 1;

  constructor(name: string) {
    this.#name = name;
  }

  /** @param twice each is for the season that was heard of last, and is sent again at another gateway, as after a lost answer */
  async play(go: () => boolean, twice: boolean): Promise<void> {
    for (let sent = 0; go(); sent++) {
      const submission = { member: `m${sent % MEMBERS}`, score: 1, id: `${this.#name} ${sent}` };
      const named = twice ? { ...submission, season: this.#season } : submission;
      const heard = await this.#send(named, sent);
      if (twice) await this.#send(named, sent + 1);
      this.#season = heard;
    }
  }

  async #send(submission: { member: string; season?: number }, at: number): Promise<number> {
    const { status, body } = await servers[at % servers.length]!.call<{
      season: number;
      results: SubmissionResult[];
    }>("POST", `/v1/boards/${BOARD}/scores`, { key: SERVER_KEY, body: { submissions: [submission] } });
    if (status !== 200) throw new Error(`${status}: ${JSON.stringify(body)}`);
    const [result] = body.results;
    const { member, season = body.season } = submission;
    const sums = this.counted[season]!;
    if (result!.outcome === "accepted") sums.set(member, (sums.get(member) ?? 0) + 1);
    else if (result!.outcome === "duplicate") this.repeats++;
    else if (result!.outcome !== "rejected") this.refused.push(result!.outcome);
    // Who names a season that is over is told so; nobody else is refused.
    else if (submission.season !== 1 || result!.error.code !== "season_closed")
      this.refused.push(result!.error.code);
    return body.season;
  }
}

function sumOf(players: readonly Player[], number: number): Sums {
  return together(players.map(({ counted }) => counted[number]!));
}

function together(all: readonly Sums[]): Sums {
  const sums: Sums = new Map();
  for (const [member, count] of all.flatMap((one) => [...one]))
    sums.set(member, (sums.get(member) ?? 0) + count);
  return sums;
}

test("each submission counts in one season, and the new top is served", {
  timeout: 90_000,
}, async () => {
  await servers[0]!.createBoard(BOARD, {
    operator: "incr",
    shards: 8,
    columns: [{ name: "points", max: MAX }],
  });
  const { shards } = await servers[0]!.running.registry.get(BOARD);
  const masters = await Promise.all(shards.map(({ entries }) => cluster.masterOf(entries)));
  expect(new Set(masters).size).toBe(3);
  const watcher = await new RawClient(servers[1]!.url).connected();
  await watcher.follow(BOARD, "all");

  let on = true;
  const players = Array.from({ length: 4 }, (_, i) => new Player(`p${i}`));
  const playing = Promise.all(players.map((player, i) => player.play(() => on, i % 2 === 1)));
  const everybodyIn = (number: number) =>
    eventually(() => expect(sumOf(players, number).size).toBe(MEMBERS), WAIT);
  try {
    await everybodyIn(1);
    expect((await admin("rollover", { season: 1 })).status).toBe(202);
    await rolledOver(BOARD, { carried: true });
    await everybodyIn(2);
  } finally {
    on = false;
  }
  await playing;

  expect(players.flatMap(({ refused }) => refused)).toEqual([]);
  expect(players[1]!.repeats).toBeGreaterThan(0);
  const [one, two] = [sumOf(players, 1), sumOf(players, 2)];
  expect([one.size, two.size]).toEqual([MEMBERS, MEMBERS]);
  const first = await sumsOf(season(1));
  expect([...first.shown].sort()).toEqual([...one].sort());
  const second = await sumsOf(season(2));
  expect([...second.shown].sort()).toEqual([...two].sort());

  await viewsEqual([watcher], second.shown);
  expect(watcher.snapshots.at(-1)?.season).toBe(2);
  expect(watcher.gaps).toEqual([]);
  watcher.close();
  for (const server of servers) {
    await eventually(async () => {
      const { body } = await server.call<{ season: number; total: number; entries: Entry[] }>(
        "GET",
        `/v1/boards/${BOARD}/top?limit=100`,
      );
      expect(body).toMatchObject({ season: 2, total: MEMBERS });
      expect(new Map(body.entries.map(({ member, score }) => [member, score]))).toEqual(second.shown);
    }, WAIT);
    expect((await server.call("GET", `/v1/boards/${BOARD}/members/cheat`)).status).toBe(404);
  }
});

test("bests that are shown are carried over, and who is hidden is not", { timeout: 60_000 }, async () => {
  await servers[0]!.createBoard(RECORDS, {
    operator: "best",
    shards: 8,
    columns: [{ name: "points", max: MAX }],
    season: { schedule: "manual", carryOver: { rule: "keep" } },
  });
  const submissions = Array.from({ length: 300 }, (_, i) => ({ member: `m${i}`, score: 1_000 + i }));
  await servers[0]!.call("POST", `/v1/boards/${RECORDS}/scores`, { key: SERVER_KEY, body: { submissions } });
  expect((await admin("members/m7/hide", { reason: "not by hand" }, RECORDS)).status).toBe(200);
  expect((await admin("rollover", { season: 1 }, RECORDS)).status).toBe(202);
  await rolledOver(RECORDS, {});
  const first = await sumsOf(season(1, RECORDS));
  expect([first.shown.size, [...first.hidden]]).toEqual([299, [["m7", 1_007]]]);
  // The record does not say that they are carried over before an archive has them, and there is none here.
  await eventually(async () => {
    const second = await sumsOf(season(2, RECORDS));
    expect([...second.shown].sort()).toEqual([...first.shown].sort());
    expect([...second.hidden]).toEqual([]);
  }, WAIT);
});
