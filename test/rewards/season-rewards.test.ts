/** Rewards from a season's rollover to the player who claims one, with everything running. */
import { existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Notice } from "../../client-sdk/protocol/messages.ts";
import type { RewardRule } from "../../server/leaderboard/reward-rules.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { listenToAll, type Told, toldOf } from "../support/reward-season.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, testRunFolder, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

const QUICK = {
  ...{ SEASON_PREOPEN_MS: "1500", SEASON_GRACE_MS: "200", SEASON_LOOK_MS: "50", REWARDS_LOOK_MS: "50" },
  ROLES: "gateway,merger,archiver,seasons",
};
const RULES: RewardRule[] = [
  { id: "gold", ranks: { from: 1, to: 1 }, reward: { coins: 100, badge: "é" } },
  { id: "half", topPercent: 50, reward: "a hat" },
  { id: "hundred", minScore: 100, reward: [5] },
];
/** Ranks 1, 1, 3, 4, 5, 6 without the shadow; half of six are three. */
const SCORES = { ann: 500, bob: 500, eve: 450, cid: 300, dan: 200, fay: 100, gus: 99 };
const GRANTED = [
  ["ann", 1, "gold"],
  ["bob", 1, "gold"],
  ["cid", 3, "half"],
  ["dan", 4, "hundred"],
  ["fay", 5, "hundred"],
].map(([member, rank, rule]) => ({ member, rank, rule }));

type Listed = { id: string; member: string; claimedAt: string | null; revokedAt: string | null };
type Page = { rewards: Listed[]; cursor?: string };

