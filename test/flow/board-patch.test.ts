/** Changing a board field by field: what is named changes, all else stays, also when two change at once. */
import { afterAll, beforeAll, expect, test } from "vitest";
import type { BoardInfo, ScoreRules } from "../../client-sdk/protocol/messages.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

type Shown = BoardInfo & { rules?: ScoreRules; metadata?: boolean; error?: { code: string } };

/** Every field differs from its default, so that one that falls back to it is seen. */
const DEFINITION: BoardDefinition = {
  operator: "set",
  order: "asc",
  columns: [
    { name: "time", decimals: 3, min: 1, max: 9_000 },
    { name: "laps", order: "desc", max: 99 },
  ],
  ties: "earliest",
  tieResolutionMs: 1_000,
  endsAt: "2090-01-01T00:00:00Z",
  shards: 2,
  topSize: 50,
  writers: "player",
  visibility: "private",
  metadata: true,
  profileFields: ["country"],
  rules: { maxChange: 5, onViolation: "hold" },
};

let one: TestServer;
let other: TestServer;
beforeAll(async () => {
  one = await startServer(sharedRedisUrl());
  other = await startServer(sharedRedisUrl());
});
afterAll(() => Promise.all([one.stop(), other.stop()]));

const patch = (id: string, body: unknown, at = one) =>
  at.call<Shown>("PATCH", `/v1/admin/boards/${id}`, { key: ADMIN_KEY, body });
const shown = async (id: string): Promise<Shown> =>
  (await one.call<Shown>("GET", `/v1/boards/${id}`, { key: ADMIN_KEY })).body;

async function made(): Promise<{ id: string; before: Shown }> {
  const id = uniqueBoard("patched");
  await one.createBoard(id, DEFINITION);
  return { id, before: await shown(id) };
}

test("what is named changes, and all else stays", async () => {
  const { id, before } = await made();
  const { status, body } = await patch(id, { topSize: 10, visibility: "public" });
  expect(status).toBe(200);
  expect(body).toMatchObject({ topSize: 10, visibility: "public" });
  expect(await shown(id)).toEqual({ ...before, topSize: 10, visibility: "public" });
});

test("null takes rules away, and nothing that must be there", async () => {
  const { id, before } = await made();
  expect((await patch(id, { rules: null })).status).toBe(200);
  const { rules: _, ...rest } = before;
  expect(await shown(id)).toEqual(rest);
  expect((await patch(id, { topSize: null })).body.error?.code).toBe("bad_request");
});

test("of many changes at once, at two gateways, none undoes another", async () => {
  const { id, before } = await made();
  const changes = [
    { topSize: 7 },
    { visibility: "public" },
    { writers: "server" },
    { metadata: false },
    { profileFields: ["extra"] },
  ];
  const answers = await Promise.all(changes.map((change, i) => patch(id, change, i % 2 === 0 ? one : other)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
  await patch(id, { topSize: 8 });
  expect(await shown(id)).toEqual({ ...before, ...Object.assign({}, ...changes), topSize: 8 });
});

test("what is fixed while the season is open is refused, unless it is as it was", async () => {
  const { id, before } = await made();
  expect((await patch(id, { shards: 4 })).body.error?.code).toBe("board_locked");
  expect((await patch(id, { order: "asc", topSize: 9 })).status).toBe(200);
  expect(await shown(id)).toEqual({ ...before, topSize: 9 });
});

test("a board that is not there, an empty change and an unknown field are refused", async () => {
  const { id } = await made();
  expect((await patch(uniqueBoard("nobody"), { topSize: 9 })).body.error?.code).toBe("board_not_found");
  for (const body of [{}, { size: 9 }, { topSize: 0 }, { rules: { maxChange: 0.0001 } }]) {
    expect((await patch(id, body)).status).toBe(400);
  }
  const byServer = await one.call("PATCH", `/v1/admin/boards/${id}`, {
    key: SERVER_KEY,
    body: { topSize: 9 },
  });
  expect(byServer.status).toBe(403);
});
