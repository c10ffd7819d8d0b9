/** A rebuild under bans: what a ban hid comes back as hidden by the ban, so that lifting it shows that, and nothing that was hidden on a board by itself. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import { rebuild } from "../../server/recovery/rebuild.ts";
import { bansKey } from "../../server/redis/keys.ts";
import { commandConnection } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

const BOARD = "banned";
const BANNED = ["banned", "ghost", "both", "shown", "anew", "back"];
const MEMBERS = ["fair", "single", "banned", "ghost", "both", "shown", "anew", "back"];
/** How each comes back: what was done on the board, and what the ban does. */
const MARKS = {
  single: { here: "hidden", ban: "visible" },
  banned: { here: "visible", ban: "hidden" },
  ghost: { here: "visible", ban: "shadow" },
  both: { here: "hidden", ban: "hidden" },
  shown: { here: "visible", ban: "hidden" },
  anew: { here: "visible", ban: "hidden" },
  back: { here: "hidden", ban: "hidden" },
};

describeOnBoth("a rebuild under bans", (store) => {
  let redis: TestRedis;
  let server: TestServer;
  beforeAll(async () => {
    redis = await startTestRedis();
    server = await startServer(redis.url, {
      ...store.settings(),
      ROLES: "gateway,merger,archiver",
      BANS_POLL_MS: "50",
    });
    await server.running.database.ready();
  }, 60_000);
  afterAll(async () => {
    await server.stop();
    await redis.stop();
  });

  const admin = <T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object) =>
    server.call<T>(method, `/v1/admin/${path}`, { key: ADMIN_KEY, ...(body ? { body } : {}) });
  const moderate = async (member: string, what: string) =>
    expect((await admin("POST", `boards/${BOARD}/members/${member}/${what}`, { reason: "x" })).status).toBe(
      200,
    );
  const bans = async () =>
    (await admin<{ bans: { member: string; state: string }[] }>("GET", "bans")).body.bans;
  const marks = async () => {
    const { body } = await admin<{ members: { member: string; here: string; ban: string }[] }>(
      "GET",
      `boards/${BOARD}/members/hidden`,
    );
    return Object.fromEntries(body.members.map(({ member, here, ban }) => [member, { here, ban }]));
  };
  const shown = async (): Promise<string[]> => {
    const { body } = await server.call<{ entries: { member: string }[] }>("GET", `/v1/boards/${BOARD}/top`);
    return body.entries.map(({ member }) => member);
  };
  const stored = () =>
    server.running.database.run((db) =>
      db
        .selectFrom("current_entries")
        .select(["member", "visibility"])
        .where("board", "=", BOARD)
        .where("visibility", "!=", 0)
        .orderBy("member")
        .execute(),
    );

  test("lifting them shows what they hid, and nothing else", { timeout: 60_000 }, async () => {
    await server.createBoard(BOARD, { operator: "set", shards: 2 });
    const submissions = MEMBERS.map((member, i) => ({ member, score: 100 - i }));
    await server.call("POST", `/v1/boards/${BOARD}/scores`, { key: SERVER_KEY, body: { submissions } });
    for (const member of ["single", "both", "shown", "anew", "back"]) await moderate(member, "hide");
    await moderate("shown", "show");
    for (const member of ["anew", "back"]) await moderate(member, "remove");
    await moderate("back", "restore");
    await server.call("POST", `/v1/boards/${BOARD}/scores`, {
      key: SERVER_KEY,
      body: { submissions: [{ member: "anew", score: 7 }] },
    });
    for (const member of BANNED) {
      const mode = member === "ghost" ? "shadow" : "hide";
      expect((await admin("PUT", `bans/${member}`, { mode, reason: "x" })).status).toBe(200);
    }
    await eventually(async () =>
      expect((await bans()).map(({ state }) => state)).toEqual(BANNED.map(() => "active")),
    );
    expect(await marks()).toEqual(MARKS);
    await eventually(async () =>
      expect((await stored()).map(({ member, visibility }) => [member, visibility])).toEqual([
        ["anew", 1],
        ["back", 1],
        ["banned", 1],
        ["both", 1],
        ["ghost", 2],
        ["shown", 1],
        ["single", 1],
      ]),
    );
    // Notes of the audit trail wait in Redis until they are in the table, and would be lost with it.
    expect((await admin("GET", "audit")).status).toBe(200);
    await redis.client().flushall();
    const connection = await commandConnection(redis.url);
    const { boards } = await rebuild({
      redis: connection,
      database: server.running.database,
      repository: createRedisBoardRepository(connection),
      dedup: { windowMs: 600_000, idsMax: 1_000 },
      force: false,
    });
    connection.disconnect();
    expect(boards).toMatchObject([{ status: "rebuilt", seasons: [{ entries: 8, hidden: 7 }] }]);
    await eventually(async () => expect(await marks()).toEqual(MARKS));
    await eventually(async () => expect(await shown()).toEqual(["fair"]));
    // The copy of the bans went with Redis: the table's are carried out anew, and that changes no mark.
    await eventually(async () =>
      expect(await redis.client().hlen(bansKey)).toBeGreaterThanOrEqual(BANNED.length),
    );
    await eventually(async () =>
      expect((await bans()).map(({ state }) => state)).toEqual(BANNED.map(() => "active")),
    );
    expect(await marks()).toEqual(MARKS);
    for (const member of BANNED) {
      expect((await admin("DELETE", `bans/${member}`, { reason: "appeal" })).status).toBe(200);
    }
    await eventually(async () => expect(await bans()).toEqual([]));
    await eventually(async () => expect(await shown()).toEqual(["fair", "banned", "ghost", "shown", "anew"]));
    expect(await marks()).toEqual({
      single: { here: "hidden", ban: "visible" },
      both: { here: "hidden", ban: "visible" },
      back: { here: "hidden", ban: "visible" },
    });
  });
});
