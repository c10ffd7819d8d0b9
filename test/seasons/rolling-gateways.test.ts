/**
 * Gateways that are submitted to all the time while seasons end: each acknowledged submission counts once, in one season, none is refused
 * for a gap, and everybody who follows goes on to the next season.
 */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClient } from "../../client-sdk/index.ts";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { SseReader } from "../flow/sse-reader.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

const MEMBERS = 20;
const SETTINGS = {
  SEASON_PREOPEN_MS: "2500",
  SEASON_GRACE_MS: "500",
  SEASON_LOOK_MS: "50",
  SEASON_LEASE_MS: "2000",
  // No database: what is over stays in Redis, where the test counts it.
  DATABASE_URL: "postgres://rankwire@127.0.0.1:1/none",
};
const WAIT = { withinMs: 25_000 };

type Scores = { season: number; results: SubmissionResult[] };

let testRedis: TestRedis;
let redis: Redis;
let servers: TestServer[];
beforeAll(async () => {
  testRedis = await startTestRedis();
  redis = await commandConnection(testRedis.url);
  // Two of them roll over; whoever has the lease does.
  servers = [
    await startServer(testRedis.url, { ...SETTINGS, ROLES: "gateway,merger,seasons" }),
    await startServer(testRedis.url, { ...SETTINGS, ROLES: "gateway,seasons" }),
    await startServer(testRedis.url, { ...SETTINGS, ROLES: "gateway" }),
  ];
});
afterAll(async () => {
  for (const server of servers ?? []) await server.stop();
  redis?.disconnect();
  await testRedis?.stop();
});

const roll = (board: string, body: object = {}) =>
  servers[2]!.call<{ season: number }>("POST", `/v1/admin/boards/${board}/rollover`, {
    key: ADMIN_KEY,
    body,
  });

async function seasonIs(board: string, number: number): Promise<void> {
  await eventually(() => {
    for (const { running } of servers) expect(running.registry.boards.get(board)?.season.number).toBe(number);
  }, WAIT);
}

/** The sums that Redis has of a season, by member. */
async function sums({ shards }: OpenBoard): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const { entries } of shards) {
    const flat = await redis.zrange(entries, "0", "-1", "WITHSCORES");
    for (let i = 0; i < flat.length; i += 2)
      if (flat[i] !== "") found.set(flat[i]!, 1_000_000 - Number(flat[i + 1]));
  }
  return found;
}

/** Submits 1 to random members until it is told to stop, and keeps a record of its own. */
class Player {
  readonly counted = new Map<number, Map<string, number>>();
  readonly refused: string[] = [];
  readonly lateNames: number[] = [];
  readonly #board: string;
  readonly #name: string;
  #sent = 0;
  /** What it heard last, as an SDK does. */
  #season = 1;

  constructor(board: string, name: string) {
    this.#board = board;
    this.#name = name;
  }

