/** What admins look at: shards and movement of a board, and lists that page on while others write. */
import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ChangeRates } from "../../server/gateway/change-rates.ts";
import { describeOnBoth } from "../support/databases.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Shard = {
  shard: number;
  members: number;
  held: number;
  n: number;
  slot: number;
  node: string;
  bytes: Record<string, number>;
  archived: { n: number; at: string; lag: number } | null;
};
type Shards = { incarnation: string; shards: Shard[] };
type Stats = {
  members: number;
  held: number;
  bytes: number;
  accepted: number;
  feed: { offset: number };
  rates: { submissionsPerSecond: number } | null;
  archive: { lag: number; shards: number } | null;
};

/** PGlite takes its time on a busy machine. */
const DATABASE_OPENS_MS = 120_000;

describeOnBoth("an admin", (store) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer(sharedRedisUrl(), { ...store.settings(), DEVICE_SIGN_IN: "on" });
    await server.running.database.ready();
  }, DATABASE_OPENS_MS);
  afterAll(() => server.stop());

  const look = async <T>(path: string): Promise<T> =>
    (await server.call<T>("GET", path, { key: ADMIN_KEY })).body;
  const submit = (board: string, members: string[], score = 1) =>
    server.call("POST", `/v1/boards/${board}/scores`, {
      key: SERVER_KEY,
      body: { submissions: members.map((member) => ({ member, score })) },
    });

  /** Every page of a list, and what is done between two of them. */
  async function pages<T extends { cursor?: string }>(path: string, between: () => Promise<unknown>) {
    const read: T[] = [];
    for (let cursor: string | undefined = ""; cursor !== undefined; ) {
      const page: T = await look<T>(
        `${path}${path.includes("?") ? "&" : "?"}limit=2${cursor && `&cursor=${cursor}`}`,
      );
      read.push(page);
      cursor = page.cursor;
      await between();
    }
    return read;
  }

  test("sees what each shard holds and takes, where it lies, and how far the archive is", async () => {
    const board = uniqueBoard("shards");
    await server.createBoard(board, {
      operator: "set",
      shards: 4,
      rules: { maxChange: 5, onViolation: "hold" },
    });
    await submit(
      board,
      Array.from({ length: 40 }, (_, i) => `m${i}`),
    );
    await submit(board, ["m1"], 100);
    const path = `/v1/admin/boards/${board}/shards`;
    const before = await look<Shards>(path);
    const sum = (of: (shard: Shard) => number): number =>
      before.shards.reduce((all, one) => all + of(one), 0);
    expect(before.shards.map(({ shard }) => shard)).toEqual([0, 1, 2, 3]);
    expect(sum(({ members }) => members)).toBe(40);
    expect(sum(({ held }) => held)).toBe(1);
    for (const { n, slot, node, bytes, archived, shard } of before.shards) {
      expect(n).toBeGreaterThan(0);
      expect(Math.floor((slot * 4) / 16_384)).toBe(shard);
      expect(node).toBe("redis");
      expect(archived).toBeNull();
      expect(Object.values(bytes).every((one) => one > 0)).toBe(true);
    }
    await archiveOneBatch(board, before.incarnation, 2);
    const after = await look<Shards>(path);
    expect(after.shards.map(({ archived }) => archived?.n)).toEqual([undefined, undefined, 1, undefined]);
    expect(after.shards[2]!.archived!.lag).toBe(after.shards[2]!.n - 1);
    const stats = await look<Stats>(`/v1/admin/boards/${board}/stats`);
    const batches = after.shards.reduce((all, { n }) => all + n, 0);
    expect(stats.archive).toEqual({ lag: batches - 1, shards: 1 });
  });

  /** As an archiver would have it after the first batch. */
  const archiveOneBatch = (board: string, incarnation: string, shard: number): Promise<unknown> =>
    server.running.database.run((db) =>
      sql`with life as (
            insert into lives (board, season, ordinal, incarnation) values (${board}, 1, 1, ${incarnation}) returning life
          )
          insert into shard_positions (life, shard, n, entry_id, at)
          select life, ${sql.lit(shard)}, 1, '1-0', now() from life`.execute(db),
    );

  test("sees how a board moves, as the counters and the feed say", async () => {
    const board = uniqueBoard("stats");
    await server.createBoard(board, { operator: "set", shards: 2 });
    const path = `/v1/admin/boards/${board}/stats`;
    expect((await look<Stats>(path)).rates).toBeNull();
    await submit(board, ["a", "b", "c"]);
    await eventually(async () => {
      const { members, accepted, feed, rates } = await look<Stats>(path);
      return members === 3 && accepted === 3 && feed.offset > 0 && (rates?.submissionsPerSecond ?? 0) > 0;
    });
  });

  test("pages through boards while others are made", async () => {
    const made: string[] = [];
    const make = async (name: string) => {
      made.push(uniqueBoard(name));
      await server.createBoard(made.at(-1)!, { operator: "best", shards: 1 });
    };
    for (const name of ["b", "d", "f"]) await make(name);
    const before = [...made];
    const read = await pages<{ boards: { board: string }[]; cursor?: string }>("/v1/admin/boards", () =>
      made.length < 6 ? make("a") : Promise.resolve(),
    );
    const listed = read.flatMap(({ boards }) => boards.map(({ board }) => board));
    expect(listed).toEqual([...new Set(listed)].sort());
    expect(listed).toEqual(expect.arrayContaining(before));
  });

  test("pages through keys, newest first, while others are made: each of before once", async () => {
    const make = async () => {
      const body = { name: "paged", role: "read" };
      const made = await server.call<{ id: string }>("POST", "/v1/admin/keys", { key: ADMIN_KEY, body });
      return made.body.id;
    };
    const before = [await make(), await make(), await make(), await make(), await make()].reverse();
    const read = await pages<{ keys: { id: string }[]; cursor?: string }>("/v1/admin/keys", make);
    const listed = read.flatMap(({ keys }) => keys.map(({ id }) => id));
    expect(listed.slice(0, 5)).toEqual(before);
    expect(new Set(listed).size).toBe(listed.length);
  });

  test("pages through a player's devices while the last one listed is taken away", async () => {
    const member = uniqueBoard("paged");
    const token = await server.signIn(member);
    for (let i = 0; i < 5; i++) {
      const body = { device: randomBytes(16).toString("base64url") };
      await server.call("POST", "/v1/devices/link", { key: token, body });
    }
    const path = `/v1/members/${member}/devices`;
    const all = (await look<{ devices: { id: string }[] }>(path)).devices.map(({ id }) => id);
    expect(all).toHaveLength(5);
    let last = 1;
    const read = await pages<{ devices: { id: string }[]; cursor?: string }>(path, async () => {
      await server.call("DELETE", `${path}/${all[last]}`, { key: SERVER_KEY });
      last += 2;
    });
    expect(read.flatMap(({ devices }) => devices.map(({ id }) => id))).toEqual(all);
  });

  test("is refused a cursor of another list, and one that is none", async () => {
    const boards = await look<{ cursor: string }>("/v1/admin/boards?limit=1");
    for (const cursor of [boards.cursor, "nonsense", "WzFd"]) {
      const { status, body } = await server.call("GET", `/v1/admin/keys?cursor=${cursor}`, {
        key: ADMIN_KEY,
      });
      expect({ status, body }).toMatchObject({ status: 400, body: { error: { code: "cursor_invalid" } } });
    }
  });

  test("ends a player's sessions, and no one else does", async () => {
    const member = uniqueBoard("ended");
    const token = await server.signIn(member);
    const path = `/v1/admin/sessions?member=${member}`;
    expect((await server.call("GET", path, { key: SERVER_KEY })).status).toBe(403);
    expect(await look(path)).toMatchObject({ member, sessions: [{ how: "server" }] });
    expect((await server.call("DELETE", path, { key: ADMIN_KEY })).body).toEqual({ revoked: 1 });
    expect((await server.call("GET", "/v1/sessions", { key: token })).status).toBe(401);
  });
});

