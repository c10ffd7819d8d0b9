/** What no client should ask over a socket: each is answered with the right code, and the connection and everybody else live on. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Ack } from "../../client-sdk/protocol/messages.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Bystander } from "./bystander.ts";

const SUBSCRIPTIONS_MAX = 4;

let server: TestServer;
let bystander: Bystander;
let board: string;
let serverBoard: string;
let hidden: string;
let player: RawClient;
let spectator: RawClient;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { SUBSCRIPTIONS_MAX: `${SUBSCRIPTIONS_MAX}` });
  bystander = await Bystander.create(server);
  [board, serverBoard, hidden] = [uniqueBoard("socket"), uniqueBoard("server"), uniqueBoard("hidden")];
  const columns = [
    { name: "points", decimals: 1, max: 1000 },
    { name: "wins", max: 30 },
  ];
  await server.createBoard(board, { operator: "set", columns, writers: "player" });
  await server.createBoard(serverBoard, { operator: "set" });
  await server.createBoard(hidden, { operator: "set", writers: "player", visibility: "private" });
});
beforeEach(async () => {
  player = await new RawClient(server.url, await server.signIn("alonso")).connected();
  spectator = await new RawClient(server.url).connected();
  await player.submit({ board, score: 1, columns: { wins: 1 } });
});
afterEach(async () => {
  player.close();
  spectator.close();
  const { body } = await server.call("GET", `/v1/boards/${board}/members/alonso`);
  expect(body).toMatchObject({ score: 1, columns: { wins: 1 }, total: 1 });
  await bystander.thrives();
});
afterAll(async () => {
  bystander.close();
  await server.stop();
});

/** The connection still answers a good question. */
async function lives(client: RawClient): Promise<void> {
  expect(await client.ask("rank", { board, member: "alonso" })).toMatchObject({
    ok: true,
    rank: 1,
    score: 1,
  });
  expect(client.byes).toEqual([]);
}

function refused(code: string): object {
  return { ok: false, error: { code, message: expect.stringMatching(/.+/), retryable: false } };
}

describe("a message", () => {
  const good = { score: 1, columns: { wins: 1 } };
  const submits: [string, () => unknown, string][] = [
    ["null", () => null, "bad_request"],
    ["an array", () => [], "bad_request"],
    ["text", () => "submit", "bad_request"],
    ["a number", () => 5, "bad_request"],
    ["bytes", () => Buffer.from("submit"), "bad_request"],
    ["no board", () => good, "bad_request"],
    ["a board's name that no board may have", () => ({ ...good, board: "a b" }), "bad_request"],
    ["a board that is not there", () => ({ ...good, board: "nowhere" }), "board_not_found"],
    ["a member, which is the session's", () => ({ ...good, board, member: "kimi" }), "bad_request"],
    ["bytes as the score", () => ({ ...good, board, score: Buffer.from([1]) }), "bad_request"],
    ["NaN, which JSON makes null", () => ({ ...good, board, score: Number.NaN }), "bad_request"],
    ["a score as text", () => ({ ...good, board, score: "1" }), "bad_request"],
    ["an id of 65 bytes", () => ({ ...good, board, id: "x".repeat(65) }), "bad_request"],
    ["an id with a control character", () => ({ ...good, board, id: "a\u0000" }), "bad_request"],
    ["an id with a lone surrogate", () => ({ ...good, board, id: "\ud800" }), "bad_request"],
    ["__proto__", () => JSON.parse(`{"board":"${board}","score":1,"__proto__":{"wins":1}}`), "bad_request"],
    [
      "a column named __proto__",
      () => ({ ...good, board, columns: JSON.parse(`{"wins":1,"__proto__":1}`) as object }),
      "bad_request",
    ],
  ];
  it.each(submits)("to submit is refused: %s", async (_, payload, code) => {
    expect(await player.ask("submit", payload())).toMatchObject(refused(code));
    await lives(player);
  });

  const results: [string, object, string][] = [
    ["2^53", { score: 2 ** 53 }, "out_of_range"],
    ["1e-9", { score: 1e-9 }, "not_representable"],
    ["a missing column", { columns: {} }, "column_missing"],
    ["an unknown column", { columns: { wins: 1, losses: 1 } }, "column_unknown"],
    ["a season to come", { season: 2 }, "season_not_found"],
    ["metadata where there is none", { metadata: "x" }, "bad_request"],
  ];
  it.each(results)("with a score that does not fit is judged: %s", async (_, fields, code) => {
    const reply = await player.submit({ board, ...good, ...fields });
    expect(reply).toMatchObject({ ok: true, season: 1, result: { outcome: "rejected", error: { code } } });
    await lives(player);
  });

  const asked: [string, string, () => unknown, string][] = [
    ["subscribe", "no kind", () => ({ board, view: 10 }), "bad_request"],
    ["subscribe", "an unknown kind", () => ({ board, kind: "all", view: 10 }), "bad_request"],
    ["subscribe", "a view of a rank", () => ({ board, kind: "me", view: 10 }), "bad_request"],
    ["subscribe", "nobody's own rank", () => ({ board, kind: "me" }), "bad_request"],
    ["subscribe", "a window of two", () => ({ board, kind: "around", member: "a", limit: 2 }), "bad_request"],
    ["subscribe", "a list without a name", () => ({ board, kind: "members", members: ["a"] }), "bad_request"],
    ["subscribe", "an empty list", () => ({ board, kind: "members", list: "l", members: [] }), "bad_request"],
    [
      "subscribe",
      "a rank on another's private board",
      () => ({ board: hidden, kind: "me", member: "a" }),
      "forbidden",
    ],
    ["subscribe", "an unknown view", () => ({ board, kind: "top", view: 11 }), "bad_request"],
    ["subscribe", "half a position", () => ({ board, kind: "top", position: { epoch: "x" } }), "bad_request"],
    [
      "subscribe",
      "a negative offset",
      () => ({ board, kind: "top", position: { epoch: "x", offset: -1 } }),
      "bad_request",
    ],
    ["subscribe", "an unknown board", () => ({ board: "nowhere", kind: "top" }), "board_not_found"],
    ["subscribe", "another's private board", () => ({ board: hidden, kind: "top" }), "forbidden"],
    ["unsubscribe", "no view", () => ({ board, kind: "top" }), "bad_request"],
    [
      "unsubscribe",
      "an unknown board",
      () => ({ board: "nowhere", kind: "top", view: 10 }),
      "board_not_found",
    ],
    ["rank", "a member with a tab", () => ({ board, member: "a\tb" }), "bad_request"],
    ["rank", "nobody, as a spectator", () => ({ board }), "bad_request"],
    ["rank", "who is not there", () => ({ board, member: "nobody" }), "member_not_found"],
    ["rank", "another's private board", () => ({ board: hidden, member: "a" }), "forbidden"],
    ["board", "nothing", () => ({}), "bad_request"],
    ["board", "an unknown board", () => ({ board: "nowhere" }), "board_not_found"],
    ["board", "another's private board", () => ({ board: hidden }), "forbidden"],
    ["nothing", "that there is", () => ({ board }), "bad_request"],
    ["toString", "that every object has", () => ({ board }), "bad_request"],
    ["__proto__", "that every object has", () => ({ board }), "bad_request"],
  ];
  it.each(asked)("to %s is refused: %s", async (event, _, payload, code) => {
    expect(await spectator.ask(event, payload())).toMatchObject(refused(code));
    await lives(spectator);
  });

  it("without its payload is refused too", async () => {
    for (const event of ["submit", "subscribe", "unsubscribe", "rank", "board", "nothing"]) {
      const reply: unknown = await player.socket.timeout(2_000).emitWithAck(event);
      expect(reply).toMatchObject(refused("bad_request"));
    }
    await lives(player);
  });

  it("that wants no answer gets none, good or bad", async () => {
    player.socket.emit("submit", null);
    player.socket.emit("nothing");
    player.socket.emit("subscribe", { board: 5 }, "no function");
    player.socket.emit("board", { board });
    await lives(player);
  });
});

