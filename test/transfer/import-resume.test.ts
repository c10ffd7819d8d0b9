/** Imports that break off and go on, beside submissions, and where a score log is full. */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { wholeKey } from "../../server/leaderboard/values.ts";
import { importKey } from "../../server/redis/keys.ts";
import { ImportWriter } from "../../server/transfer/import-writer.ts";
import { commandConnection, DEDUP } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { ADMIN_KEY, SERVER_KEY, startServer, type TestServer } from "../support/servers.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { importLines, importText, OpenImport, standings } from "./importing.ts";

let server: TestServer;
let redis: Redis;
let board: string;

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  server = await startServer(sharedRedisUrl());
});
afterAll(async () => {
  await server.stop();
  redis.disconnect();
});

async function newBoard(definition: BoardDefinition) {
  board = uniqueBoard("import");
  await server.createBoard(board, definition);
  return server.running.registry.get(board);
}

const scoreOf = async (member: string): Promise<number | undefined> => {
  const { body } = await server.call<{ score?: number }>("GET", `/v1/boards/${board}/members/${member}`);
  return body.score;
};
const status = async (id: string) => {
  const path = `/v1/admin/boards/${board}/import/${id}`;
  const { body } = await server.call<{ state: string; lastLine: number; lines: number }>("GET", path, {
    key: ADMIN_KEY,
  });
  return body;
};

describe("an import with an id", () => {
  const lineOf = (i: number) => JSON.stringify({ member: `m${i}`, score: i });
  const text = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, i) => `${lineOf(from + i)}\n`).join("");

  test("that broke off goes on where it was, and is as if it had never broken", async () => {
    const open = await newBoard({ operator: "set", shards: 4, ties: "earliest" });
    const first = new OpenImport(server, board, "?importId=one");
    await first.send(text(1, 9_000));
    await eventually(async () =>
      expect(await status("one")).toMatchObject({ state: "running", lastLine: 8_000 }),
    );
    first.breakOff();
    await eventually(async () =>
      expect(await status("one")).toMatchObject({ state: "broken", lines: 9_000 }),
    );
    // As if the process had died before it noted the last of it: that comes once more.
    const note = importKey(board, "one");
    const noted = JSON.parse((await redis.get(note)) ?? "") as object;
    await redis.set(note, JSON.stringify({ ...noted, lastLine: 8_000, lines: 8_000, written: 8_000 }));
    const members = ["m1", "m4000", "m8000", "m9000", "m9001", "m10000"];
    const part = await standings(redis, open, members);
    const { body } = await importText(server, board, text(1, 10_000), "?importId=one");
    expect(body).toMatchObject({
      resumedAfter: 8_000,
      lines: 10_000,
      written: 9_000,
      unchanged: 1_000,
      failed: 0,
    });
    expect(await status("one")).toMatchObject({ state: "done", lastLine: 10_000 });
    const whole = await standings(redis, open, members);
    expect(whole.size).toBe(6);
    for (const [member, standing] of part) expect(whole.get(member)).toEqual(standing);
    // Lines without a time have that of the import's beginning, before and after the break.
    expect(new Set([...whole.values()].map(({ rest }) => rest.slice(-8))).size).toBe(1);
    const again = await importText(server, board, text(1, 10_000), "?importId=one");
    expect(again.body).toMatchObject({ resumedAfter: 10_000, lines: 10_000 });
    const tail = await importText(server, board, text(10_001, 10_002), "?importId=one&fromLine=10001");
    expect(tail.body).toMatchObject({ resumedAfter: 10_000, lines: 10_002 });
    expect(await scoreOf("m10002")).toBe(10_002);
  });

  test("runs once at a time, and goes on only as it began", async () => {
    await newBoard({ operator: "set" });
    const first = new OpenImport(server, board, "?importId=two");
    await first.send(text(1, 1));
    await eventually(async () => expect(await status("two")).toMatchObject({ state: "running" }));
    for (const query of ["?importId=two", "?importId=another", ""]) {
      const second = await importText(server, board, text(1, 1), query);
      expect(second.body.error).toMatchObject({ code: "import_running", retryable: true });
    }
    first.end();
    expect((await first.answer).body).toMatchObject({ lines: 1, written: 1 });
    const other = await importText(server, board, text(1, 1), "?importId=two&mode=best");
    expect(other.body.error).toMatchObject({ code: "bad_request" });
    const path = `/v1/admin/boards/${board}/import/unknown`;
    const unknown = await server.call<{ error: { code: string } }>("GET", path, { key: ADMIN_KEY });
    expect(unknown.body.error.code).toBe("import_not_found");
  });
});

