/** What hidden players and shadows are told live of themselves: their score, or the rank that they would have; and what others are told. */
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
});
afterAll(() => server.stop());

const clients: StandingClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const TOP_SIZE = 10;
const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `p${String(from + i).padStart(3, "0")}`);

/** p000 is the best of forty, ten of whom are published. */
async function arena(): Promise<string> {
  const board = uniqueBoard("own");
  await server.createBoard(board, { operator: "set", shards: 4, topSize: TOP_SIZE });
  await submit(
    board,
    ids(0, 40).map((member, i) => ({ member, score: 1_000 - 10 * i })),
  );
  return board;
}

const submit = (board: string, submissions: object[]) =>
  server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
const moderate = (board: string, member: string, what: string) =>
  server.call("POST", `/v1/admin/boards/${board}/members/${member}/${what}`, {
    key: ADMIN_KEY,
    body: { reason: "cheats" },
  });

async function as(member?: string): Promise<StandingClient> {
  const token = member === undefined ? undefined : await server.signIn(member);
  const client = await new StandingClient(server.url, token).connected();
  clients.push(client);
  return client;
}

test("who is hidden is told the own score without a rank, when it happens and in an answer; others hear of nobody", async () => {
  const board = await arena();
  const [own, other] = [await as("p003"), await as("p004")];
  expect(await own.me(board)).toMatchObject({ rank: 4, score: 970 });
  await other.me(board, "p003");
  await moderate(board, "p003", "hide");
  const hidden = { rank: null, hidden: true, score: 970, percentile: 0 };
  await eventually(() => expect(own.last.get("p003")).toMatchObject(hidden));
  await eventually(() => expect(other.last.get("p003")).toMatchObject({ rank: null }));
  await submit(board, [{ member: "p003", score: 5_000 }]);
  await eventually(() => expect(own.last.get("p003")).toMatchObject({ ...hidden, score: 5_000 }));
  const again = await as("p003");
  expect(await again.me(board)).toMatchObject({ ...hidden, score: 5_000 });
  expect(await again.window({ board, kind: "around" })).toMatchObject({
    entries: [],
    hidden: true,
    score: 5_000,
  });
  const asked = await other.window({ board, kind: "around", member: "p003" });
  expect(asked.entries).toEqual([]);
  expect(asked).not.toHaveProperty("hidden");
  const heard = other.pushes.filter(({ member }) => member === "p003");
  expect(heard.filter((one) => "hidden" in one || one.score === 5_000)).toEqual([]);
  await moderate(board, "p003", "show");
  await eventually(() => expect(own.last.get("p003")).toMatchObject({ rank: 1, score: 5_000 }));
  expect(own.last.get("p003")).not.toHaveProperty("hidden");
});

test.each([
  ["in the published top", "p003", 4],
  ["below it", "p025", 26],
])("a shadow %s keeps the rank and the window, and both go on as for anybody", async (_, member, rank) => {
  const board = await arena();
  const [own, other] = [await as(member), await as()];
  await eventually(async () => expect(await own.me(board)).toMatchObject({ rank, total: 40 }));
  const before = await own.window({ board, kind: "around", limit: 5 });
  await other.me(board, member);
  await moderate(board, member, "shadow");
  await eventually(() => expect(other.last.get(member)).toMatchObject({ rank: null }));
  const again = await as(member);
  expect(await again.me(board)).toMatchObject({ rank, total: 40, score: 1_000 - 10 * (rank - 1) });
  const { entries, total } = await again.window({ board, kind: "around", limit: 5 });
  expect([entries, total]).toEqual([before.entries, before.total]);
  // Somebody passes: the shadow moves down, and its window shows it.
  await submit(board, [{ member: "p039", score: 2_000 }]);
  await eventually(() => expect(own.last.get(member)).toMatchObject({ rank: rank + 1, total: 40 }));
  await eventually(() => {
    const line = own.windows.at(-1)?.entries.find((entry) => entry.member === member);
    expect(line).toMatchObject({ rank: rank + 1 });
  });
  // And so it does when the shadow itself goes on.
  await submit(board, [{ member, score: 3_000 }]);
  await eventually(() => expect(own.last.get(member)).toMatchObject({ rank: 1, score: 3_000 }));
  await eventually(() => expect(own.windows.at(-1)?.entries[0]).toMatchObject({ rank: 1, member }));
  // At no time was it told that it is not there, and nobody else was told more than that.
  const told = [...own.pushes.filter((one) => one.member === member)];
  expect(told.filter((one) => one.rank === null || "hidden" in one)).toEqual([]);
  expect(own.windows.filter(({ entries: shown }) => shown.every((one) => one.member !== member))).toEqual([]);
  const heard = other.pushes.filter((one) => one.member === member);
  expect(heard.at(-1)).toMatchObject({ rank: null });
  expect(heard.filter((one) => one.score === 3_000 || one.rank === rank + 1)).toEqual([]);
});

test("a shadow from the first submission on sees it counted", async () => {
  const board = await arena();
  const member = `late-${board}`;
  await server.call("PUT", `/v1/admin/bans/${member}`, {
    key: ADMIN_KEY,
    body: { mode: "shadow", reason: "toxic" },
  });
  const own = await as(member);
  expect(await own.me(board)).toMatchObject({ rank: null });
  await submit(board, [{ member, score: 985 }]);
  await eventually(() => expect(own.last.get(member)).toMatchObject({ rank: 3, score: 985, total: 41 }));
});