  /** @param named it says which season a submission is for, and sends it again to another gateway */
  async play(go: () => boolean, named: boolean): Promise<void> {
    while (go()) {
      const id = `${this.#name}-${this.#sent++}`;
      const submission = {
        member: `m${this.#sent % MEMBERS}`,
        score: 1,
        id,
        ...(named ? { season: this.#season } : {}),
      };
      const heard = await this.#send(submission, this.#sent);
      if (named) await this.#send(submission, this.#sent + 1);
      this.#season = heard;
    }
  }

  async #send(submission: { member: string; season?: number }, at: number): Promise<number> {
    const { status, body } = await servers[at % servers.length]!.call<Scores>(
      "POST",
      `/v1/boards/${this.#board}/scores`,
      {
        key: SERVER_KEY,
        body: { submissions: [submission] },
      },
    );
    if (status !== 200) throw new Error(`status ${status}: ${JSON.stringify(body)}`);
    const result = body.results[0]!;
    const season = submission.season ?? body.season;
    if (result.outcome === "accepted") {
      const counted = this.counted.get(season) ?? new Map<string, number>();
      this.counted.set(season, counted.set(submission.member, (counted.get(submission.member) ?? 0) + 1));
    } else if (result.outcome === "rejected") {
      // Who named a season that is over is told so; nobody else is refused.
      if (submission.season !== undefined && result.error.code === "season_closed")
        this.lateNames.push(season);
      else this.refused.push(result.error.code);
    }
    return body.season;
  }
}

describe("seasons that end while everybody submits", () => {
  test("take each acknowledged submission once, in one of them, and leave no gap", async () => {
    const board = uniqueBoard("rolling");
    await servers[0]!.createBoard(board, {
      operator: "incr",
      shards: 4,
      columns: [{ name: "points", max: 1_000_000 }],
    });
    let on = true;
    const players = Array.from({ length: 4 }, (_, i) => new Player(board, `p${i}`));
    const playing = Promise.all(players.map((player, i) => player.play(() => on, i % 2 === 1)));
    for (const season of [1, 2, 3]) {
      const { status, body } = await roll(board, { season });
      expect({ status, season: body.season }).toEqual({ status: 202, season });
      // Again, as after an answer that was lost: it is on its way.
      expect((await roll(board, { season })).status).toBe(202);
      await seasonIs(board, season + 1);
    }
    expect((await roll(board, { season: 1 })).status).toBe(409);
    await eventually(() => {
      const { closing } = servers[0]!.running.registry.record(board)!;
      expect(closing.map(({ season }) => season.state)).toEqual(["closed", "closed", "closed"]);
    }, WAIT);
    on = false;
    await playing;

    expect(players.flatMap(({ refused }) => refused)).toEqual([]);
    for (const season of [1, 2, 3, 4]) {
      const open = servers[0]!.running.registry.hot(board, season)!;
      const expected = new Map<string, number>();
      for (const { counted } of players) {
        for (const [member, count] of counted.get(season) ?? [])
          expected.set(member, (expected.get(member) ?? 0) + count);
      }
      expect([...(await sums(open))].sort()).toEqual([...expected].sort());
      expect(expected.size).toBe(MEMBERS);
    }
  }, 90_000);
});

describe("who follows a board when its season ends", () => {
  test("goes on to the next one: sockets, server-sent events, ranks, and the SDK", async () => {
    const board = uniqueBoard("followed");
    await servers[0]!.createBoard(board, { operator: "set", shards: 2, writers: "player" });
    const submit = (member: string, score: number) =>
      servers[1]!.call<Scores>("POST", `/v1/boards/${board}/scores`, {
        key: SERVER_KEY,
        body: { submissions: [{ member, score }] },
      });
    await submit("alonso", 1);
    const token = await servers[2]!.signIn("alonso");
    const raw = await new RawClient(servers[1]!.url).connected();
    await raw.follow(board, 10);
    const reader = await SseReader.open(servers[2]!.url, board);
    const ranks = await new StandingClient(servers[2]!.url, token).connected();
    await ranks.me(board);
    const client = createClient({ url: servers[2]!.url, token });
    await client.connect();
    const top = client.board(board).top({ limit: 10 });
    const unfollow = top.subscribe(() => undefined);
    await eventually(() => expect(top.getSnapshot().entries.length).toBe(1));

    await roll(board, { definition: { operator: "set", shards: 4, writers: "player", topSize: 50 } });
    await seasonIs(board, 2);
    expect((await submit("hamilton", 7)).body.season).toBe(2);

    const shows = ["hamilton"];
    await eventually(() => expect(raw.rows.map(([member]) => member)).toEqual(shows));
    expect(raw.snapshots.at(-1)?.season).toBe(2);
    expect(raw.gaps).toEqual([]);
    await eventually(() => expect(reader.rows.map(([member]) => member)).toEqual(shows));
    expect(reader.gaps).toEqual([]);
    await eventually(() => expect(ranks.ended.map(({ error }) => error.code)).toEqual(["season_changing"]));
    await eventually(() => expect(top.getSnapshot().entries.map(({ member }) => member)).toEqual(shows));
    // What the player submits now is for the season that its client has heard of.
    await client.board(board).submit({ score: 9 });
    await eventually(() => expect(raw.rows.map(([member]) => member)).toEqual(["alonso", "hamilton"]));
    await eventually(() => expect(reader.rows).toHaveLength(2));

    unfollow();
    client.close();
    ranks.close();
    reader.close();
    raw.close();
  }, 60_000);
});