describeOnBoth("the rewards of a season", (store) => {
  let redis: TestRedis;
  let server: TestServer;
  let board: string;
  /** Notices by player; ann has two sockets. */
  const notices = new Map<string, Notice[]>();
  const clients: StandingClient[] = [];
  const tokens = new Map<string, string>();

  beforeAll(async () => {
    redis = await startTestRedis();
    server = await startServer(redis.url, { ...QUICK, ...store.settings() });
    await listenToAll(server.running.database);
    board = uniqueBoard("rewarded");
    await playSeason();
  }, 90_000);
  afterAll(async () => {
    for (const { socket } of clients) socket.disconnect();
    await server.stop();
    await redis.stop();
  });

  const admin = <T>(method: string, path: string, body?: unknown) =>
    server.call<T>(method, `/v1/admin/boards/${board}${path}`, { key: ADMIN_KEY, body });
  const read = async <T>(path: string, key: string): Promise<T> =>
    (await server.call<T>("GET", path, { key })).body;

  async function follow(member: string): Promise<void> {
    const token = await server.signIn(member);
    tokens.set(member, token);
    const client = new StandingClient(server.url, token);
    const heard = notices.get(member) ?? [];
    notices.set(member, heard);
    client.socket.on("notice", (notice: Notice) => heard.push(notice));
    clients.push(await client.connected());
  }

  async function rollOver(id: string): Promise<void> {
    await server.call("POST", `/v1/admin/boards/${id}/rollover`, { key: ADMIN_KEY, body: { season: 1 } });
    await eventually(async () => {
      expect((await server.running.registry.get(id)).season.number).toBe(2);
    });
  }

  async function playSeason(): Promise<void> {
    await server.createBoard(board, { operator: "set", shards: 2, rewards: RULES.slice(1) });
    expect((await admin("PATCH", "", { rewards: RULES })).body).toMatchObject({ rewards: RULES });
    const submissions = Object.entries(SCORES).map(([member, score]) => ({ member, score }));
    await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
    await admin("POST", "/members/eve/shadow", { reason: "too fast" });
    for (const member of ["ann", "ann", "eve", "fay", "gus"]) await follow(member);
    await rollOver(board);
    // Too late for the season that is over.
    await admin("PATCH", "", { rewards: [{ id: "late", topPercent: 100, reward: 1 }] });
    await eventually(
      async () => {
        const { body } = await admin("GET", "/seasons/1/rewards/progress");
        expect(body).toMatchObject({ state: "done", entries: 6, granted: 5 });
      },
      { withinMs: 40_000 },
    );
  }

  it("go by the rules of its end, and leave out who is out of sight; the present season has none yet", async () => {
    const pages: Page[] = [];
    for (let cursor = ""; ; ) {
      const path = `/v1/boards/${board}/seasons/1/rewards?limit=2${cursor}`;
      const page = await read<Page>(path, SERVER_KEY);
      pages.push(page);
      if (page.cursor === undefined) break;
      cursor = `&cursor=${page.cursor}`;
    }
    expect(pages.map(({ rewards }) => rewards.length)).toEqual([2, 2, 1]);
    expect(pages.flatMap(({ rewards }) => rewards)).toMatchObject(GRANTED);
    expect(pages[0]!.rewards[0]).toMatchObject({ id: `${board}.1.ann`, reward: RULES[0]!.reward });
    expect(await read(`/v1/boards/${board}/seasons/2/rewards`, SERVER_KEY)).toMatchObject({ rewards: [] });
    const { body } = await server.call("GET", `/v1/boards/${board}/seasons/3/rewards`, { key: SERVER_KEY });
    expect(body).toMatchObject({ error: { code: "season_not_found" } });
    expect((await admin("GET", "/seasons/2/rewards/progress")).body).toMatchObject({
      state: "open",
      granted: 0,
    });
  });

  it("are told once to each socket of a player who is connected and has one", async () => {
    const told = (member: string, rank: number, rule: string, reward: unknown) => ({
      kind: "reward",
      data: { id: `${board}.1.${member}`, board, season: 1, rank, rule, reward },
    });
    await eventually(() => {
      expect(notices.get("fay")).toEqual([told("fay", 5, "hundred", [5])]);
      const gold = told("ann", 1, "gold", RULES[0]!.reward);
      expect(notices.get("ann")).toEqual([gold, gold]);
    });
    expect([...notices.get("eve")!, ...notices.get("gus")!]).toEqual([]);
  });

  it("are told to webhooks in the order of ranks, and the season's end after them", async () => {
    const { database } = server.running;
    const told = await toldOf<Told>(database, board, "rewards.granted");
    expect(told.flatMap(({ granted }) => granted)).toMatchObject(GRANTED);
    expect(await toldOf(database, board, "season.closed")).toMatchObject([
      {
        season: 1,
        entries: 6,
        rewards: 5,
        top: [{ rank: 1, member: "ann", score: 500 }, {}, {}, {}, {}, {}],
      },
    ]);
  });

  it("are claimed once by the player, or by the game's server for one, and by nobody else", async () => {
    const ann = tokens.get("ann")!;
    const own = await read<Page>("/v1/rewards", ann);
    expect(own.rewards).toMatchObject([{ id: `${board}.1.ann`, rank: 1, claimedAt: null }]);
    const claim = (member: string, key: string) =>
      server.call<Listed & { error: { code: string } }>("POST", `/v1/rewards/${board}.1.${member}/claim`, {
        key,
      });
    const [first, second] = [await claim("ann", ann), await claim("ann", ann)];
    expect(first.body.claimedAt).toEqual(expect.any(String));
    expect(second.body).toEqual(first.body);
    expect((await read<Page>("/v1/members/ann/rewards", SERVER_KEY)).rewards).toEqual([first.body]);
    expect((await claim("bob", ann)).body.error.code).toBe("reward_not_found");
    expect((await claim("gus", SERVER_KEY)).body.error.code).toBe("reward_not_found");
    expect((await claim("bob", SERVER_KEY)).body.claimedAt).toEqual(expect.any(String));
    const unnamed = await server.call("POST", "/v1/rewards/none/claim", { key: SERVER_KEY });
    expect(unnamed.status).toBe(404);
  });

  it("that are revoked cannot be claimed, and the audit trail has the reason", async () => {
    const revoke = () =>
      admin<Listed>("POST", "/seasons/1/rewards/fay/revoke", { reason: "bought the score" });
    const { revokedAt } = (await revoke()).body;
    expect(revokedAt).toEqual(expect.any(String));
    expect((await revoke()).body.revokedAt).toBe(revokedAt);
    const { body } = await server.call("POST", `/v1/rewards/${board}.1.fay/claim`, {
      key: tokens.get("fay")!,
    });
    expect(body).toMatchObject({ error: { code: "reward_revoked" } });
    const { records } = await read<{ records: unknown[] }>(
      `/v1/admin/audit?board=${board}&member=fay`,
      ADMIN_KEY,
    );
    expect(records[0]).toMatchObject({ action: "reward.revoke", season: 1, reason: "bought the score" });
    expect((await admin("POST", "/seasons/1/rewards/gus/revoke", { reason: "x" })).status).toBe(404);
  });

  it("of a player on many boards come in pages, the last granted first", async () => {
    const { database } = server.running;
    const boards = ["b", "a", "c", "a"].map((name, i) => ({ board: `${board}-${name}`, season: 1 + i }));
    for (const [i, of] of boards.entries()) {
      const place = {
        member: "pat",
        rule: "x",
        ordinal: 1,
        rank: 1,
        granted_at: new Date(1e12 + Math.floor(i / 2)),
      };
      await database.run(async (db) => {
        await db
          .insertInto("reward_rules")
          .values({ ...of, rule: "x", reward: "null" })
          .execute();
        await db
          .insertInto("rewards")
          .values({ ...of, ...place })
          .execute();
      });
    }
    const found: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await read<Page>(`/v1/members/pat/rewards?limit=1${cursor}`, SERVER_KEY);
      found.push(...page.rewards.map(({ id }) => id.slice(board.length)));
      if (page.cursor === undefined) break;
      cursor = `&cursor=${page.cursor}`;
    }
    expect(found).toEqual(["-a.4.pat", "-c.3.pat", "-a.2.pat", "-b.1.pat"]);
  });

  it("of a board without rules are none: its end is told, no run is begun, and a season that cannot be read holds nobody up", async () => {
    const id = uniqueBoard("plain");
    const broken = { board: uniqueBoard("broken"), season: 1, definition: "{}", entries: 0 };
    const long = new Date(0);
    await server.running.database.run((db) =>
      db
        .insertInto("seasons")
        .values({ ...broken, opened_at: long, archived_at: long })
        .execute(),
    );
    await server.createBoard(id, { operator: "best", shards: 1 });
    await rollOver(id);
    await eventually(
      async () => {
        expect(await toldOf(server.running.database, id, "season.closed")).toMatchObject([
          { season: 1, entries: 0, top: [], rewards: 0 },
        ]);
      },
      { withinMs: 40_000 },
    );
    const progress = await read(`/v1/admin/boards/${id}/seasons/1/rewards/progress`, ADMIN_KEY);
    expect(progress).toMatchObject({ state: "done", entries: null, granted: 0, beganAt: null });
    const { body } = await server.call<string>("GET", "/metrics");
    expect(body).toMatch(/^rankwire_reward_failures_total [1-9]/m);
    expect(body).toMatch(/^rankwire_rewards_granted_total 5$/m);
  });
});

describe("a server without an archiver", () => {
  it("opens no embedded database to look for rewards", async () => {
    const dataDir = mkdtempSync(join(testRunFolder(), "unopened-"));
    const settings = { ROLES: "gateway,seasons", DATA_DIR: dataDir, REWARDS_LOOK_MS: "1" };
    const server = await startServer(sharedRedisUrl(), settings);
    // Several looks.
    for (let turn = 0; turn < 20; turn++) await server.call("GET", "/healthz");
    expect(existsSync(join(dataDir, "database"))).toBe(false);
    await server.stop();
  });
});