describe("who may not", () => {
  it("submit: a spectator, and a player where game servers write", async () => {
    const own = { board, score: 9, columns: { wins: 9 } };
    expect(await spectator.submit(own)).toMatchObject(refused("unauthorized"));
    expect(await player.submit({ board: serverBoard, score: 9 })).toMatchObject(refused("forbidden"));
    expect((await server.call("GET", `/v1/boards/${serverBoard}`)).body).toMatchObject({ total: 0 });
    await lives(spectator);
    await lives(player);
  });

  it("sign in: a token that never was, has another shape or is a key", async () => {
    const good = await server.signIn("kimi");
    const tokens = [
      "",
      "x",
      SERVER_KEY,
      `${good}x`,
      `${good.slice(0, -1)}`,
      `x${good.slice(1)}`,
      5,
      {},
      [],
      true,
    ];
    for (const token of tokens) {
      const client = new RawClient(server.url, token as string);
      await expect(client.connected()).rejects.toMatchObject({
        data: { code: "unauthorized", retryable: false, remediation: expect.any(String) },
      });
      client.close();
    }
  });
});

describe("too many subscriptions", () => {
  const subscribe = (client: RawClient, id: string, view: number | "all"): Promise<Ack<object>> =>
    client.ask("subscribe", { board: id, kind: "top", view });

  it("are refused one by one, those there are go on, and one that ended makes room", async () => {
    for (const view of [10, 100, "all"] as const) {
      expect(await subscribe(player, board, view)).toMatchObject({ ok: true });
    }
    await player.follow(hidden);
    expect(await subscribe(player, serverBoard, 10)).toMatchObject(refused("too_many_subscriptions"));
    expect(await subscribe(player, board, 10)).toMatchObject({ ok: true });
    await player.submit({ board: hidden, score: 5 });
    await eventually(() => expect(player.rows).toMatchObject([["alonso", expect.any(Number), 5]]));
    await player.ask("unsubscribe", { board, kind: "top", view: 10 });
    expect(await subscribe(player, serverBoard, 10)).toMatchObject({ ok: true });
    await lives(player);
  });

  it("are refused when they are asked for all at once", async () => {
    const boards = [board, serverBoard, hidden];
    const asks = boards.flatMap((id) =>
      ([10, 100, "all"] as const).map((view) => subscribe(player, id, view)),
    );
    const replies = await Promise.all(asks);
    expect(replies.filter(({ ok }) => ok)).toHaveLength(SUBSCRIPTIONS_MAX);
    await lives(player);
  });
});

describe("nothing but malformed messages", () => {
  it("end the connection at the twentieth in a row, once and for good", async () => {
    for (let i = 0; i < 19; i++) expect(await player.ask("submit", i)).toMatchObject(refused("bad_request"));
    await lives(player);
    for (let i = 0; i < 19; i++) await player.ask("nothing", null);
    expect(player.byes).toEqual([]);
    const gone = new Promise((resolve) => player.socket.once("disconnect", resolve));
    for (let i = 0; i < 5; i++) player.socket.emit("submit", "x");
    await gone;
    expect(player.byes).toEqual([{ code: "protocol_violation", reconnect: false, afterMs: [0, 0] }]);
  });

  it("are counted for each connection alone", async () => {
    for (let i = 0; i < 19; i++) await player.ask("submit", i);
    for (let i = 0; i < 19; i++) await spectator.ask("submit", i);
    await lives(player);
    await lives(spectator);
  });
});
