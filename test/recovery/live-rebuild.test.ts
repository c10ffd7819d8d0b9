/** Redis is lost under servers that run: producers are refused, `rankwire rebuild` brings everything back, and everybody goes on. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import type { RebuildReport } from "../../server/recovery/rebuild.ts";
import type { VerifyReport } from "../../server/recovery/verify.ts";
import { ROOT } from "../style/sources.ts";
import { eventually } from "../support/eventually.ts";
import { RawClient } from "../support/raw-client.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { testRunFolder } from "../support/shared-redis.ts";

let redis: TestRedis;
let server: TestServer;
let client: RawClient;
let settings: Record<string, string>;
beforeAll(async () => {
  redis = await startTestRedis();
  settings = { REDIS_URL: redis.url, DATA_DIR: mkdtempSync(join(testRunFolder(), "live-")) };
  server = await startServer(redis.url, {
    ...settings,
    ROLES: "gateway,merger,archiver",
    FEED_CHECK_MS: "100",
  });
  await server.running.database.ready();
}, 60_000);
afterAll(async () => {
  client.close();
  await server.stop();
  await redis.stop();
});

function cli(...args: string[]): {
  child: ChildProcess;
  ended: Promise<{ code: number | null; output: string }>;
} {
  const env = { ...process.env, NODE_ENV: "test", ...settings };
  const child = spawn(process.execPath, ["--import", "tsx", "server/cli/main.ts", ...args], {
    cwd: ROOT,
    env,
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ended = new Promise<{ code: number | null; output: string }>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output }));
  });
  return { child, ended };
}

async function run<T>(...args: string[]): Promise<{ code: number | null; said: T }> {
  const { code, output } = await cli(...args, "--json").ended;
  return { code, said: JSON.parse(output) as T };
}

async function submit(
  submissions: { member: string; score: number; id?: string }[],
): Promise<SubmissionResult[]> {
  const body = { submissions };
  const { body: said } = await server.call<{ results: SubmissionResult[] }>(
    "POST",
    "/v1/boards/live/scores",
    {
      key: SERVER_KEY,
      body,
    },
  );
  return said.results;
}

type Top = { total: number; entries: object[]; error?: { code: string } };
const readTop = () => server.call<Top>("GET", "/v1/boards/live/top");

/** Reads the top over and over until it is answered; every answer on the way. */
function watchTops(): { untilRead: () => Promise<Top[]> } {
  const seen: Top[] = [];
  const reading = (async () => {
    do seen.push((await readTop()).body);
    while (seen.at(-1)!.error);
  })();
  return { untilRead: () => reading.then(() => seen) };
}

/** Everything that was accepted is in the tables: what verify finds equal is. A new board comes to them within a second or two. */
async function archived(): Promise<void> {
  const asked = async (): Promise<void> => {
    const verified = await run<VerifyReport>("verify", "--board", "live");
    expect(verified).toMatchObject({ code: 0, said: { differences: 0, seasons: [{ found: 0 }] } });
  };
  await eventually(asked, { withinMs: 20_000 });
}

describe("rankwire rebuild", () => {
  const members = Array.from({ length: 300 }, (_, i) => `m${i}`);

  test("what is archived comes back under servers that run, and what is sent again counts once", {
    timeout: 60_000,
  }, async () => {
    await server.createBoard("live", { operator: "incr", shards: 2 });
    client = await new RawClient(server.url).connected();
    await client.follow("live");
    await submit(members.map((member, i) => ({ member, score: i, id: `first ${member}` })));
    await archived();
    expect(await run<VerifyReport>("verify")).toMatchObject({ code: 0, said: { differences: 0 } });
    await submit([{ member: "m0", score: 1_000, id: "last" }]);
    await redis.client().flushall();
    expect((await submit([{ member: "m1", score: 1 }]))[0]).toMatchObject({ error: { code: "store_lost" } });
    await eventually(async () => {
      expect((await readTop()).body.error?.code).toBe("store_lost");
      expect((await server.call("GET", "/readyz")).body).toMatchObject({ degraded: ["store_lost"] });
    });
    const tops = watchTops();
    const { code, said } = await run<RebuildReport>("rebuild");
    expect(code).toBe(0);
    const seen = await tops.untilRead();
    expect(new Set(seen.map(({ error, total }) => error?.code ?? total))).toEqual(
      new Set(["store_lost", 300]),
    );
    expect(seen.at(-1)!.entries[0]).toMatchObject({ rank: 1, member: "m299", score: 299 });
    await eventually(async () =>
      expect((await server.call("GET", "/readyz")).body).toMatchObject({ degraded: [] }),
    );
    expect(said.boards).toMatchObject([
      { board: "live", status: "rebuilt", seasons: [{ season: 1, entries: 300, ids: 300 }] },
    ]);
    // The same gateway and the same follower go on by themselves.
    const results = await eventually(async () => {
      const found = await submit([
        { member: "m299", score: 299, id: "first m299" },
        { member: "m0", score: 1_000, id: "last" },
      ]);
      // Whether the archive was quick enough to have it or not: it counts once.
      expect(found[1]).toMatchObject({ score: 1_000 });
      return found;
    });
    expect(results[0]).toMatchObject({ outcome: "duplicate", score: 299 });
    await eventually(() =>
      expect(client.rows.slice(0, 2).map(([member, , score]) => [member, score])).toEqual([
        ["m0", 1_000],
        ["m299", 299],
      ]),
    );
    const rank = await server.call<{ rank: number; total: number }>(
      "GET",
      "/v1/boards/live/members/m298?precision=exact",
    );
    expect(rank.body).toMatchObject({ rank: 3, total: 300 });
    await archived();
    expect(await run<VerifyReport>("verify", "--board", "live")).toMatchObject({
      code: 0,
      said: { differences: 0 },
    });
  });

  test("killed in the middle and run again, it ends as if nothing had happened", {
    timeout: 60_000,
  }, async () => {
    const admin = redis.client();
    await admin.flushall();
    const { child, ended } = cli("rebuild", "--board", "live");
    await eventually(async () => expect((await admin.keys("*{live.1.*meta")).length).toBe(2), { everyMs: 1 });
    child.kill("SIGKILL");
    await ended;
    const { said } = await run<RebuildReport>("rebuild");
    expect(said.boards[0]).toMatchObject({ board: "live" });
    const verified = await run<VerifyReport>("verify");
    expect(verified.said).toMatchObject({
      differences: 0,
      seasons: [{ shards: [{ compared: "by hash" }, { compared: "by hash" }] }],
    });
    const again = await run<RebuildReport>("rebuild", "--board", "live");
    expect(again).toMatchObject({ code: 1, said: { boards: [{ status: "there" }] } });
  });

  test("a board that nobody knows is refused with its name", { timeout: 30_000 }, async () => {
    const { code, output } = await cli("rebuild", "--board", "nobodys").ended;
    expect(code).toBe(1);
    expect(output).toContain('board_not_found: The archive knows no board "nobodys".');
  });
});
