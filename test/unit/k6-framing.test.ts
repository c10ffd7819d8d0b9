/** What the k6 scenarios need of Socket.IO, and of positions: the parts without k6. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { Server } from "socket.io";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import WebSocket from "ws";
import type { Standing } from "../../client-sdk/protocol/messages.ts";
import {
  answerOf,
  argumentOf,
  connectPacket,
  decode,
  eventPacket,
  type Packet,
  PONG,
} from "../../loadtest/k6/lib/packet.ts";
import { headOf, PositionTrack } from "../../loadtest/k6/lib/positions.ts";
import { isLoopback, SCENARIO_NAMES, sizesOf, sizeTable } from "../../loadtest/k6/lib/sizes.ts";
import { standingProblem } from "../../loadtest/k6/lib/standings.ts";
import { thresholdsOf } from "../../loadtest/k6/lib/thresholds.ts";
import { eventually } from "../support/eventually.ts";

describe("packets, against a real Socket.IO server", () => {
  const http = createServer();
  const io = new Server(http, { transports: ["websocket"], pingInterval: 50, pingTimeout: 2_000 });
  io.use((socket, next) => {
    if (socket.handshake.auth.token !== "wrong") return next();
    next(Object.assign(new Error("no such session"), { data: { code: "unauthorized" } }));
  });
  io.on("connection", (socket) => {
    socket.on("submit", (message: { text: string }, ack: (answer: object) => void) => {
      socket.emit("rank", { of: message.text, token: socket.handshake.auth.token });
      ack({ ok: true, text: message.text });
    });
  });
  let ws: WebSocket;
  const got: Packet[] = [];
  const next = async <K extends Packet["kind"]>(kind: K): Promise<Extract<Packet, { kind: K }>> => {
    const at = await eventually(() => {
      const found = got.findIndex((packet) => packet.kind === kind);
      expect(found, kind).toBeGreaterThanOrEqual(0);
      return found;
    });
    return got.splice(at, 1)[0] as Extract<Packet, { kind: K }>;
  };
  const open = (): void => {
    const { port } = http.address() as AddressInfo;
    got.length = 0;
    ws = new WebSocket(`ws://127.0.0.1:${port}/socket.io/?EIO=4&transport=websocket`);
    ws.on("message", (data) => got.push(decode(String(data))));
  };

  beforeAll(() => new Promise<void>((resolve) => void http.listen(0, "127.0.0.1", resolve)));
  afterAll(async () => {
    ws.terminate();
    await io.close();
  });

  test("sign in, ask, be answered, be told, and answer pings", async () => {
    open();
    expect(await next("open")).toEqual({ kind: "open", pingIntervalMs: 50, pingTimeoutMs: 2_000 });
    ws.send(connectPacket("s3cret"));
    await next("connected");
    const text = `"quotes", [brackets], 43, é\u{1f600}\n`;
    ws.send(eventPacket("submit", { text }, 17));
    const told = await next("event");
    expect([told.name, argumentOf(told)]).toEqual(["rank", { of: text, token: "s3cret" }]);
    const answer = await next("ack");
    expect([answer.id, answerOf(answer)]).toEqual([17, { ok: true, text }]);
    await next("ping");
    ws.send(PONG);
    // The server pings again only after the answer.
    await next("ping");
    io.disconnectSockets();
    await next("disconnected");
    ws.terminate();
  });

  test("a refused sign-in comes with its error body", async () => {
    open();
    await next("open");
    ws.send(connectPacket("wrong"));
    expect(await next("refused")).toEqual({
      kind: "refused",
      message: "no such session",
      error: { code: "unauthorized" },
    });
    ws.terminate();
  });
});

test("what is no packet is reported as such and never throws", () => {
  const start = fc.constantFrom("", "0", "2", "4", "40", "42", "43", "431", "44", "451-");
  fc.assert(
    fc.property(start, fc.string(), (prefix, rest) => {
      expect(decode(prefix + rest).kind).toBeTypeOf("string");
    }),
  );
  expect(decode(`451-["frame",{"_placeholder":true}]`).kind).toBe("other");
  expect(decode("42[17]").kind).toBe("other");
  expect(decode("0{").kind).toBe("other");
});

describe("positions", () => {
  const frame = (head: object): { json: string } => ({
    json: JSON.stringify([
      "frame",
      { board: "b", season: 1, view: 10, ...head, set: [], drop: [], total: 3 },
    ]),
  });

  test("the head of a frame is the same whether it is cut out or parsed", () => {
    const head = { epoch: "e1", after: 41, offset: 44 };
    expect(headOf(frame(head))).toEqual(head);
    expect(headOf(frame({ set: ["x".repeat(500)], ...head }))).toEqual(head);
    expect(headOf(frame({ offset: 44, after: 41, epoch: 'e"1' }))).toEqual({ ...head, epoch: 'e"1' });
  });

  test("a frame is next, old, or shows a gap, and a gap moves nothing", () => {
    const track = new PositionTrack();
    expect(track.take({ epoch: "e", after: 0, offset: 1 })).toBe("gap");
    track.start({ epoch: "e", offset: 7 });
    expect(track.take({ epoch: "e", after: 5, offset: 7 })).toBe("old");
    expect(track.take({ epoch: "e", after: 7, offset: 9 })).toBe("next");
    expect(track.take({ epoch: "e", after: 10, offset: 11 })).toBe("gap");
    expect(track.take({ epoch: "e", after: 8, offset: 10 })).toBe("gap");
    expect(track.take({ epoch: "f", after: 9, offset: 10 })).toBe("gap");
    expect(track.at).toEqual({ epoch: "e", offset: 9 });
  });
});

describe("sizes", () => {
  test("are those of the table, unless given within their bounds", () => {
    const usual = sizesOf("ingest", { quick: false, given: {} });
    expect(usual.players).toBe(sizeTable("ingest").players?.usual);
    expect(sizesOf("ingest", { quick: true, given: { players: 5 } })).toMatchObject({
      players: 5,
      seconds: 2,
    });
    for (const players of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9])
      expect(() => sizesOf("ingest", { quick: false, given: { players } })).toThrow("--players is");
    expect(() => sizesOf("ingest", { quick: false, given: { watchers: 1 } })).toThrow("has no --watchers");
  });

  test("every scenario wants evidence that something happened, and that nothing went wrong", () => {
    for (const name of SCENARIO_NAMES) {
      const sizes = sizesOf(name, { quick: true, given: {} });
      const thresholds = thresholdsOf<typeof name>(name, {
        sizes,
        quick: true,
        extra: { wrong: ["count<9"] },
      });
      expect(thresholds).toMatchObject({ broken: ["count==0"], refused: ["count==0"], wrong: ["count<9"] });
      expect(
        Object.values(thresholds)
          .flat()
          .some((text) => /^count(>=|==)[1-9]/.test(text)),
        name,
      ).toBe(true);
    }
  });

  test("load goes to this machine only", () => {
    for (const url of ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:9", "http://127.1.2.3"])
      expect(isLoopback(url), url).toBe(true);
    for (const url of [
      "http://10.0.0.1:8080",
      "http://127.0.0.1.example.com",
      "http://localhost.example.com",
      "http://user@127.0.0.1@example.com",
      "https://127.0.0.1",
      "http://127.0.0.1:80/path",
      "127.0.0.1",
    ])
      expect(isLoopback(url), url).toBe(false);
  });
});

describe("a pushed standing", () => {
  const nowMs = 1_800_000_000_000;
  const good: Standing = {
    board: "b",
    season: 1,
    member: "ann",
    rank: 12,
    exact: false,
    error: 3,
    asOf: nowMs - 900,
    total: 5_000,
    percentile: 99.8,
    score: 70,
  };
  const problem = (change: object): string | undefined =>
    standingProblem({ ...good, ...change } as Standing, { member: "ann", nowMs });

  test("is good, also for a member that is not on the board", () => {
    expect(problem({})).toBeUndefined();
    expect(problem({ rank: null, score: undefined, percentile: 0 })).toBeUndefined();
  });

  test.each([
    [{ member: "bob" }, "of another member"],
    [{ error: undefined }, "no error"],
    [{ error: -1 }, "no error"],
    [{ asOf: undefined }, "asOf is not now"],
    [{ asOf: nowMs - 61_000 }, "asOf is not now"],
    [{ asOf: nowMs / 1000 }, "asOf is not now"],
    [{ exact: true }, "exact, with an error"],
    [{ rank: 0 }, "rank is out of range"],
    [{ rank: 5_004 }, "rank is out of range"],
    [{ rank: 1.5 }, "rank is out of range"],
    [{ score: undefined }, "a rank without a score"],
    [{ total: undefined }, "no total"],
    [{ percentile: 101 }, "percentile is out of range"],
  ])("with %o is not", (change, expected) => {
    expect(problem(change)).toBe(expected);
  });
});