test("shards and stats answer while the database is away, without what only it knows", async () => {
  const server = await startServer(sharedRedisUrl(), { DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" });
  onTestFinished(() => server.stop());
  const board = uniqueBoard("away");
  await server.createBoard(board, { operator: "set", shards: 1 });
  const at = `/v1/admin/boards/${board}`;
  const { status, body } = await server.call<Shards>("GET", `${at}/shards`, { key: ADMIN_KEY });
  expect({ status, archived: body.shards.map(({ archived }) => archived) }).toEqual({
    status: 200,
    archived: [null],
  });
  const stats = await server.call<Stats>("GET", `${at}/stats`, { key: ADMIN_KEY });
  expect({ status: stats.status, archive: stats.body.archive }).toEqual({ status: 200, archive: null });
});

describe("rates of change", () => {
  test("are those since the look before, not since one a moment ago, and begin anew with a new life", () => {
    let now = 0;
    const rates = new ChangeRates(() => now);
    const look = (accepted: number, life = "one") =>
      rates.look("b", life, { accepted, topChanges: 2 * accepted });
    expect(look(100)).toBeUndefined();
    now = 2_000;
    expect(look(150)).toEqual({ submissionsPerSecond: 25, topChangesPerSecond: 50, overMs: 2_000 });
    now = 2_500;
    expect(look(200)).toEqual({ submissionsPerSecond: 40, topChangesPerSecond: 80, overMs: 2_500 });
    now = 4_000;
    expect(look(100)?.submissionsPerSecond).toBe(0);
    expect(look(100, "two")).toBeUndefined();
  });
});
