/** A wide board through every surface: HTTP, a socket that follows by the letter of the protocol, the SDK, and what Redis holds. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createClient, type RankwireClient } from "../../client-sdk/index.ts";
import type { Entry, EntryValues, SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { compareRows } from "../../client-sdk/protocol/rows.ts";
import { readSnapshot } from "../../server/feed/feed-store.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { placeOf, storedMember } from "../../server/leaderboard/codec.ts";
import { feedOf } from "../../server/options.ts";
import { FLOATS, INT64S } from "../support/arbitrary-board.ts";
import { commandConnection } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { NaiveBoard, type Value } from "../support/naive-board.ts";
import { RawClient } from "../support/raw-client.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { StandingClient } from "../support/standing-client.ts";

const WIDE: BoardDefinition = {
  operator: "set",
  columns: [
    { name: "power", type: "float" },
    { name: "coins", type: "int64", order: "asc" },
    { name: "wins", max: 30 },
  ],
  shards: 4,
  topSize: 6,
  writers: "player",
};
/** Beyond what a number holds. */
const COINS = "9007199254740993";

let server: TestServer;
let redis: Redis;
let client: RankwireClient;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl());
  redis = await commandConnection(sharedRedisUrl());
  client = createClient({ url: server.url });
});
afterAll(async () => {
  client.close();
  redis.disconnect();
  await server.stop();
});

async function wideBoard(): Promise<string> {
  const board = uniqueBoard("wide");
  expect(await server.createBoard(board, WIDE)).toMatchObject({ layout: "wide" });
  return board;
}

function submit(board: string, submissions: unknown[]) {
  const options = { key: SERVER_KEY, body: { submissions } };
  return server.call<{ results: SubmissionResult[] }>("POST", `/v1/boards/${board}/scores`, options);
}

