/** Moderation as those who watch see it: the frame that takes the entry out brings the next row in, at every view size, and followers of the rank hear of it. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { SseReader } from "../flow/sse-reader.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
});
afterAll(() => server.stop());

const ids = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `p${String(from + i).padStart(3, "0")}`);

async function arena(): Promise<string> {
  const board = uniqueBoard("live");
  await server.createBoard(board, { operator: "set", shards: 4, topSize: 120 });
  await submit(
    board,
    ids(0, 140).map((member, i) => ({ member, score: 1_000 - i })),
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
const membersOf = ({ rows }: RawClient): string[] => rows.map(([member]) => member);

test.each([
  "10",
  "100",
  "all",
] as const)("a view of %s loses a hidden row and gains the next one by one frame", async (view) => {
  const board = await arena();
  const size = view === "all" ? 120 : Number(view);
  const viewer = await new RawClient(server.url).connected();
  await viewer.follow(board, view === "all" ? view : (Number(view) as 10 | 100));
  await eventually(() => expect(membersOf(viewer)).toEqual(ids(0, size)));
  const before = viewer.frames.length;
  await moderate(board, "p003", "hide");
  const without = ids(0, size + 1).filter((member) => member !== "p003");
  await eventually(() => expect(membersOf(viewer)).toEqual(without));
  const [frame] = viewer.frames.slice(before);
  expect(frame).toMatchObject({ drop: ["p003"] });
  // What the hidden one submits makes no frame: the next one is of somebody else.
  const hiddenFrom = viewer.frames.length;
  await submit(board, [{ member: "p003", score: 5_000 }]);
  await submit(board, [{ member: "p005", score: 4_000 }]);
  await eventually(() => expect(membersOf(viewer)[0]).toBe("p005"));
  const told = viewer.frames.slice(hiddenFrom).flatMap(({ set }) => set.map(([member]) => member));
  expect(told).not.toContain("p003");
  await moderate(board, "p003", "show");
  await eventually(() => expect(membersOf(viewer)[0]).toBe("p003"));
  expect(viewer.gaps).toEqual([]);
  viewer.close();
});

test("whoever follows the rank of somebody who is removed hears that there is none, and others move up", async () => {
  const board = await arena();
  const client = await new StandingClient(server.url).connected();
  expect(await client.me(board, "p002")).toMatchObject({ rank: 3 });
  expect(await client.me(board, "p003")).toMatchObject({ rank: 4 });
  await moderate(board, "p002", "remove");
  await eventually(() => expect(client.last.get("p002")).toMatchObject({ rank: null }));
  await eventually(() => expect(client.last.get("p003")).toMatchObject({ rank: 3 }));
  client.close();
});

test("an event stream loses a removed row and gains the next one", async () => {
  const board = await arena();
  const reader = await SseReader.open(server.url, board, { query: "?view=10" });
  const members = (): string[] => reader.rows.map(([member]) => member);
  await eventually(() => expect(members()).toEqual(ids(0, 10)));
  await moderate(board, "p003", "remove");
  await eventually(() => expect(members()).toEqual(ids(0, 11).filter((member) => member !== "p003")));
  expect(reader.gaps).toEqual([]);
  await reader.close();
});
