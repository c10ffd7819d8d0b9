/** What was, over HTTP, with everything running: tops as they stood, a member over time, who passed whom; over a rollover, and after retention. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { clearHistory } from "../../server/archive/history-retention.ts";
import type { Database } from "../../server/database/database.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { startServer, type TestServer } from "../support/servers.ts";
import { type Curve, PATIENCE, type Passed, PastBoard, type Top } from "./past-board.ts";

const ROLES = "gateway,merger,archiver,seasons";
const QUICK = {
  ARCHIVE_MS: "20",
  HISTORY_MS: "40",
  HISTORY_TOP_MS: "1",
  HISTORY_SAMPLE_MS: "50",
  INDEX_MS: "100",
  SEASON_PREOPEN_MS: "600",
  SEASON_GRACE_MS: "100",
  SEASON_LOOK_MS: "50",
};

describeOnBoth("history", (store) => {
  let redis: TestRedis;
  let client: Redis;
  let server: TestServer;
  let database: Database;
  let board: PastBoard;
  beforeAll(async () => {
    redis = await startTestRedis();
    client = await commandConnection(redis.url);
    server = await startServer(redis.url, { ROLES, ...QUICK, ...store.settings() });
    database = server.running.database;
    await database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    client.disconnect();
    await redis.stop();
  });
  beforeEach(async () => {
    board = await PastBoard.on(server, client);
  });

  it("tells the top as it stood, without those who are out of sight now", async () => {
    const opened = await board.later();
    const one = await board.play({ ann: 10, bob: 20 });
    const two = await board.play({ ann: 30, cid: 5 });
    const three = await board.play({ bob: 40 });
    expect(await board.namesAt(opened)).toEqual([]);
    expect(await board.namesAt(one)).toEqual(["1 bob", "2 ann"]);
    expect(await board.namesAt(two)).toEqual(["1 ann", "2 bob", "3 cid"]);
    expect(await board.namesAt(three)).toEqual(["1 bob", "2 ann", "3 cid"]);
    const page = await board.topAt(two, "&offset=1&limit=1");
    expect(page).toMatchObject({ at: two, complete: true, entries: [{ rank: 2, member: "bob", score: 20 }] });
    expect(Date.parse(page.asOf)).toBeLessThanOrEqual(Date.parse(two));
    expect(Date.parse(page.asOf)).toBeGreaterThan(Date.parse(one));
    // Another zone's way to say the same instant.
    const elsewhere = new Date(Date.parse(two) + 7_200_000).toISOString().replace("Z", "+02:00");
    expect(await board.topAt(elsewhere)).toMatchObject({ at: two, entries: [{ member: "ann" }, {}, {}] });

    await board.admin("POST", "/members/ann/hide", { reason: "a test" });
    expect(await board.namesAt(two)).toEqual(["1 bob", "2 cid"]);
    expect((await board.read<Curve>("/members/ann/history")).body.error.code).toBe("member_not_found");
    const own = await board.read<Curve>("/members/ann/history", await server.signIn("ann"));
    expect(own.body.scores.map(({ score }) => score)).toEqual([10, 30]);
    expect(own.body.ranks).toEqual([]);
  });

  it("tells a member's scores and ranks, and who has passed it, page by page", async () => {
    const start = await board.play({ me: 50, a: 10, b: 20, c: 60 });
    await board.play({ a: 70, b: 80 });
    await board.play({ me: 65, d: 90 });
    const { body } = await board.read<Curve>("/members/me/history");
    expect(body.complete).toBe(true);
    expect(body.scores.map(({ score }) => score)).toEqual([50, 65]);
    const ranks = body.ranks.map(({ rank }) => rank);
    expect(body.ranks.every(({ exact }) => exact)).toBe(true);
    const fromStart = (await board.read<Curve>(`/members/me/history?from=${start}`)).body;
    expect(fromStart.ranks[0]).toEqual({ at: start, rank: 2, total: 4, exact: true });
    expect(ranks.at(-1)).toBe(4);

    const passed = (rest: string) => board.read<Passed>(`/members/me/passed?since=${start}${rest}`);
    const all = (await passed("")).body;
    expect(all).toMatchObject({ count: 3, complete: true, before: { score: 50 } });
    expect(all.entries.map(({ member, before }) => [member, before?.score])).toEqual([
      ["d", undefined],
      ["b", 20],
      ["a", 10],
    ]);
    const first = (await passed("&limit=2")).body;
    expect(first.entries.map(({ member }) => member)).toEqual(["d", "b"]);
    const rest = (await passed(`&limit=2&cursor=${first.cursor}`)).body;
    expect(rest.entries.map(({ member }) => member)).toEqual(["a"]);
    expect(rest.cursor).toBeUndefined();
    // Whoever falls back is passed by those who did not move.
    await board.play({ me: 1 });
    const after = (await passed("")).body.entries;
    expect(after.map(({ member, at }) => [member, at !== undefined])).toEqual([
      ["d", true],
      ["b", true],
      ["a", true],
    ]);
  });

  it("estimates ranks below the top from archived rank indexes, within what they say", async () => {
    board = await PastBoard.on(server, client, { topSize: 10 });
    const scores = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, 7 * i]));
    await board.submit(scores);
    const of = (path: string) => board.read<{ exact: boolean; rank: number }>(path);
    // Looking makes an index come, and playing keeps the archiver looking.
    const ranks = await eventually(async () => {
      expect((await of("/members/p100?precision=fast")).body.exact).toBe(false);
      await board.submit({ p0: 0 });
      const { body } = await board.read<Curve>("/members/p100/history");
      const estimated = body.ranks.filter(({ exact }) => !exact);
      expect(estimated.length).toBeGreaterThan(0);
      return estimated;
    }, PATIENCE);
    const { rank } = (await of("/members/p100")).body;
    for (const one of ranks) {
      expect(Math.abs(one.rank - rank)).toBeLessThanOrEqual(one.error!);
      expect(one.error!).toBeLessThan(30);
    }
    // Of who is in the top there are exact ones only.
    const top = (await board.read<Curve>("/members/p299/history")).body.ranks;
    expect(top.every(({ exact, rank: at }) => exact && at === 1)).toBe(true);
  });

  it("goes over a rollover: each instant is of its season, and the last ones of its final order", {
    timeout: 60_000,
  }, async () => {
    const first = await board.play({ ann: 10, bob: 20 });
    await board.admin("POST", "/rollover", { season: 1 });
    const ended = await eventually(async () => {
      const { body } = await board.read<{ seasons: { number: number; state: string; endedAt: string }[] }>(
        "/seasons",
      );
      const over = body.seasons.find(({ number }) => number === 1)!;
      expect(over.state).toBe("archived");
      return over.endedAt;
    }, PATIENCE);
    const second = await board.play({ ann: 3 });
    expect(await board.topAt(first)).toMatchObject({ season: 1, entries: [{ member: "bob" }, {}] });
    expect(await board.topAt(second)).toMatchObject({
      season: 2,
      complete: true,
      entries: [{ member: "ann" }],
    });
    const final = await board.topAt(ended, "&season=1");
    expect(final).toMatchObject({
      season: 1,
      complete: true,
      asOf: ended,
      entries: [{ rank: 1 }, { rank: 2 }],
    });
    expect((await board.topAt(first, "&season=2")).error.code).toBe("bad_request");

    const { body } = await board.read<Curve>("/members/ann/history?season=1");
    expect(body.scores.map(({ score }) => score)).toEqual([10]);
    expect(body.ranks.at(-1)).toEqual({ at: ended, rank: 2, total: 2, exact: true });
    // Behind the last change only the final table knows where the entry stood.
    const late = (await board.read<Curve>(`/members/ann/history?season=1&from=${first}`)).body;
    expect(late).toMatchObject({ complete: true, scores: [{ at: first, score: 10 }] });
    const all = (await board.read<Curve>("/members/ann/history?seasons=all")).body;
    expect(all.seasons).toEqual([{ season: 1, endedAt: ended, score: 10, rank: 2, total: 2 }]);
    // Nothing of the season before counts as passing in this one.
    const passed = (await board.read<Passed>(`/members/ann/passed?since=${first}`)).body;
    expect(passed).toMatchObject({ count: 0, entries: [] });
  });

  it("says what is gone, what has not come, and what it does not take", async () => {
    const one = await board.play({ ann: 10 });
    const two = await board.play({ ann: 20 });
    await board.play({ ann: 30 });
    const { incarnation, openedAtMs } = (await server.running.registry.get(board.id)).season;
    const { life } = await database.run((db) =>
      db.selectFrom("lives").select("life").where("incarnation", "=", incarnation).executeTakeFirstOrThrow(),
    );
    expect(
      await clearHistory(database, { life, isOver: false }, Date.parse(two), () => true),
    ).toBeGreaterThan(0);
    // What stood at the instant from which on all is kept, is kept.
    expect(await board.namesAt(two)).toEqual(["1 ann"]);
    expect((await board.topAt(two)).entries[0]!.score).toBe(20);
    // As somebody elsewhere types it: the + of a zone is a blank on the wire.
    const elsewhere = new Date(Date.parse(two) + 2 * 3_600_000).toISOString().replace("Z", "+02:00");
    const { body } = await board.read<Top>(`/top?at=${elsewhere}`);
    expect(body).toMatchObject({ at: two, entries: [{ member: "ann", score: 20 }] });
    const gone = await board.topAt(one);
    expect(gone.error).toMatchObject({ code: "history_gone", details: { earliest: expect.any(String) } });
    expect(Date.parse(gone.error.details.earliest)).toBeLessThanOrEqual(Date.parse(two));

    const codeOf = async (path: string): Promise<string> => (await board.read<Top>(path)).body.error.code;
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    const before = new Date(openedAtMs - 1_000).toISOString();
    for (const path of [
      `/top?at=${tomorrow}`,
      `/top?at=${before}&season=1`,
      `/top?at=${before}`,
      "/top?at=yesterday",
      `/top?at=${two}&cursor=x`,
      "/members/ann/history?points=3",
      `/members/ann/history?from=${tomorrow}`,
      `/members/ann/history?to=${before}`,
      "/members/ann/history?seasons=all&season=1",
      "/members/ann/passed",
    ]) {
      expect(await codeOf(path), path).toBe("bad_request");
    }
    expect(await codeOf("/members/nobody/history")).toBe("member_not_found");
    expect(await codeOf(`/members/nobody/passed?since=${two}`)).toBe("member_not_found");
    await board.admin("PATCH", "", { visibility: "private" });
    for (const path of [`/top?at=${two}`, "/members/ann/history", `/members/ann/passed?since=${two}`]) {
      expect(await codeOf(path), path).toBe("forbidden");
    }
  });

  it("is not kept where a board says so, and not available then", async () => {
    board = await PastBoard.on(server, client, { historyRetentionDays: 0 });
    await board.submit({ ann: 1 });
    await eventually(async () => {
      const { body } = await board.read<Curve>("/members/ann/history");
      expect(body.scores?.map(({ score }) => score)).toEqual([1]);
      expect(body.ranks).toEqual([]);
    }, PATIENCE);
    expect((await board.topAt(await board.later())).error.code).toBe("not_available");
  });
});
