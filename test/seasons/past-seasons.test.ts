/** A season that is over, read over HTTP: from Redis until the archive has it, from the archive for ever, Redis or not. */
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { newSeason } from "../../server/leaderboard/board-schema.ts";
import { API_BOARD, createApiBoard, ENTRIES } from "../flow/api-board.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { archive, hide, mirror } from "../support/final-season.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, type Answer, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const HEADING = { season: 1, exact: true };

describeOnBoth("a past season", (store) => {
  let redis: TestRedis;
  let server: TestServer;
  let database: Database;
  let board: string;
  let first: OpenBoard;
  beforeAll(async () => {
    redis = await startTestRedis();
    server = await startServer(redis.url, store.settings());
    database = server.running.database;
    await database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await redis.stop();
  });
  beforeEach(async () => {
    board = await createApiBoard(server);
    first = await server.running.registry.get(board);
    await rollOver();
  });

  const read = <T = unknown>(path: string, key?: string): Promise<Answer<T>> =>
    server.call("GET", `/v1/boards/${board}${path}`, key === undefined ? {} : { key });

  /** The next season, as the seasons' flow leaves the record before the archive has the old one. */
  async function rollOver(): Promise<void> {
    await server.running.registry.change(board, ({ board: rules, season, closing, ...rest }, nowMs) => {
      const over = { board: rules, season: { ...season, state: "closed" as const, closesAtMs: nowMs } };
      const next = newSeason(rules, season.number + 1, nowMs);
      return { ...rest, board: rules, season: next, closing: [...closing, over] };
    });
  }

  /** Everything of the first season, and then its keys are gone. */
  async function archiveFirst(): Promise<void> {
    const entries = ENTRIES.map(({ member, score, columns }) => {
      return { member, values: [score, columns.wins], reachedAt: 0 };
    });
    await mirror(database, first, entries);
    await archive(database, first);
    for (const keys of first.shards) for (const key of Object.values(keys)) await redis.client().del(key);
  }

  async function expectReads(): Promise<void> {
    const all = { ...HEADING, board, total: 4 };
    expect((await read("/top?season=1")).body).toEqual({ ...all, entries: ENTRIES });
    const part = (await read<{ cursor: string }>("/top?season=1&limit=2&offset=1")).body;
    expect(part).toEqual({ ...all, entries: ENTRIES.slice(1, 3), cursor: expect.any(String) });
    const rest = await read(`/top?season=1&limit=2&cursor=${part.cursor}`);
    expect(rest.body).toEqual({ ...all, entries: ENTRIES.slice(3) });
    for (const precision of ["fast", "exact"]) {
      const { body } = await read(`/members/massa?season=1&precision=${precision}`);
      expect(body).toEqual({ ...all, ...ENTRIES[2], percentile: 75 });
    }
    const around = await read("/members/nico/around?season=1&limit=3");
    expect(around.body).toEqual({ ...all, entries: ENTRIES.slice(1) });
    const members = await server.call("POST", `/v1/boards/${board}/members?season=1`, {
      body: { members: ["nico", "nobody"] },
    });
    expect(members.body).toEqual({ ...all, entries: [ENTRIES[3]], missing: ["nobody"] });
    const rank = await read("/rank-of-score?season=1&score=18");
    expect(rank.body).toEqual({ ...all, score: 18, rank: 2, percentile: 75 });
    const info = { board, total: 4, exact: true, season: { number: 1, state: "closed" } };
    expect((await read("?season=1")).body).toMatchObject(info);
  }

  it("is read from Redis until it is archived, and the present one beside it", async () => {
    await expectReads();
    expect((await read("/top")).body).toMatchObject({ season: 2, entries: [] });
    const seasons = [
      { number: 2, state: "open", endedAt: null, archivedAt: null, entries: null },
      { number: 1, state: "closing", endedAt: expect.any(String), archivedAt: null, entries: null },
    ];
    expect((await read("/seasons")).body).toMatchObject({ board, seasons });
  });

  it("answers the same from the archive, when its keys are gone", async () => {
    await archiveFirst();
    await expectReads();
    const { body } = await read<{ asOf: number }>("/percentiles?season=1&percents=25,100");
    const line = { exact: true, error: 0 };
    expect(body).toMatchObject({
      ...{ board, season: 1, total: 4, asOf: expect.any(Number) },
      percentiles: [
        { percent: 25, rank: 1, score: 35.5, ...line },
        { percent: 100, rank: 4, score: 1, ...line },
      ],
    });
  });

  it("is listed with its entries, page by page", async () => {
    await archiveFirst();
    await hide(database, first, ["kimi"]);
    const page = (await read<{ cursor: string }>("/seasons?limit=1")).body;
    expect(page).toMatchObject({ board, seasons: [{ number: 2, state: "open" }] });
    const last = (await read(`/seasons?limit=1&cursor=${page.cursor}`)).body;
    const archived = { number: 1, state: "archived", archivedAt: expect.any(String), entries: 3 };
    expect(last).toEqual({ board, seasons: [expect.objectContaining(archived)] });
    expect((await read(`/seasons?cursor=${page.cursor}x`)).body).toMatchObject({
      error: { code: "cursor_invalid" },
    });
  });

  it("shows who is hidden nowhere, and moves the others up", async () => {
    await archiveFirst();
    await hide(database, first, ["kimi"]);
    const [alonso, , massa, nico] = ENTRIES;
    const entries = [alonso, massa, { ...nico, rank: 3 }];
    expect((await read("/top?season=1")).body).toEqual({ ...HEADING, board, total: 3, entries });
    expect((await read("/members/kimi?season=1")).status).toBe(404);
  });

  it("answers with a tag once it is archived, and 304 to it until moderation changes what it shows", async () => {
    expect((await read("/top?season=1")).headers.get("etag")).toBeNull();
    await archiveFirst();
    const paths = ["?season=1", "/top?season=1", "/members/massa?season=1", "/members/massa/around?season=1"];
    paths.push("/rank-of-score?season=1&score=2", "/percentiles?season=1");
    const ask = (path: string, tag: string, key?: string) =>
      server.call("GET", `/v1/boards/${board}${path}`, {
        ...(key === undefined ? {} : { key }),
        headers: { "if-none-match": tag },
      });
    const tags = new Map<string, string>();
    for (const path of paths) {
      const { status, headers } = await read(path);
      const tag = headers.get("etag")!;
      expect({ path, status, tag, how: headers.get("cache-control") }).toEqual({
        ...{ path, status: 200, tag: expect.stringMatching(/^"[\w-]{22}"$/), how: "public, no-cache" },
      });
      for (const asked of [tag, `W/${tag}`, `"another", ${tag}`]) {
        const { status, body, headers } = await ask(path, asked);
        expect({ path, status, body, tag: headers.get("etag") }).toEqual({
          path,
          status: 304,
          body: "",
          tag,
        });
      }
      tags.set(path, tag);
    }
    // An admin sees more of the board than the one whom the tag was for.
    const seen = await ask("?season=1", tags.get("?season=1")!, ADMIN_KEY);
    expect([seen.status, seen.headers.get("cache-control")]).toEqual([200, "private, no-cache"]);

    await hide(database, first, ["kimi"]);
    for (const [path, tag] of tags) {
      const { status, headers } = await ask(path, tag);
      expect({ path, status, same: headers.get("etag") === tag }).toEqual({ path, status: 200, same: false });
    }
    for (const path of ["/top", "?season=2"]) {
      const { status, headers } = await ask(path, "*");
      expect([path, status, headers.get("etag")]).toEqual([path, 200, null]);
    }
  });

  it("that there never was is season_not_found, and a feed of a past one says that it is over", async () => {
    await archiveFirst();
    for (const season of [3, 9_007_199_254_740_991]) {
      const { status, body } = await read(`/top?season=${season}`);
      expect([status, body]).toMatchObject([404, { error: { code: "season_not_found" } }]);
    }
    const { status, body } = await read("/feed?season=1");
    const message = expect.stringContaining("/top?season=1");
    expect([status, body]).toMatchObject([409, { error: { code: "season_closed", message } }]);
  });

  it("is private as soon as the board is", async () => {
    await archiveFirst();
    const body = { ...API_BOARD, visibility: "private" };
    await server.call("PUT", `/v1/admin/boards/${board}`, { key: ADMIN_KEY, body });
    for (const path of ["/top?season=1", "/seasons"]) {
      expect((await read(path)).status).toBe(403);
      expect((await read(path, SERVER_KEY)).status).toBe(200);
    }
  });

  it("stays as it is when Redis is flushed", async () => {
    await archiveFirst();
    await redis.client().flushall();
    await eventually(expectReads);
  });
});
