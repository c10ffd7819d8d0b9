/** Processes that the operating system ends at each step of one rollover, the next one at the next step: the last one finishes, and everything is there once. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../style/sources.ts";
import { commandConnection } from "../support/builders.ts";
import type { Ask, Said } from "../support/season-child.ts";
import { type AnyStep, GRACE_MS, PREOPEN_MS, SeasonProcess } from "../support/season-run.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const CHILD = fileURLToPath(new URL("../support/season-child.ts", import.meta.url));
const BEGAN = Date.parse("2026-01-10T00:00:00Z");
const END = Date.parse("2026-02-01T00:00:00Z");
const ASKS: Omit<Ask, "board">[] = [
  { work: "turn", nowMs: END - PREOPEN_MS },
  { work: "turn", nowMs: END },
  { work: "turn", nowMs: END + GRACE_MS },
  { work: "archive", nowMs: END + GRACE_MS },
];
/** In the order in which they are taken: each process dies at the step behind the one before it. */
const STEPS: AnyStep[] = [
  ...(["prepared", "shards", "opened", "moved"] as const),
  ...(["shards-frozen", "frozen", "entries", "carried"] as const),
  ...(["archived", "deleted", "forgotten"] as const),
];

let redis: Redis;
const children: ChildProcess[] = [];
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => {
  redis.disconnect();
  for (const child of children) child.kill("SIGKILL");
});

/** Resolves when it can be asked. @param diesAt its last step */
async function startChild(diesAt: AnyStep | "never"): Promise<ChildProcess> {
  const args = ["--import", "tsx", CHILD, sharedRedisUrl(), diesAt];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  children.push(child);
  const [said] = (await once(child, "message")) as [Said];
  expect(said).toBe("ready");
  return child;
}

/** @returns the steps that it took, and whether it lived to say that it is done */
async function ask(child: ChildProcess, asked: Ask): Promise<{ steps: AnyStep[]; lived: boolean }> {
  const steps: AnyStep[] = [];
  return new Promise((resolve) => {
    const onMessage = (said: Said): void => {
      if (typeof said === "object") steps.push(said.step);
      else if (said === "done") end(true);
    };
    const onExit = (_: number | null, signal: string | null): void => {
      expect(signal).toBe("SIGKILL");
      end(false);
    };
    const end = (lived: boolean): void => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      resolve({ steps, lived });
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
    child.send(asked);
  });
}

test("a rollover in which a process is killed at every step ends as if nobody had died", async () => {
  const board = uniqueBoard("killed");
  const own = new SeasonProcess(redis, { nowMs: BEGAN });
  const first = await own.put(board, {
    operator: "incr",
    shards: 2,
    columns: [{ name: "points", max: 1_000_000 }],
    season: { cron: "0 0 1 * *", timeZone: "UTC", carryOver: { rule: "keep" } },
  });
  const submitter = await Submitter.create(redis, first);
  for (let i = 0; i < 30; i++) await submitter.submit(`m${i}`, i + 1);

  const deaths: (AnyStep | undefined)[] = [];
  const left = [...STEPS];
  // The next one starts while this one works.
  let starting = startChild(left[0]!);
  let child: ChildProcess | undefined;
  for (const asked of ASKS) {
    for (let lived = false; !lived; ) {
      if (!child) {
        child = await starting;
        left.shift();
        starting = startChild(left[0] ?? "never");
      }
      const end = await ask(child, { ...asked, board });
      lived = end.lived;
      if (lived) continue;
      deaths.push(end.steps.at(-1));
      child = undefined;
    }
  }
  expect(deaths).toEqual(STEPS);

  await own.registry.refresh();
  const record = own.registry.record(board)!;
  expect(record).toMatchObject({ season: { number: 2, openedAtMs: END, state: "open" }, closing: [] });
  expect(record.next).toBeUndefined();
  const scores: Record<string, number> = {};
  for (const { entries } of (await own.registry.get(board)).shards) {
    const flat = await redis.zrange(entries, "0", "-1", "WITHSCORES");
    for (let i = 0; i < flat.length; i += 2) if (flat[i]) scores[flat[i]!] = 1_000_000 - Number(flat[i + 1]);
  }
  expect(scores).toEqual(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`m${i}`, i + 1])));
  const keys = [...first.shards.flatMap((shard) => Object.values(shard)), ...Object.values(first.feed)];
  expect(await redis.exists(...keys.map(String))).toBe(0);
  const late = await Submitter.create(redis, await own.registry.get(board));
  expect(await late.submit("m0", 5)).toMatchObject({ statuses: ["a"] });
}, 90_000);
