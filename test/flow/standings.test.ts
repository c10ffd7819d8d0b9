/** Live ranks over real sockets: one's own score at once, others' with the tick, at any depth; and windows round players and of friends. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { LiveWindow } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

let server: TestServer;
/** Another process's way in: nothing that it acknowledges is known to the first gateway. */
let elsewhere: TestServer;
const clients: StandingClient[] = [];

beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { INDEX_MS: "100", CONTROL_PLANE: "off" });
  elsewhere = await startServer(sharedRedisUrl(), { ROLES: "gateway", CONTROL_PLANE: "off" });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});
afterAll(async () => {
  await elsewhere.stop();
  await server.stop();
});

async function newBoard(members: number, topSize = 10): Promise<string> {
  const board = uniqueBoard("me");
  const columns = [{ name: "score", max: 1_000_000 }];
  await server.createBoard(board, { operator: "set", writers: "player", shards: 4, topSize, columns });
  // m1 is best with 10 × members points, the last one has 10.
  await submit(
    board,
    Array.from({ length: members }, (_, i) => [`m${i + 1}`, 10 * (members - i)]),
  );
  await eventually(async () => {
    const { body } = await server.call<{ total: number }>("GET", `/v1/boards/${board}/top?limit=1`);
    expect(body.total).toBe(members);
  });
  return board;
}

async function submit(board: string, scores: [string, number][], through = server): Promise<void> {
  const submissions = scores.map(([member, score]) => ({ member, score }));
  const { status } = await through.call("POST", `/v1/boards/${board}/scores`, {
    key: SERVER_KEY,
    body: { submissions },
  });
  expect(status).toBe(200);
}

async function connect(member?: string): Promise<StandingClient> {
  const token = member === undefined ? undefined : await server.signIn(member);
  const client = await new StandingClient(server.url, token).connected();
  clients.push(client);
  return client;
}

describe("one's own rank", () => {
  test("is answered at any depth, and null for who is not on the board", async () => {
    const board = await newBoard(300);
    const client = await connect("m200");
    expect(await client.me(board)).toMatchObject({ member: "m200", rank: 200, total: 300, score: 1010 });
    expect(await client.me(board, "m3")).toMatchObject({ member: "m3", rank: 3, error: 0 });
    expect(await client.me(board, "nobody")).toMatchObject({ rank: null, total: 300, percentile: 0 });
  });

  test("moves at once with an own score, also onto the board and into its top", async () => {
    const board = await newBoard(300);
    const client = await connect("fresh");
    expect(await client.me(board)).toMatchObject({ rank: null });
    await client.submit(board, 1005);
    await eventually(() => {
      const { rank, error, score } = client.last.get("fresh")!;
      expect(score).toBe(1005);
      expect(Math.abs(rank! - 201)).toBeLessThanOrEqual(error);
    });
    await client.submit(board, 2996);
    await eventually(() =>
      expect(client.last.get("fresh")).toMatchObject({ rank: 2, exact: true, error: 0, score: 2996 }),
    );
    expect(client.last.get("fresh")!.position).toBeDefined();
  });

  test("[R 10] is never older than the acknowledged score", async () => {
    const board = await newBoard(50, 5);
    const client = await connect("m40");
    await client.me(board);
    let acknowledged = 110;
    for (let i = 0; i < 30; i++) {
      const before = client.pushes.length;
      acknowledged = 5 + ((i * 131) % 500);
      await client.submit(board, acknowledged);
      const told = client.pushes.length;
      await eventually(() => expect(client.pushes.length).toBeGreaterThan(before));
      for (const { score } of client.pushes.slice(told)) expect(score).toBe(acknowledged);
    }
    await eventually(() => expect(client.last.get("m40")!.score).toBe(acknowledged));
  });

  test("moves when others score through another process, with nothing but the index to tell", async () => {
    const board = await newBoard(300);
    const client = await connect("m200");
    await client.me(board);
    await submit(
      board,
      Array.from({ length: 50 }, (_, i) => [`m${250 + i}`, 2_500]),
      elsewhere,
    );
    await eventually(() => {
      const { rank, error } = client.last.get("m200")!;
      expect(Math.abs(rank! - 250)).toBeLessThanOrEqual(error);
      expect(rank).toBeGreaterThan(230);
    });
    await submit(board, [["m200", 2_999]], elsewhere);
    await eventually(() =>
      expect(client.last.get("m200")).toMatchObject({ rank: 2, exact: true, score: 2_999 }),
    );
  });

  test("tells who passed whom in the published top", async () => {
    const board = await newBoard(20);
    const client = await connect("m3");
    await client.me(board);
    await submit(board, [["m9", 185]], elsewhere);
    await eventually(() => expect(client.last.get("m3")).toMatchObject({ rank: 4, overtakenBy: ["m9"] }));
    await client.submit(board, 199);
    await eventually(() => expect(client.last.get("m3")).toMatchObject({ rank: 2, exact: true }));
    const passed = client.pushes.flatMap(({ overtook }) => overtook ?? []);
    expect(new Set(passed)).toEqual(new Set(["m2", "m9"]));
  });

  test("holds a small change back, and tells it within five seconds of the last movement", {
    timeout: 30_000,
  }, async () => {
    const board = await newBoard(3_000);
    const client = await connect();
    const followed = [2_890, 2_893, 2_896, 2_899, 2_902];
    for (const n of followed) expect(await client.me(board, `m${n}`)).toMatchObject({ rank: n });
    // Once the index is there, those whose exact rank it cannot confirm are told so.
    const settled = await eventually(() => {
      const inexact = followed.filter((n) => client.last.get(`m${n}`)!.error > 0);
      expect(inexact.length).toBeGreaterThan(2);
      return inexact;
    });
    const told = client.pushes.length;
    // Two ranks of 2,900 are less than one in a thousand.
    await submit(
      board,
      [
        ["m2950", 20_000],
        ["m2960", 20_000],
      ],
      elsewhere,
    );
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const early = client.pushes.slice(told).filter(({ member }) => settled.includes(Number(member.slice(1))));
    expect(early).toEqual([]);
    await eventually(
      () => {
        for (const n of settled) {
          const { rank, error } = client.last.get(`m${n}`)!;
          expect(rank).not.toBe(n);
          expect(Math.abs(rank! - (n + 2))).toBeLessThanOrEqual(error);
        }
      },
      { withinMs: 7_000 },
    );
  });

  test("is not pushed any more after an unsubscribe", async () => {
    const board = await newBoard(30);
    const client = await connect("m20");
    await client.me(board);
    expect(await client.ask("unsubscribe", { board, kind: "me" })).toMatchObject({ ok: true });
    const watching = await connect();
    await watching.me(board, "m20");
    await submit(board, [["m20", 295]]);
    await eventually(() => expect(watching.last.get("m20")).toMatchObject({ rank: 2, exact: true }));
    expect(client.pushes).toEqual([]);
  });

  test("ends for a spectator when the board becomes private", async () => {
    const board = await newBoard(30);
    const client = await connect();
    await client.me(board, "m20");
    const definition = { operator: "set" as const, writers: "player" as const, shards: 4, topSize: 10 };
    const columns = [{ name: "score", max: 1_000_000 }];
    await server.createBoard(board, { ...definition, columns, visibility: "private" });
    await eventually(() =>
      expect(client.ended).toMatchObject([
        { board, kind: "me", member: "m20", error: { code: "forbidden" } },
      ]),
    );
  });

  test("is refused where it is asked for too often, or by nobody for nobody", async () => {
    const board = await newBoard(40);
    const client = await connect();
    for (let i = 1; i <= 32; i++) await client.me(board, `m${i}`);
    await expect(client.me(board, "m33")).rejects.toMatchObject({ code: "too_many_subscriptions" });
    await client.me(board, "m32");
    await expect((await connect()).me(board)).rejects.toMatchObject({ code: "bad_request" });
  });
});

