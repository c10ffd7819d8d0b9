/** A call of every route about rewards, for the test of the API's description. */
import { ADMIN_KEY, SERVER_KEY, type TestServer } from "../support/servers.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import type { Stop } from "./api-tour.ts";

/** Nobody here has the role that grants them, so one is put where it would be. */
export async function rewardStops(server: TestServer, board: string): Promise<Stop[]> {
  const member = uniqueBoard("winner");
  const of = { board, season: 1, rule: "gold" };
  const place = { member, ordinal: 1, rank: 1, granted_at: new Date() };
  await server.running.database.run(async (db) => {
    await db
      .insertInto("reward_rules")
      .values({ ...of, reward: '{"coins":5}' })
      .execute();
    await db
      .insertInto("rewards")
      .values({ ...of, ...place })
      .execute();
  });
  const season = `/boards/${board}/seasons/1/rewards`;
  const id = `${board}.1.${member}`;
  return [
    { route: "GET /v1/boards/{board}/seasons/{season}/rewards", path: `/v1${season}`, key: SERVER_KEY },
    { route: "GET /v1/members/{member}/rewards", path: `/v1/members/${member}/rewards`, key: SERVER_KEY },
    { route: "GET /v1/rewards", path: "/v1/rewards", key: await server.signIn(member) },
    { route: "POST /v1/rewards/{id}/claim", path: `/v1/rewards/${id}/claim`, key: SERVER_KEY },
    {
      route: "GET /v1/admin/boards/{board}/seasons/{season}/rewards/progress",
      path: `/v1/admin${season}/progress`,
      key: ADMIN_KEY,
    },
    {
      route: "POST /v1/admin/boards/{board}/seasons/{season}/rewards/{member}/revoke",
      path: `/v1/admin${season}/${member}/revoke`,
      key: ADMIN_KEY,
      body: { reason: "a tour" },
    },
  ];
}
