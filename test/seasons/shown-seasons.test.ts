/** What a board's answers say of its seasons: to anybody the schedule and the end, to admins what is staged too. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BoardInfo } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { nextEnd } from "../../server/leaderboard/season-schedule.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const YEARLY = { cron: "0 0 1 1 *", timeZone: "UTC" };
const WEEKS = {
  everyWeeks: 6,
  from: "2026-01-05T00:00",
  timeZone: "Europe/Berlin",
  startsAt: "2026-01-01T00:00:00Z",
  carryOver: { rule: "decay" as const, factor: 0.5 },
  graceMs: 1_000,
};
const WAIT = { withinMs: 15_000 };

type Shown = BoardInfo & { staged?: BoardDefinition; logRetentionDays?: number; metadata?: boolean };

let redis: TestRedis;
let server: TestServer;
beforeAll(async () => {
  redis = await startTestRedis();
  server = await startServer(redis.url, {
    ROLES: "gateway,merger,seasons",
    SEASON_PREOPEN_MS: "1500",
    SEASON_LOOK_MS: "50",
    // Nothing here needs one.
    DATABASE_URL: "postgres://rankwire@127.0.0.1:1/none",
  });
});
afterAll(async () => {
  await server?.stop();
  await redis?.stop();
});

const shown = async (board: string, key?: string): Promise<Shown> =>
  (await server.call<Shown>("GET", `/v1/boards/${board}`, key === undefined ? {} : { key })).body;
const change = (method: string, path: string, body: object) =>
  server.call<Shown>(method, `/v1/admin/boards/${path}`, { key: ADMIN_KEY, body });

async function overSocket(board: string): Promise<BoardInfo> {
  const client = await new RawClient(server.url).connected();
  const { info } = (await client.socket.emitWithAck("board", { board })) as { info: BoardInfo };
  client.close();
  return info;
}

test("anybody sees how seasons follow each other, and the end of the present one", async () => {
  const board = uniqueBoard("scheduled");
  await server.createBoard(board, { operator: "best", season: WEEKS });
  const end = new Date(nextEnd(WEEKS, Date.now())!).toISOString();
  const before = await shown(board);
  expect(before.seasonRules).toEqual(WEEKS);
  expect(before.season).toEqual({ number: 1, state: "open", openedAt: expect.any(String), endsAt: end });
  expect(await overSocket(board)).toMatchObject({ seasonRules: WEEKS, season: before.season });

  const closesAt = new Date(Date.now() + 3_600_000).toISOString();
  const replanned = { ...WEEKS, endsAt: closesAt };
  expect((await change("PATCH", board, { season: replanned })).body).toMatchObject({
    seasonRules: replanned,
  });
  expect((await shown(board)).season).toEqual({ ...before.season, closesAt });
  expect((await overSocket(board)).season).toEqual({ ...before.season, closesAt });
});

test("admins see what is staged, as it may be put again, and nobody else does", async () => {
  const board = uniqueBoard("staged");
  const definition: BoardDefinition = { operator: "incr", season: YEARLY, logRetentionDays: 7 };
  expect((await change("PUT", board, definition)).body).toMatchObject({
    logRetentionDays: 7,
    metadata: false,
    seasonRules: YEARLY,
  });
  expect(await shown(board, ADMIN_KEY)).not.toHaveProperty("staged");
  const next: BoardDefinition = { operator: "best", order: "asc", shards: 2, season: YEARLY };
  expect((await change("PUT", `${board}?at=rollover`, next)).status).toBe(202);

  const { staged } = await shown(board, ADMIN_KEY);
  expect(staged).toMatchObject({ ...next, logRetentionDays: 30 });
  expect(staged).not.toHaveProperty("id");
  const listed = await server.call<{ boards: Shown[] }>("GET", "/v1/admin/boards", { key: ADMIN_KEY });
  expect(listed.body.boards.find((one) => one.board === board)?.staged).toEqual(staged);
  for (const key of [undefined, SERVER_KEY]) {
    const told = await shown(board, key);
    for (const field of ["staged", "logRetentionDays", "metadata"]) expect(told).not.toHaveProperty(field);
  }
  const { body } = await change("PATCH", board, { topSize: 50 });
  expect(body.staged).toMatchObject({ operator: "best", order: "asc", shards: 2, topSize: 50 });

  expect((await change("PUT", `${board}?at=rollover`, body.staged!)).status).toBe(202);
  expect((await shown(board, ADMIN_KEY)).staged).toEqual(body.staged);
  // What the board has already is not staged.
  expect((await change("PUT", `${board}?at=rollover`, { ...definition, topSize: 50 })).status).toBe(202);
  expect(await shown(board, ADMIN_KEY)).not.toHaveProperty("staged");
});

test("a season that is ended by hand says when it closes, and the next one has what was staged", async () => {
  const board = uniqueBoard("by-hand");
  await server.createBoard(board, { operator: "incr" });
  expect((await shown(board)).season).not.toHaveProperty("endsAt");
  const body = { definition: { operator: "set", columns: [{ name: "laps", max: 99 }] } };
  expect((await change("POST", `${board}/rollover`, body)).status).toBe(202);
  // Prepared or not, it holds from the next season on.
  expect((await shown(board, ADMIN_KEY)).staged).toMatchObject({ operator: "set" });
  await eventually(async () => {
    const { season } = await shown(board);
    expect(season).toMatchObject({ number: 1, closesAt: expect.any(String) });
    expect(season).not.toHaveProperty("endsAt");
  }, WAIT);
  await eventually(async () => expect((await shown(board)).season.number).toBe(2), WAIT);
  const after = await shown(board, ADMIN_KEY);
  expect(after).toMatchObject({ operator: "set", season: { number: 2, state: "open" } });
  expect(after.season).not.toHaveProperty("closesAt");
  expect(after).not.toHaveProperty("staged");
});