const linesOf = (window: LiveWindow): [number, string][] =>
  window.entries.map(({ rank, member }) => [rank, member]);

describe("live windows", () => {
  test("show who is round a player, from Redis and from the top, and follow them", async () => {
    const board = await newBoard(300);
    const client = await connect("m200");
    const window = await client.window({ board, kind: "around", limit: 5 });
    expect(linesOf(window)).toEqual([198, 199, 200, 201, 202].map((n) => [n, `m${n}`]));
    await client.submit(board, 2_996);
    await eventually(() => {
      const top = [
        [1, "m1"],
        [2, "m200"],
        [3, "m2"],
        [4, "m3"],
        [5, "m4"],
      ];
      expect(linesOf(client.windows.at(-1)!)).toEqual(top);
    });
    await client.submit(board, 1_505);
    await eventually(() => {
      expect(linesOf(client.windows.at(-1)!)).toEqual(
        [
          [150, "m149"],
          [151, "m150"],
          [152, "m200"],
          [153, "m151"],
          [154, "m152"],
        ].map(([rank, member]) => [(rank as number) - 1, member]),
      );
    });
  });

  test("come at most once a second", async () => {
    const board = await newBoard(50);
    const client = await connect("m30");
    await client.window({ board, kind: "around", limit: 5 });
    const from = performance.now();
    for (let i = 0; i < 25; i++) {
      await client.submit(board, 205 + 10 * (i % 9));
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    const seconds = (performance.now() - from) / 1000;
    expect(client.windows.length).toBeGreaterThan(0);
    expect(client.windows.length).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  });

  test("of friends are in order among themselves, with who is missing", async () => {
    const board = await newBoard(300);
    const client = await connect("m200");
    const members = ["m200", "m5", "m290", "ghost"];
    const window = await client.window({ board, kind: "members", list: "friends", members });
    expect(window.entries.map(({ place, member }) => [place, member])).toEqual([
      [1, "m5"],
      [2, "m200"],
      [3, "m290"],
    ]);
    expect(window).toMatchObject({ kind: "members", list: "friends", missing: ["ghost"] });
    await submit(
      board,
      [
        ["m290", 2_995],
        ["ghost", 15],
      ],
      elsewhere,
    );
    await eventually(() => {
      const last = client.windows.at(-1)!;
      expect(last.entries.map(({ member }) => member)).toEqual(["m290", "m5", "m200", "ghost"]);
      expect(last.entries[0]).toMatchObject({ rank: 2, exact: true });
      expect(last).toMatchObject({ missing: [] });
    });
  });

  test("of more than 500 friends are refused", async () => {
    const board = await newBoard(2);
    const client = await connect();
    const members = Array.from({ length: 501 }, (_, i) => `f${i}`);
    await expect(client.window({ board, kind: "members", list: "a", members })).rejects.toMatchObject({
      code: "too_many_items",
    });
  });
});
