/** Readers of server-sent events that are slow, too many, gone already, or there when the server stops. */
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { eventually } from "../support/eventually.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { SseReader } from "./sse-reader.ts";

const SSE_MAX = 4;

let server: TestServer;
beforeAll(async () => {
  server = await startServer(sharedRedisUrl(), { SSE_MAX: `${SSE_MAX}`, LAG_MS_MAX: "1500" });
});
afterAll(() => server.stop());

/** Long members, so that few frames fill the buffers between the server and a reader. */
const MEMBERS = Array.from({ length: 1_000 }, (_, i) => `${i}-${"x".repeat(110)}`);

async function createBoard(): Promise<string> {
  const id = uniqueBoard("sse-slow");
  await server.createBoard(id, { operator: "set", columns: [{ name: "s", max: 1e9 }] });
  return id;
}

/** Every row changes: one frame of 130 KB and more. @returns the scores, best first */
async function churn(board: string, round: number): Promise<[string, number][]> {
  const scores = MEMBERS.map((member, i): [string, number] => [member, round * 1_000 + i]);
  const submissions = scores.map(([member, score]) => ({ member, score }));
  await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
  return scores.reverse();
}

async function open(board: string, at = server): Promise<SseReader> {
  const reader = await SseReader.open(at.url, board, { query: "?view=all" });
  onTestFinished(() => reader.close());
  return reader;
}

async function shows(reader: SseReader, scores: [string, number][]): Promise<void> {
  await eventually(() => expect(reader.rows.map(([member, , score]) => [member, score])).toEqual(scores));
  expect(reader.gaps).toEqual([]);
}

async function readers(): Promise<number> {
  const { body } = await server.call<string>("GET", "/metrics");
  return Number(/^rankwire_sse_readers (\d+)$/m.exec(body)?.[1]);
}

function tcp(): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => resolve(socket));
    socket.on("error", reject);
  });
}

function statusLine(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1").split("\r\n")[0]!));
  });
}

async function nobodyReads(): Promise<void> {
  await eventually(async () => expect(await readers()).toBe(0));
}

describe("a reader that stops reading", () => {
  it("holds up nobody, and is closed when it stays behind", async () => {
    const board = await createBoard();
    const [slow, healthy] = [await open(board), await open(board)];
    await shows(healthy, await churn(board, 1));
    slow.pause();
    let round = 1;
    await eventually(
      async () => {
        await shows(healthy, await churn(board, ++round));
        expect(await readers()).toBe(1);
      },
      { withinMs: 15_000 },
    );
    await shows(healthy, await churn(board, ++round));
    expect(healthy.events.filter(({ event }) => event === "snapshot")).toHaveLength(1);
    slow.resume();
    await slow.ended;
  });

  it("and reads on in time is brought to the present, not through all it missed", async () => {
    const patient = await startServer(sharedRedisUrl(), { LAG_MS_MAX: "60000" });
    onTestFinished(() => patient.stop());
    const board = await createBoard();
    const [slow, healthy] = [await open(board, patient), await open(board, patient)];
    await shows(slow, await churn(board, 1));
    slow.pause();
    const before = slow.events.length;
    // Far more than the buffers between them hold.
    for (let round = 2; round < 60; round++) await shows(healthy, await churn(board, round));
    slow.resume();
    await shows(slow, await churn(board, 1_000));
    await shows(healthy, await churn(board, 1_001));
    expect(slow.events.length).toBeGreaterThan(before);
    expect(slow.events.length).toBeLessThan(healthy.events.length);
  });
});

describe("readers", () => {
  it("above SSE_MAX are asked to come back later, and one that left makes room", async () => {
    const board = await createBoard();
    await nobodyReads();
    const admitted: SseReader[] = [];
    for (let i = 0; i < SSE_MAX; i++) admitted.push(await open(board));
    const { status, headers, body } = await server.call("GET", `/v1/boards/${board}/feed`);
    expect([status, body]).toMatchObject([
      503,
      { error: { code: "too_many_connections", retryable: true, retryAfterMs: 5_000 } },
    ]);
    expect(headers.get("retry-after")).toBe("5");
    await admitted[0]!.close();
    await eventually(async () => expect((await open(board)).response.statusCode).toBe(200));
  });

  it("above SSE_MAX are refused when they all come in the same moment", async () => {
    const board = await createBoard();
    await nobodyReads();
    const sockets = await Promise.all(Array.from({ length: SSE_MAX + 3 }, () => tcp()));
    const answers = sockets.map(statusLine);
    for (const socket of sockets) socket.write(`GET /v1/boards/${board}/feed HTTP/1.1\r\nhost: x\r\n\r\n`);
    const codes = (await Promise.all(answers)).map((line) => line.split(" ")[1]);
    for (const socket of sockets) socket.destroy();
    expect(codes.sort()).toEqual(["200", "200", "200", "200", "503", "503", "503"]);
  });

  it("that ask for the head alone get it", async () => {
    const board = await createBoard();
    const answer = await fetch(`${server.url}/v1/boards/${board}/feed`, {
      method: "HEAD",
      signal: AbortSignal.timeout(3_000),
    });
    expect([200, 404, 405]).toContain(answer.status);
    await nobodyReads();
  });

  it("that left before they were answered are not counted", async () => {
    await nobodyReads();
    for (let i = 0; i < 20; i++) {
      const board = await createBoard();
      const key = await server.signIn("alonso");
      const socket = await tcp();
      const closed = new Promise((resolve) => socket.once("close", resolve));
      const head = `GET /v1/boards/${board}/feed HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\n\r\n`;
      socket.write(head, () => socket.resetAndDestroy());
      await closed;
    }
    await nobodyReads();
  });

  it("see the end of their stream when the server stops", async () => {
    const other = await startServer(sharedRedisUrl());
    const board = await createBoard();
    const reader = await SseReader.open(other.url, board);
    await other.stop();
    await reader.ended;
    expect(reader.events.map(({ event }) => event)).toEqual(["snapshot"]);
  });
});
