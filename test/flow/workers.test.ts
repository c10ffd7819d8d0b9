/** `--workers N`, with real processes: one port, crashes, a clean end. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { createClient, type RankwireClient } from "../../client-sdk/index.ts";
import { workerCount } from "../../server/workers/worker-count.ts";
import { type ChildServer, startChildServer } from "../support/child-server.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { ADMIN_KEY, SERVER_KEY } from "../support/servers.ts";

const BOARD = "cup";
const SOCKETS = 6;
/** A process takes its time to start on a busy machine. */
const SLOW = { timeout: 60_000 };
const STARTED = { withinMs: 20_000 };

let server: ChildServer | undefined;
let redis: TestRedis | undefined;
const clients: (RawClient | RankwireClient)[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  if (server) {
    // Politely first, or its own Redis would be left behind.
    server.signal("SIGTERM");
    const late = setTimeout(() => void server?.kill(), 15_000);
    await server.exited;
    clearTimeout(late);
    await server.kill();
  }
  await redis?.stop();
  server = undefined;
  redis = undefined;
});

/** Two workers on a Redis of the test's own, so that a test that fails leaves none behind. */
async function startWorkers(settings: Record<string, string> = {}): Promise<ChildServer> {
  redis = await startTestRedis();
  server = await startChildServer(redis.url, { LEASE_TTL_MS: "500", ...settings }, ["--workers", "2"]);
  return server;
}

