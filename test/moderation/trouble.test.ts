/** Moderation while something else is wrong: the database is away, or Redis is full; and on boards that judge what is submitted. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { auditOutboxKey } from "../../server/redis/keys.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";

type Answered = { [name: string]: unknown } & { error?: { code: string } };

const PATIENCE = { withinMs: 20_000 };

let redis: TestRedis;
let postgres: TestPostgres;
let server: TestServer;
let board: string;
let boards = 0;
beforeAll(async () => {
  [redis, postgres] = await Promise.all([startTestRedis(), startTestPostgres()]);
  server = await startServer(redis.url, {
    DATABASE_URL: await postgres.newDatabase(),
    DATABASE_TIMEOUT_MS: "1000",
  });
  await server.running.database.ready();
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  await server?.stop();
  await redis?.stop();
  await postgres?.stop();
});

async function arena(more: Partial<BoardDefinition> = {}): Promise<void> {
  board = `trouble-${boards++}`;
  await server.createBoard(board, { operator: "set", shards: 2, ...more });
  await submit(
    ...Array.from({ length: 5 }, (_, i) => ({ member: `p${i}`, score: 100 - i, id: `first-${i}` })),
  );
}

async function submit(...submissions: object[]): Promise<SubmissionResult[]> {
  const path = `/v1/boards/${board}/scores`;
  const { body } = await server.call<{ results: SubmissionResult[] }>("POST", path, {
    key: SERVER_KEY,
    body: { submissions },
  });
  return body.results;
}

async function moderate(member: string, what: string, more: object = {}): Promise<Answered> {
  const path = `/v1/admin/boards/${board}/members/${member}/${what}`;
  return (await server.call<Answered>("POST", path, { key: ADMIN_KEY, body: { reason: "because", ...more } }))
    .body;
}

const admin = async (method: string, path: string, body?: object): Promise<Answered> =>
  (await server.call<Answered>(method, path, { key: ADMIN_KEY, ...(body ? { body } : {}) })).body;

const shown = async (): Promise<string[]> => {
  const { body } = await server.call<{ entries: { member: string }[] }>("GET", `/v1/boards/${board}/top`);
  return body.entries.map(({ member }) => member);
};
const shows = (...members: string[]): Promise<void> =>
  eventually(async () => expect(await shown()).toEqual(members), PATIENCE);

describe("on a board that holds what breaks a rule", () => {
  const HOLDS = { rules: { maxChange: 50, onViolation: "hold" } } as const;

  test("who is hidden stays hidden, also when what was held of them is approved; who is removed begins anew under the rules", async () => {
    await arena(HOLDS);
    await shows("p0", "p1", "p2", "p3", "p4");
    await moderate("p1", "hide");
    await moderate("p2", "shadow");
    await shows("p0", "p3", "p4");
    // Judged as if nobody had hidden them.
    const [hidden, shadow, held] = await submit(
      { member: "p1", score: 120, id: "within" },
      { member: "p2", score: 121, id: "within" },
      { member: "p1", score: 500, id: "beyond" },
    );
    expect([hidden!.outcome, shadow!.outcome, held!.outcome]).toEqual(["accepted", "accepted", "held"]);
    const { held: list } = (await admin("GET", `/v1/admin/boards/${board}/held`)) as unknown as {
      held: { held: string }[];
    };
    expect(await admin("POST", `/v1/admin/boards/${board}/held/${list[0]!.held}/approve`)).toMatchObject({
      result: { outcome: "accepted", score: 500 },
    });
    await submit({ member: "p4", score: 97, id: "moves" });
    await shows("p0", "p3", "p4");
    await moderate("p1", "show");
    await moderate("p2", "show");
    await shows("p1", "p2", "p0", "p3", "p4");
    await moderate("p1", "remove");
    // Nothing is left of the 500 to be measured against.
    expect(await submit({ member: "p1", score: 10, id: "anew" })).toMatchObject([{ outcome: "accepted" }]);
    expect(await submit({ member: "p1", score: 61, id: "from there" })).toMatchObject([{ outcome: "held" }]);
    // An admin is not judged.
    expect(await moderate("p4", "adjust", { score: 900 })).toMatchObject({ after: { score: 900 } });
    await shows("p4", "p2", "p0", "p3", "p1");
    expect(await submit({ member: "p4", score: 951, id: "beyond" })).toMatchObject([{ outcome: "held" }]);
    expect(await submit({ member: "p4", score: 949, id: "from there" })).toMatchObject([
      { outcome: "accepted" },
    ]);
  });
});

test("with PostgreSQL stopped entries are hidden, shown, removed and adjusted, what needs it is unavailable, and the audit trail gets everything later", async () => {
  await arena();
  await shows("p0", "p1", "p2", "p3", "p4");
  await moderate("p4", "remove");
  await postgres.kill();
  expect(await moderate("p0", "hide")).toMatchObject({ after: { sight: "hidden" } });
  expect(await moderate("p1", "shadow")).toMatchObject({ after: { sight: "shadow" } });
  expect(await moderate("p2", "remove")).toMatchObject({ before: { score: 98 }, after: null });
  expect(await moderate("p3", "adjust", { score: 7 })).toMatchObject({ after: { score: 7 } });
  await shows("p3");
  expect(await moderate("p1", "show")).toMatchObject({ after: { sight: "visible" } });
  await shows("p1", "p3");
  const refused = [
    await moderate("p4", "restore"),
    await admin("PUT", "/v1/admin/bans/p1", { mode: "hide", reason: "cheats" }),
    await admin("DELETE", "/v1/admin/bans/p1", { reason: "appeal" }),
    await admin("GET", "/v1/admin/bans"),
    await admin("GET", `/v1/admin/audit?board=${board}`),
  ];
  expect(refused.map(({ error }) => error?.code)).toEqual(Array(5).fill("unavailable"));
  await shows("p1", "p3");
  expect(await redis.client().xlen(auditOutboxKey)).toBeGreaterThan(0);

  await postgres.start();
  const noted = await eventually(async () => {
    const { records } = (await admin("GET", `/v1/admin/audit?board=${board}&limit=50`)) as unknown as {
      records: { action: string; member: string; outcome: string }[];
    };
    expect(records.map(({ action, member, outcome }) => `${action} ${member} ${outcome}`)).toEqual([
      "member.restore p4 unavailable",
      "member.show p1 done",
      "member.adjust p3 done",
      "member.remove p2 done",
      "member.shadow p1 done",
      "member.hide p0 done",
      "member.remove p4 done",
      "board.put null done",
    ]);
    return records;
  }, PATIENCE);
  expect(noted).toHaveLength(8);
  await eventually(async () => expect(await redis.client().xlen(auditOutboxKey)).toBe(0), PATIENCE);
  // What was removed while it was away is put back with what it was.
  expect(await moderate("p2", "restore")).toMatchObject({ after: { score: 98 } });
  expect(await moderate("p4", "restore")).toMatchObject({ after: { score: 96 } });
  await shows("p1", "p2", "p4", "p3");
}, 60_000);

describe("with Redis full", () => {
  let child: ChildServer;
  beforeAll(async () => {
    child = await startChildServer(redis.url, {});
  }, 60_000);
  afterAll(async () => {
    await redis.client().config("SET", "maxmemory", "0");
    await child.kill();
  });

  test("what needs no room is done, what does is store_full, and the log has the notes that the audit trail lacks", {
    timeout: 60_000,
  }, async () => {
    await arena();
    const call = async (method: string, path: string, key: string, body?: object) => {
      const response = await fetch(`http://127.0.0.1:${child.port}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body ? { "content-type": "application/json" } : {}) },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: response.status, text: await response.text() };
    };
    const at = `/v1/admin/boards/${board}/members`;
    await eventually(async () =>
      expect((await call("GET", `/v1/boards/${board}`, ADMIN_KEY)).status).toBe(200),
    );
    await server.signIn("p0");
    await redis.client().config("SET", "maxmemory", "1mb");
    const reason = { reason: "room" };
    expect(await call("POST", `${at}/p1/remove`, ADMIN_KEY, reason)).toMatchObject({ status: 200 });
    expect(await call("DELETE", "/v1/admin/sessions?member=p0", ADMIN_KEY)).toMatchObject({
      status: 200,
      text: '{"revoked":1}',
    });
    const full = { status: 503, text: expect.stringContaining('"store_full"') as string };
    expect(await call("POST", `${at}/p0/hide`, ADMIN_KEY, reason)).toMatchObject(full);
    expect(await call("POST", `${at}/p2/adjust`, ADMIN_KEY, { ...reason, score: 5 })).toMatchObject(full);
    expect(await call("PUT", "/v1/admin/boards/another", ADMIN_KEY, { operator: "set" })).toMatchObject(full);
    type Note = { audit: { meant?: { action: string }; came?: { outcome?: string } } };
    const notes = child.logged.filter(({ msg }) => msg.includes("could not be noted for the audit trail"));
    const told = notes.flatMap((line) => {
      const { meant, came } = (line as unknown as Note).audit;
      return meant?.action ?? came?.outcome ?? [];
    });
    expect(told).toEqual([
      ...["member.remove", "done", "session.delete", "done"],
      ...["member.hide", "store_full", "member.adjust", "store_full", "board.put", "store_full"],
    ]);
    await redis.client().config("SET", "maxmemory", "0");
    await shows("p0", "p2", "p3", "p4");
    // Nothing was done by halves.
    expect(await moderate("p0", "hide")).toMatchObject({ before: { sight: "visible" } });
    await shows("p2", "p3", "p4");
  });
});