describe("an import beside submissions", () => {
  test("by best and by absent ends in what a naive board says, whatever comes first", async () => {
    const one = fc.record({
      member: fc.constantFrom("a", "b", "c", "d"),
      score: fc.integer({ min: 0, max: 9 }),
    });
    const some = fc.array(one, { maxLength: 12 });
    const seed = Number(process.env.SEED ?? Date.now());
    console.info(`seed ${seed}`);
    await fc.assert(
      fc.asyncProperty(some, some, fc.constantFrom("best", "absent"), async (lines, submissions, mode) => {
        await newBoard({ operator: "best", shards: 2 });
        const submit = async (): Promise<void> => {
          if (submissions.length === 0) return;
          await server.call("POST", `/v1/boards/${board}/scores`, { key: SERVER_KEY, body: { submissions } });
        };
        await Promise.all([submit(), importLines(server, board, lines, `?mode=${mode}`)]);
        for (const member of ["a", "b", "c", "d"]) {
          const of = (all: typeof lines) =>
            all.filter((entry) => entry.member === member).map(({ score }) => score);
          const [imported, submitted] = [of(lines), of(submissions)];
          // Absent takes the first line, if nobody was there; what is submitted is kept if it is better.
          const possible =
            mode === "best"
              ? [Math.max(...imported, ...submitted)]
              : [Math.max(...imported.slice(0, 1), ...submitted), Math.max(...submitted)];
          const score = await scoreOf(member);
          if (imported.length + submitted.length === 0) expect(score).toBeUndefined();
          else expect(possible).toContain(score);
        }
      }),
      { seed, numRuns: 15 },
    );
  });

  test("keeps its sender waiting instead of keeping its lines", async () => {
    const { shards } = await newBoard({ operator: "set", shards: 1 });
    // Nothing is written while the score log is full, so no more than two portions may be taken.
    const filling = redis.pipeline();
    for (let i = 0; i < 7_600; i++) filling.xadd(shards[0]!.log, "*", "n", "0");
    await filling.exec();
    const open = new OpenImport(server, board);
    const piece = `${JSON.stringify({ member: "m".repeat(120), score: 1 })}\n`.repeat(500);
    let sent = 0;
    while (sent < 200 && (await within(open.send(piece), 700))) sent++;
    expect(sent).toBeLessThan(150);
    await redis.xtrim(shards[0]!.log, "MAXLEN", 1);
    open.end();
    expect((await open.answer).body).toMatchObject({ failed: 0 });
  });
});

describe("the writer of an import", () => {
  async function writerOf(limits: Partial<typeof DEDUP>, patienceMs: number) {
    const open = await newBoard({ operator: "set", shards: 1 });
    const writer = new ImportWriter({
      redis,
      open,
      hasher: await createHasher(),
      limits: { ...DEDUP, logEntriesMax: 8, ...limits },
      mode: "put",
      dryRun: false,
      patienceMs,
      checkOpen: async () => undefined,
      markBanned: () => undefined,
    });
    const write = (score: number) =>
      writer.write([{ entry: { member: "a", key: wholeKey(open.layout, { score }, 0) }, exact: false }]);
    return { write, log: open.shards[0]!.log };
  }

  test("waits at three quarters of a full score log, and goes on when the archive has made room", async () => {
    const { write, log } = await writerOf({}, 30_000);
    // The log begins with a placeholder.
    for (let i = 1; i < 6; i++) await write(i);
    const waiting = write(7);
    expect(await within(waiting, 300)).toBe(false);
    await redis.xtrim(log, "MAXLEN", 1);
    expect(await waiting).toMatchObject({ written: 1 });
  });

  test("after its patience goes on as submissions do, or ends, as LOG_FULL says", async () => {
    const gap = await writerOf({}, 100);
    for (let i = 1; i < 12; i++) expect(await gap.write(i)).toMatchObject({ written: 1 });
    const refuse = await writerOf({ logFull: "refuse" }, 100);
    for (let i = 1; i < 6; i++) await refuse.write(i);
    await expect(refuse.write(7)).rejects.toMatchObject({ code: "log_full" });
  });
});

/** Whether it comes in time. */
async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([promise.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
