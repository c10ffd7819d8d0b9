/** Bans across boards: what they hide and refuse, that lifting shows exactly what they hid, and that a death in the middle loses nothing. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditTrail } from "../../server/audit/audit-trail.ts";
import { BanSet } from "../../server/bans/ban-set.ts";
import { BanStore } from "../../server/bans/ban-store.ts";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import type { Registry } from "../../server/leaderboard/registry.ts";
import { Lease } from "../../server/locks/lease.ts";
import { Bans } from "../../server/moderation/bans.ts";
import { auditOutboxKey, banLeaseKeys, bansKey } from "../../server/redis/keys.ts";
import { commandConnection, DEDUP, registryOn, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Bans200 = { bans: { member: string; state: string; mode: string }[]; cursor?: string };

describeOnBoth("a ban", (store) => {
  let server: TestServer;
  let boards: string[];

  beforeAll(async () => {
    server = await startServer(sharedRedisUrl(), { ...store.settings(), BANS_POLL_MS: "50" });
    await server.running.database.ready();
    boards = ["a", "b", "c"].map((name) => uniqueBoard(`ban-${name}`));
    for (const board of boards) await server.createBoard(board, { operator: "set", shards: 2 });
  }, 60_000);
  afterAll(() => server.stop());

  const submit = async (board: string, member: string, score: number) => {
    const { body } = await server.call<{ results: { outcome: string; error?: { code: string } }[] }>(
      "POST",
      `/v1/boards/${board}/scores`,
      { key: SERVER_KEY, body: { submissions: [{ member, score }] } },
    );
    return body.results[0]!;
  };
  const everywhere = async (member: string, score: number) => {
    for (const board of boards) await submit(board, member, score);
  };
  const statusOn = async (board: string, member: string, key?: string): Promise<number> =>
    (await server.call("GET", `/v1/boards/${board}/members/${member}`, key ? { key } : {})).status;
  const shownOn = async (member: string): Promise<number[]> =>
    Promise.all(boards.map((board) => statusOn(board, member)));
  const ban = (member: string, body: object) =>
    server.call<{ state: string; error: { code: string } }>("PUT", `/v1/admin/bans/${member}`, {
      key: ADMIN_KEY,
      body,
    });
  const lift = (member: string) =>
    server.call<{ error: { code: string } }>("DELETE", `/v1/admin/bans/${member}`, {
      key: ADMIN_KEY,
      body: { reason: "appeal" },
    });
  const listed = async (member: string) => {
    const { body } = await server.call<Bans200>("GET", "/v1/admin/bans?limit=200", { key: ADMIN_KEY });
    return body.bans.find((one) => one.member === member);
  };
  const isActive = (member: string) =>
    eventually(async () => expect((await listed(member))?.state).toBe("active"));
  const isGone = (member: string) => eventually(async () => expect(await listed(member)).toBeUndefined());

  test("hides the member on every board and refuses its submissions; lifting shows what the ban hid, and nothing else", async () => {
    await everywhere("cheat", 10);
    await server.call("POST", `/v1/admin/boards/${boards[1]}/members/cheat/hide`, {
      key: ADMIN_KEY,
      body: { reason: "here" },
    });
    expect((await ban("cheat", { mode: "hide", reason: "bots" })).body.state).toBe("applying");
    await isActive("cheat");
    expect(await shownOn("cheat")).toEqual([404, 404, 404]);
    expect(await submit(boards[0]!, "cheat", 99)).toMatchObject({
      outcome: "rejected",
      error: { code: "banned" },
    });
    expect((await lift("cheat")).status).toBe(200);
    await isGone("cheat");
    expect(await shownOn("cheat")).toEqual([200, 404, 200]);
    expect(await submit(boards[0]!, "cheat", 11)).toMatchObject({ outcome: "accepted" });
    expect((await lift("cheat")).body.error.code).toBe("ban_not_found");
  });

  test("of a shadow takes submissions without a sign, on new boards too, and shows them to nobody else", async () => {
    await submit(boards[0]!, "ghost", 10);
    await ban("ghost", { mode: "shadow", reason: "toxic" });
    await isActive("ghost");
    const late = uniqueBoard("ban-late");
    await server.createBoard(late, { operator: "incr", shards: 2 });
    const own = await server.signIn("ghost");
    for (const board of [...boards, late]) {
      expect(await submit(board, "ghost", 20)).toMatchObject({ outcome: "accepted", score: 20 });
      expect(await statusOn(board, "ghost")).toBe(404);
      expect(await statusOn(board, "ghost", own)).toBe(200);
    }
    await lift("ghost");
    await isGone("ghost");
    for (const board of [...boards, late]) expect(await statusOn(board, "ghost")).toBe(200);
  });

  test("that has run out is lifted by itself", async () => {
    await everywhere("week", 5);
    await ban("week", { mode: "hide", reason: "a while", until: new Date(Date.now() + 1_500).toISOString() });
    await eventually(async () => expect(await shownOn("week")).toEqual([404, 404, 404]));
    await isGone("week");
    expect(await shownOn("week")).toEqual([200, 200, 200]);
    expect((await ban("week", { mode: "hide", reason: "x", until: "2020-01-01T00:00:00Z" })).status).toBe(
      400,
    );
  });

  test("is in the audit trail with who, when and why", async () => {
    await ban("noted", { mode: "hide", reason: "rule 4" });
    await lift("noted");
    const { body } = await server.call<{ records: object[] }>("GET", "/v1/admin/audit?member=noted", {
      key: ADMIN_KEY,
    });
    expect(body.records).toMatchObject([
      { action: "ban.lift", actor: "ADMIN_KEY", outcome: "done", reason: "appeal" },
      {
        action: "ban.put",
        actor: "ADMIN_KEY",
        outcome: "done",
        reason: "rule 4",
        details: { request: { mode: "hide" } },
      },
    ]);
  });
});

describeOnBoth("the work of a ban", (store) => {
  test("goes on behind the last board that was done when the process that did it died", async () => {
    const redis = await commandConnection(sharedRedisUrl());
    await redis.del(bansKey, banLeaseKeys.lease, banLeaseKeys.token);
    const database = store.open();
    const registry = registryOn(redis);
    const opens: OpenBoard[] = [];
    for (const name of ["x", "y", "z"]) {
      const board = uniqueBoard(`work-${name}`);
      opens.push(
        (await registry.put(boardFrom(board, boardDefinition.parse({ operator: "set", shards: 2 })))).open,
      );
    }
    const hasher = await createHasher();
    const touched: string[] = [];
    const common = { redis, database, registry, hasher };
    const dying = bansOf(common, (board) => {
      touched.push(board);
      if (board === opens[1]!.board.id) throw new Error("killed");
    });
    await dying.bans.put({ member: "m", mode: "hide", reason: "r", actor: "test" });
    await expect(dying.bans.carryOut()).rejects.toThrow("killed");
    // What it held runs out, as after a death.
    await redis.del(banLeaseKeys.lease);
    const next = bansOf(common, (board) => touched.push(board));
    await next.set.refresh();
    await next.bans.carryOut();
    const ours = opens.map(({ board }) => board.id);
    expect(touched.filter((board) => ours.includes(board))).toEqual(ours);
    const marks = await Promise.all(
      opens.map(async (open) =>
        redis.hget(open.shards[hasher.shardOf("m", open.board.shards)]!.places, "\rm"),
      ),
    );
    expect(marks).toEqual(["01", "01", "01"]);
    expect((await new BanStore(database, 10).get("m"))?.state).toBe("active");
    expect(await new Reader(redis, hasher).count(opens[0]!)).toBe(0);
    redis.disconnect();
  });

  test("is noted once in the audit trail, however often its notes are brought", async () => {
    const redis = await commandConnection(sharedRedisUrl());
    const database = store.open();
    const trail = new AuditTrail({ redis, database, log: silentLog, opensDatabase: true });
    const request = await trail.intend({ actor: "k1", action: "test.once", member: "m", details: { a: 1 } });
    await trail.bring();
    expect((await trail.list({ action: "test.once" }, 10)).records).toMatchObject([
      { outcome: null, details: { a: 1 } },
    ]);
    await trail.settle(request, { outcome: "done", details: { b: 2 } });
    // Brought twice: the first time its process died before it took the note away.
    const notes = await redis.xrange(auditOutboxKey, "-", "+");
    await trail.bring();
    for (const [, fields] of notes) await redis.xadd(auditOutboxKey, "*", ...fields);
    await trail.bring();
    expect((await trail.list({ action: "test.once" }, 10)).records).toMatchObject([
      { outcome: "done", actor: "k1", details: { a: 1, b: 2 } },
    ]);
    redis.disconnect();
  });
});

type Common = {
  redis: Awaited<ReturnType<typeof commandConnection>>;
  database: Database;
  registry: Registry;
  hasher: Awaited<ReturnType<typeof createHasher>>;
};

/** As compose builds it, without its loops. */
function bansOf({ redis, database, registry, hasher }: Common, onBoardDone: (board: string) => void) {
  const set = new BanSet({
    redis,
    pollMs: 60_000,
    now: Date.now,
    onMissing: async () => false,
    onError: () => undefined,
  });
  const bans = new Bans({
    redis,
    registry,
    hasher,
    limits: DEDUP,
    store: new BanStore(database, 100),
    set,
    lease: new Lease(redis, banLeaseKeys, { ttlMs: 3_000 }),
    everyMs: 60_000,
    now: Date.now,
    onMoved: () => undefined,
    onBoardDone: (_, board) => onBoardDone(board),
    onError: () => undefined,
  });
  return { bans, set };
}
