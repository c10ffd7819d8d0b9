/** A season from its first score to its final table, with everything running: gateway, merger, archiver and seasons. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Entry } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { entryOf } from "../support/final-season.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const MEMBERS = 300;
const QUICK = { SEASON_PREOPEN_MS: "1500", SEASON_GRACE_MS: "200", SEASON_LOOK_MS: "50" };
const DEFINITIONS: Record<string, BoardDefinition> = {
  packed: { operator: "incr", columns: [{ name: "points", max: 50 }], shards: 4, metadata: true },
  wide: {
    operator: "set",
    order: "asc",
    columns: [
      { name: "time", type: "float" },
      { name: "steps", type: "int64" },
    ],
    ties: "shared",
    shards: 2,
  },
};

type Seasons = { seasons: { number: number; state: string; entries: number | null }[] };

describeOnBoth("a season that has been played", (store) => {
  let redis: TestRedis;
  let server: TestServer;
  beforeAll(async () => {
    redis = await startTestRedis();
    const roles = { ROLES: "gateway,merger,archiver,seasons" };
    server = await startServer(redis.url, { ...roles, ...QUICK, ...store.settings() });
    await server.running.database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await redis.stop();
  });

  async function submit(board: string, model: NaiveBoard): Promise<void> {
    const { columns } = (await server.running.registry.get(board)).board;
    const submissions = Array.from({ length: MEMBERS }, (_, i) => {
      const values = columns.map((_, c) => (i * (7 + c)) % 41);
      model.submit({ member: `é${i}`, values, id: "", at: 0 });
      return {
        member: `é${i}`,
        score: values[0]!,
        ...(values.length > 1 ? { columns: { steps: values[1]! } } : {}),
      };
    });
    await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
  }

  async function walk(board: string): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (let cursor = ""; ; ) {
      const path = `/v1/boards/${board}/top?season=1&limit=70${cursor}`;
      const { body } = await server.call<{ entries: Entry[]; cursor?: string }>("GET", path);
      entries.push(...body.entries);
      if (body.cursor === undefined) return entries;
      cursor = `&cursor=${body.cursor}`;
    }
  }

  it.for(
    Object.entries(DEFINITIONS),
  )("on a %s board is read as it ended, and Redis has nothing of it any more", { timeout: 60_000 }, async ([
    kind,
    definition,
  ]) => {
    const board = uniqueBoard(kind);
    await server.createBoard(board, definition);
    const first = await server.running.registry.get(board);
    const model = new NaiveBoard(first.board);
    await submit(board, model);
    const { status } = await server.call("POST", `/v1/admin/boards/${board}/rollover`, {
      key: ADMIN_KEY,
      body: {},
    });
    expect(status).toBe(202);
    await eventually(
      async () => {
        const { body } = await server.call<Seasons>("GET", `/v1/boards/${board}/seasons`);
        expect(body.seasons).toMatchObject([
          { number: 2, state: "open" },
          { number: 1, state: "archived", entries: MEMBERS },
        ]);
      },
      { withinMs: 40_000 },
    );
    const expected = model
      .ranked()
      .map(({ member, values, rank }) => ({ rank, member, ...entryOf(first, values) }));
    expect(await walk(board)).toEqual(expected);
    await eventually(
      async () => {
        expect(await redis.client().exists(...first.shards.map(({ meta }) => meta))).toBe(0);
        expect(server.running.registry.record(board)?.closing).toEqual([]);
      },
      { withinMs: 10_000 },
    );
    expect(await walk(board)).toEqual(expected);
  });
});
