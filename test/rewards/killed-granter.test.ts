/** Processes that are killed while they grant the rewards of one large season: what the last one leaves. */
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createLog } from "../../server/base/log.ts";
import { Database } from "../../server/database/database.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { seasonOf } from "../support/final-season.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { listenToAll, type Told, toldOf } from "../support/reward-season.ts";

const BOARD = "killed-granter";
const ENTRIES = 30_000;
/** Everybody but the last ones. */
const REWARDED = ENTRIES - 1_234;
const PATIENCE = { withinMs: 30_000, everyMs: 1 };

let redis: TestRedis;
let postgres: TestPostgres;
let url: string;
let database: Database;
const granters: ChildServer[] = [];

beforeAll(async () => {
  redis = await startTestRedis();
  postgres = await startTestPostgres();
  url = await postgres.newDatabase();
  const log = createLog({ level: "silent", pretty: false });
  database = new Database({ url, dataDir: "", connectionsMax: 5, timeoutMs: 10_000, log });
  await listenToAll(database);
  await archiveSeason();
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  for (const granter of granters) await granter.kill();
  await database?.close();
  await redis?.stop();
  await postgres?.stop();
});

async function archiveSeason(): Promise<void> {
  const { board, season } = seasonOf(BOARD, {
    operator: "best",
    rewards: [
      { id: "first", ranks: { from: 1, to: 1 }, reward: { coins: 100 } },
      { id: "others", ranks: { from: 2, to: REWARDED }, reward: { coins: 1 } },
    ],
  });
  await database.run((db) =>
    sql`insert into final_entries (board, season, ordinal, rank, member, key, rest, visibility)
      select ${BOARD}, 1, i, i, 'm' || i, i, '', 0 from generate_series(1, ${ENTRIES}::int) i`.execute(db),
  );
  const ended = new Date();
  await database.run((db) =>
    db
      .insertInto("seasons")
      .values({
        ...{ board: BOARD, season: 1, definition: JSON.stringify({ board, season }), entries: ENTRIES },
        ...{ opened_at: ended, ended_at: ended, archived_at: ended },
      })
      .execute(),
  );
}

async function startGranter(): Promise<ChildServer> {
  const settings = { ROLES: "seasons", DATABASE_URL: url, REWARDS_LOOK_MS: "50", SEASON_LEASE_MS: "500" };
  const granter = await startChildServer(redis.url, settings);
  granters.push(granter);
  return granter;
}

async function granted(): Promise<number> {
  const { rows } = await database.run((db) =>
    sql<{ n: number }>`select count(*) as n from rewards`.execute(db),
  );
  return rows[0]!.n;
}

it("is every member's one reward, each told of once, after two granters were killed on the way", async () => {
  for (let killed = 0; killed < 2; killed++) {
    const before = await granted();
    const granter = await startGranter();
    await eventually(async () => expect(await granted()).toBeGreaterThan(before), PATIENCE);
    await granter.kill();
    expect(await granted()).toBeLessThan(REWARDED);
  }
  await startGranter();
  await eventually(async () => {
    expect(await toldOf(database, BOARD, "season.closed")).toMatchObject([
      { entries: ENTRIES, rewards: REWARDED },
    ]);
  }, PATIENCE);
  const { rows } = await database.run((db) =>
    sql<{ rewards: number; places: number }>`
      select count(*) as rewards, count(distinct rewards.ordinal) filter (
        where final_entries.member = rewards.member and rewards.rank = rewards.ordinal
          and rule = case rewards.ordinal when 1 then 'first' else 'others' end
      ) as places
      from rewards join final_entries using (board, season, ordinal)`.execute(db),
  );
  expect(rows).toEqual([{ rewards: REWARDED, places: REWARDED }]);
  const told = (await toldOf<Told>(database, BOARD, "rewards.granted")).flatMap(({ granted }) => granted);
  expect(told.map(({ member }) => member)).toEqual(Array.from({ length: REWARDED }, (_, i) => `m${i + 1}`));
}, 90_000);