async function call<T>(method: string, path: string, body?: unknown, key = ADMIN_KEY): Promise<T> {
  const response = await fetch(`http://127.0.0.1:${server!.port}${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", connection: "close" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return (text.startsWith("{") ? JSON.parse(text) : text) as T;
}

const createBoard = (): Promise<unknown> =>
  call("PUT", `/v1/admin/boards/${BOARD}`, {
    operator: "best",
    shards: 2,
    columns: [{ name: "s", max: 1e6 }],
  });

const submit = (member: string, score: number): Promise<unknown> =>
  call("POST", `/v1/boards/${BOARD}/scores`, { submissions: [{ member, score }] }, SERVER_KEY);

async function follow(): Promise<RawClient> {
  const client = await new RawClient(`http://127.0.0.1:${server!.port}`).connected();
  clients.push(client);
  await client.follow(BOARD, "all");
  return client;
}

/** Sockets by worker, as the metrics of any worker say. */
async function socketsByWorker(): Promise<Map<string, number>> {
  const text = await call<string>("GET", "/metrics");
  const found = [...text.matchAll(/^rankwire_sockets\{worker="(\d+)"\} (\d+)$/gm)];
  return new Map(found.map(([, worker, count]) => [worker!, Number(count)]));
}

const forked = (): number[] =>
  server!.logged.filter(({ msg }) => msg === "a worker was forked").map(({ workerPid }) => Number(workerPid));

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

function isServed(client: RawClient): Promise<boolean> {
  return new Promise((resolve) => {
    if (!client.socket.connected) resolve(false);
    client.socket.once("disconnect", () => resolve(false));
    client.ask("board", { board: BOARD }).then(
      () => resolve(true),
      () => resolve(false),
    );
  });
}

async function allSee(watchers: RawClient[], top: string): Promise<void> {
  await eventually(() => expect(watchers.map(({ rows }) => rows[0]?.[0])).toEqual(watchers.map(() => top)));
}

describe("two workers", SLOW, () => {
  test("share one port and its sockets, a frame reaches the watchers of both, and they end with their primary", async () => {
    await startWorkers();
    await createBoard();
    const watchers: RawClient[] = [];
    for (let i = 0; i < SOCKETS; i++) watchers.push(await follow());
    const counts = await socketsByWorker();
    expect([...counts.keys()]).toEqual(["1", "2"]);
    expect(Math.min(...counts.values())).toBeGreaterThan(0);
    expect([...counts.values()].reduce((a, b) => a + b)).toBe(SOCKETS);
    await submit("ann", 5);
    await allSee(watchers, "ann");
    for (const worker of forked()) expect(isRunning(worker)).toBe(true);
    const ready = server!.logged.filter(({ msg }) => msg === "rankwire is ready");
    expect(ready).toEqual([expect.objectContaining({ port: server!.port, workers: 2 })]);
    // A primary that is killed takes them with it: nobody would look after them, and the port would stay taken.
    await server!.kill();
    await eventually(() => expect(forked().filter(isRunning)).toEqual([]));
  });

  test("survive each other: clients of a killed one come back and resume, and another one is forked", async () => {
    await startWorkers();
    await createBoard();
    await submit("first", 1);
    const client = createClient({
      url: `http://127.0.0.1:${server!.port}`,
      backoffMinMs: 20,
      backoffMaxMs: 200,
    });
    clients.push(client);
    const top = client.board(BOARD).top();
    top.subscribe(() => undefined);
    const watchers: RawClient[] = [];
    for (let i = 0; i < SOCKETS; i++) watchers.push(await follow());
    await allSee(watchers, "first");

    const [victim] = forked();
    process.kill(victim!, "SIGKILL");
    await eventually(() => expect(isRunning(victim!)).toBe(false));
    // Whoever gets an answer now has it from the other one.
    const served = await Promise.all(watchers.map(isServed));
    const lost = watchers.filter((_, i) => !served[i]);
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThan(SOCKETS);
    await submit("second", 2);
    for (const old of lost) {
      const back = await new RawClient(`http://127.0.0.1:${server!.port}`).connected();
      clients.push(back);
      Object.assign(back, { rows: old.rows, position: old.position });
      expect(await back.follow(BOARD, "all")).toBe("resume");
      watchers[watchers.indexOf(old)] = back;
    }
    await allSee(watchers, "second");
    await eventually(() =>
      expect(top.getSnapshot()).toMatchObject({ status: "live", entries: [{ member: "second" }, {}] }),
    );
    await eventually(() => expect(forked()).toHaveLength(3), STARTED);
    await eventually(async () => expect([...(await socketsByWorker()).keys()]).toEqual(["2", "3"]), STARTED);
    await submit("third", 3);
    await allSee(watchers, "third");
    expect(watchers.flatMap(({ gaps }) => gaps)).toEqual([]);
  });

  test("create the boards of the file once: a worker that is forked later changes none of them", async () => {
    const file = join(import.meta.dirname, "../../demo/boards.json");
    const [[id, definition]] = Object.entries(JSON.parse(readFileSync(file, "utf8")) as object) as [
      [string, object],
    ];
    await startWorkers({ BOARDS_FILE: file });
    await call("PUT", `/v1/admin/boards/${id}`, { ...definition, visibility: "private" });
    process.kill(forked()[0]!, "SIGKILL");
    await eventually(async () => expect([...(await socketsByWorker()).keys()]).toEqual(["2", "3"]), STARTED);
    const board = await call<{ visibility: string }>("GET", `/v1/boards/${id}`);
    expect(board.visibility).toBe("private");
  });

  test("that crash again and again end the process, which says why", async () => {
    const { logged, exited } = await startWorkers();
    for (let round = 0; round < 3; round++) {
      await eventually(async () => expect((await socketsByWorker()).size).toBe(2), STARTED);
      const pids = forked().filter(isRunning);
      for (const pid of pids) process.kill(pid, "SIGKILL");
      await eventually(() => expect(pids.filter(isRunning)).toEqual([]));
    }
    expect(await exited).toBe(1);
    const fatal = logged.find(({ msg }) => msg === "cannot go on");
    expect(fatal?.err).toMatchObject({
      message: expect.stringMatching(/^Workers crashed 6 times within a minute/),
    });
    expect(forked().filter(isRunning)).toEqual([]);
  });
});

describe("workers with a Redis of their own", SLOW, () => {
  test("share it and the first admin key, which is printed once, say goodbye, and leave no process behind", async () => {
    const noKeys = { ADMIN_KEY: "", SERVER_KEY: "" };
    server = await startChildServer(undefined, noKeys, ["--workers", "2"]);
    const keys = server.printed.filter((line) => /^ +rw_admin_\S+$/.test(line)).map((line) => line.trim());
    expect(keys).toHaveLength(1);
    for (let i = 0; i < 4; i++) await call("PUT", `/v1/admin/boards/b${i}`, { operator: "best" }, keys[0]);
    const watchers = await Promise.all(
      Array.from({ length: SOCKETS }, () => new RawClient(`http://127.0.0.1:${server!.port}`).connected()),
    );
    clients.push(...watchers);
    expect(Math.min(...(await socketsByWorker()).values())).toBeGreaterThan(0);
    const redisPid = Number(
      server.logged
        .filter(({ msg }) => msg === "redis is running")
        .map(({ pid }) => pid)
        .at(0),
    );
    const pids = [server.pid, ...forked(), redisPid];
    expect(pids.map(isRunning)).toEqual([true, true, true, true]);
    server.signal("SIGTERM");
    expect(await server.exited).toBe(0);
    expect(pids.map(isRunning)).toEqual([false, false, false, false]);
    const codes = watchers.map(({ byes }) => byes.map(({ code }) => code));
    expect(codes).toEqual(watchers.map(() => ["shutting_down"]));
  });

  test("do not start where one of them cannot", {
    timeout: 60_000,
  }, async () => {
    await startWorkers();
    const taken = { PORT: String(server!.port) };
    await expect(startChildServer(redis!.url, taken, ["--workers", "2"])).rejects.toThrow(/exit code 1/);
  });
});

describe("--workers", () => {
  test("is a number, auto, or absent", () => {
    expect(workerCount([], 8)).toBeUndefined();
    expect(workerCount(["--workers", "3"], 8)).toBe(3);
    expect(workerCount(["--workers=1"], 8)).toBe(1);
    expect(workerCount(["--workers", "auto"], 8)).toBe(8);
    for (const wrong of [
      ["--workers", "0"],
      ["--workers", "1.5"],
      ["--workers", "many"],
      ["--workers"],
      ["--worker", "2"],
    ]) {
      expect(() => workerCount(wrong, 8)).toThrow();
    }
  });
});