async function read<T>(board: string, path: string): Promise<T> {
  const { status, body } = await server.call<T>("GET", `/v1/boards/${board}/${path}`);
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

function entryOf(values: Value[]): EntryValues {
  const [power, coins, wins] = values as [number, string, number];
  return { score: power, columns: { coins, wins } };
}

describe("a wide board", () => {
  it("is the same over HTTP, in the frames of a socket, in the SDK and in Redis, after every change", async () => {
    const board = await wideBoard();
    const open = await server.running.registry.get(board);
    const model = new NaiveBoard(open.board);
    const socket = await new RawClient(server.url).connected();
    await socket.follow(board);
    const store = client.board(board).top({ limit: 6 });
    const unfollow = store.subscribe(() => undefined);
    for (let round = 0; round < 25; round++) {
      const submissions = Array.from({ length: 4 }, (_, i) => {
        // Few members, so that most leave their old place; every other time by the rest alone.
        const member = `m${(round * 5 + i * 3) % 10}`;
        const kept = round % 2 === 0 ? undefined : model.entries.get(member)?.values[0];
        const power = kept ?? FLOATS[(round * 7 + i) % FLOATS.length]!;
        const values = [power, INT64S[(round + 5 * i) % 12]!, round % 31];
        model.submit({ member, values, id: "", at: 0 });
        return { member, ...entryOf(values) };
      });
      await submit(board, submissions);
      const expected = model
        .ranked()
        .map(({ member, rank, values }) => ({ rank, member, ...entryOf(values) }));
      const best = expected.slice(0, 6);
      await eventually(async () => {
        expect(socket.rows.map(([member, , ...values]) => ({ member, ...entryOf(values) }))).toEqual(
          best.map(({ rank: _, ...entry }) => entry),
        );
        expect(store.getSnapshot().entries).toEqual(best);
        expect((await read<{ entries: Entry[] }>(board, "top?limit=6")).entries).toEqual(best);
      });
      expect(socket.rows).toEqual(socket.rows.toSorted(compareRows));
      const stored = await readSnapshot(redis, feedOf(open));
      expect(stored === "store_lost" || stored.rows.map(({ member }) => member)).toEqual(
        socket.rows.map((row) => storedMember(placeOf(row))),
      );
    }
    expect(socket.gaps).toEqual([]);
    expect(socket.snapshots).toEqual([]);
    unfollow();
    socket.close();
  });

  it("takes 64-bit integers as text or as numbers, and answers text everywhere", async () => {
    const board = await wideBoard();
    const { body } = await submit(board, [
      { member: "text", score: -0.5, columns: { coins: COINS, wins: 1 } },
      { member: "number", score: -0.5, columns: { coins: -7, wins: 1 } },
      { member: "first", score: 1e300, columns: { coins: "-9223372036854775808", wins: 0 } },
    ]);
    expect(body.results[0]).toMatchObject({ outcome: "accepted", columns: { coins: COINS } });
    expect(body.results[1]).toMatchObject({ outcome: "accepted", columns: { coins: "-7" } });
    const best = [
      { rank: 1, member: "first", score: 1e300, columns: { coins: "-9223372036854775808", wins: 0 } },
      { rank: 2, member: "number", score: -0.5, columns: { coins: "-7", wins: 1 } },
      { rank: 3, member: "text", score: -0.5, columns: { coins: COINS, wins: 1 } },
    ];
    expect(await read(board, "members/text")).toMatchObject(best[2]!);
    expect(await read(board, "members/number/around?limit=3")).toMatchObject({ entries: best });
    await eventually(async () => {
      expect(await read(board, "top?limit=2")).toMatchObject({ entries: best.slice(0, 2) });
    });
    const { cursor } = await read<{ cursor: string }>(board, "top?limit=2");
    expect(await read(board, `top?limit=2&cursor=${cursor}`)).toMatchObject({ entries: best.slice(2) });
    // 9007199254740992 as a number would be as good as the text one above it.
    const rankOf = (coins: string) => read(board, `rank-of-score?score=-0.5&column.coins=${coins}`);
    expect(await rankOf("9007199254740992")).toMatchObject({
      rank: 3,
      columns: { coins: "9007199254740992" },
    });
    expect(await rankOf("9007199254740994")).toMatchObject({ rank: 4 });
    expect(await read(board, "rank-of-score?score=1e299")).toMatchObject({ rank: 2 });
  });

  it("pages on from the longest place that there can be", async () => {
    const board = uniqueBoard("w".repeat(40)).padEnd(64, "x");
    const int64 = (i: number) => ({ name: `c${i}`, type: "int64" as const });
    const columns = [{ name: "s", type: "float" as const }, ...[1, 2, 3, 4, 5, 6, 7].map(int64)];
    await server.createBoard(board, { operator: "set", ties: "latest", columns, topSize: 1 });
    const named = Object.fromEntries(columns.slice(1).map(({ name }) => [name, INT64S[8]!]));
    const members = ["\\", '"'].map((letter) => letter.repeat(128));
    await submit(
      board,
      members.map((member) => ({ member, score: -1e-300, columns: named })),
    );
    const top = await eventually(async () => {
      const page = await read<{ entries: Entry[]; cursor: string }>(board, "top?limit=1");
      expect(page.entries).toHaveLength(1);
      return page;
    });
    const next = await read<{ entries: Entry[] }>(board, `top?limit=1&cursor=${top.cursor}`);
    expect([...top.entries, ...next.entries].map(({ member }) => member).sort()).toEqual(members.sort());
  });

  it("tells a follower of a rank that moved by the rest alone, with the columns as they are", async () => {
    const board = await wideBoard();
    const coinsOf = (i: number): string => String(BigInt(COINS) + BigInt(i));
    const one = (member: number, coins: string) => {
      return { member: `m${member}`, score: 2.5, columns: { coins, wins: 1 } };
    };
    await submit(
      board,
      [1, 2, 3, 4, 5].map((i) => one(i, coinsOf(i))),
    );
    const follower = await new StandingClient(server.url).connected();
    await follower.me(board, "m3");
    const told = (rank: number, coins: string) =>
      eventually(() => {
        const columns = { coins, wins: 1 };
        expect(follower.last.get("m3")).toMatchObject({ rank, exact: true, error: 0, columns });
      });
    await told(3, coinsOf(3));
    await submit(board, [one(3, coinsOf(-9))]);
    await told(1, coinsOf(-9));
    await submit(board, [one(5, coinsOf(-10)), one(4, coinsOf(-11))]);
    await told(3, coinsOf(-9));
    await submit(board, [one(3, coinsOf(99))]);
    await told(5, coinsOf(99));
    follower.close();
  });

  it("takes a player's own submission over the SDK", async () => {
    const board = await wideBoard();
    const player = createClient({ url: server.url, token: await server.signIn("me") });
    const values = { score: 0.1, columns: { coins: COINS, wins: 3 } };
    expect(await player.board(board).submit(values)).toMatchObject({ outcome: "accepted", ...values });
    expect(await player.board(board).rank()).toMatchObject({ rank: 1, ...values });
    player.close();
  });

  it.each([
    ["a fraction as a 64-bit integer", { coins: 1.5, wins: 1 }, "not_representable"],
    ["a number that may have been another one", { coins: 2 ** 53, wins: 1 }, "not_representable"],
    ["text that is no integer", { coins: "1e3", wins: 1 }, "bad_request"],
    ["more than 64 bits", { coins: "9223372036854775808", wins: 1 }, "out_of_range"],
    ["text in a column of numbers", { coins: "1", wins: "1" }, "bad_request"],
    ["an absent 64-bit integer", { wins: 1 }, "column_missing"],
  ])("refuses %s, and nothing else of the call", async (_, columns, code) => {
    const board = await wideBoard();
    const good = { member: "good", score: 1, columns: { coins: 1, wins: 1 } };
    const { body } = await submit(board, [{ member: "bad", score: 1, columns }, good]);
    expect(body.results).toMatchObject([{ outcome: "rejected", error: { code } }, { outcome: "accepted" }]);
  });

  it("keeps its layout while its season is open", async () => {
    const board = await wideBoard();
    for (const columns of [[{ name: "power", max: 1 }], WIDE.columns!.slice(0, 2)]) {
      const options = { key: ADMIN_KEY, body: { ...WIDE, columns } };
      const { body } = await server.call("PUT", `/v1/admin/boards/${board}`, options);
      expect(body).toMatchObject({ error: { code: "board_locked" } });
    }
    const same = { key: ADMIN_KEY, body: { ...WIDE, topSize: 5 } };
    expect((await server.call("PUT", `/v1/admin/boards/${board}`, same)).status).toBe(200);
  });
});
