/** The memory planner: its arithmetic, its bounds, a real board beside its figure, and the command that prints it. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { capacityCommand, quantity, questionOf } from "../../server/cli/capacity-command.ts";
import { UNITS } from "../../server/cli/capacity-constants.ts";
import { type CapacityPlan, type CapacityQuestion, planCapacity } from "../../server/cli/capacity-plan.ts";
import { parseConfig } from "../../server/config.ts";
import { capacityBounds } from "../../server/options.ts";
import { asProcess, inProcess } from "../cli/rankwire.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { startTestRedis } from "../support/redis.ts";
import { Submitter } from "../support/submitter.ts";
import { bytesOf, memberOf } from "./board-measures.ts";

const BOUNDS = capacityBounds(parseConfig({}));
const plan = (question: Partial<CapacityQuestion>): CapacityPlan =>
  planCapacity(questionOf(question), BOUNDS);
const partIn = ({ parts }: CapacityPlan, name: string) => parts.find(({ part }) => part === name)!;

const anyQuestion = fc.record({
  members: fc.nat(1e8),
  sessions: fc.nat(1e7),
  boards: fc.integer({ min: 1, max: 10_000 }),
  columns: fc.integer({ min: 1, max: 8 }),
  shards: fc.constantFrom(1, 2, 4, 8, 16, 32, 64),
  rate: fc.nat(1e6),
  wide: fc.boolean(),
  ids: fc.boolean(),
  profiles: fc.nat(1e7),
  idBytes: fc.integer({ min: 1, max: 128 }),
  seasons: fc.nat(100),
  meanRate: fc.nat(1e4),
  logDays: fc.nat(400),
});

describe("a memory plan", () => {
  test("adds up, with head-room of 30 and 50 %, and says what to set", () => {
    fc.assert(
      fc.property(anyQuestion, (question) => {
        const { parts, totals } = planCapacity(question, BOUNDS);
        for (const store of ["redis", "postgresql"] as const) {
          const own = parts.filter((part) => part.store === store);
          const { bytes, with30, with50, set } = totals[store];
          expect(bytes).toBe(own.reduce((sum, part) => sum + part.bytes, 0));
          expect([with30, with50]).toEqual([Math.round(bytes * 1.3), Math.round(bytes * 1.5)]);
          expect(set).toBeGreaterThanOrEqual(with50);
          expect(set % (1024 * 1024)).toBe(0);
        }
        for (const { bytes, units, unitBytes } of parts) {
          expect(Number.isSafeInteger(bytes)).toBe(true);
          expect(bytes).toBeGreaterThanOrEqual(Math.round(units * unitBytes) - 1);
        }
      }),
    );
  });

  test("never asks for less when there is more of anything", () => {
    const more = fc.constantFrom("members", "sessions", "rate", "profiles", "idBytes");
    fc.assert(
      fc.property(anyQuestion, more, fc.integer({ min: 1, max: 1e6 }), (question, what, by) => {
        const larger = { ...question, [what]: what === "idBytes" ? 128 : question[what] + by };
        const before = planCapacity(question, BOUNDS).totals.redis.bytes;
        // Larger rows fit fewer times into the bytes of a feed: what is kept ends with a whole frame.
        const slack = question.boards * 200_000;
        expect(planCapacity(larger, BOUNDS).totals.redis.bytes).toBeGreaterThanOrEqual(before - slack);
      }),
    );
  });

  test("follows the bounds of the settings", () => {
    const flood = plan({ members: 1e6, rate: 1e6, ids: true });
    expect(partIn(flood, "dedup ids").units).toBe(2 * 8 * BOUNDS.DEDUP_IDS_MAX);
    expect(partIn(flood, "feed frames").bytes).toBeLessThanOrEqual(BOUNDS.FEED_RETENTION_BYTES + 200_000);
    expect(partIn(flood, "score log").units).toBe(8 * BOUNDS.LOG_ENTRIES_MAX * BOUNDS.BATCH_MAX);
    expect(partIn(plan({ members: 1e6, rate: 1e6 }), "dedup ids").bytes).toBe(0);
    expect(partIn(plan({ members: 1e6, rate: 0 }), "score log").bytes).toBe(0);
  });

  test("has the archive's disk: present entries, past seasons, and the changes of the days that are kept", () => {
    const own = plan({ members: 1_000, seasons: 3, meanRate: 2, logDays: 10, profiles: 0, sessions: 0 });
    const { currentRow, finalRow, logRow, currentRest } = UNITS;
    expect(partIn(own, "present entries").bytes).toBe(1_000 * currentRow.bytes);
    expect(partIn(own, "past seasons").bytes).toBe(3_000 * finalRow.bytes);
    const [log] = own.parts.filter(({ part, store }) => part === "score log" && store === "postgresql");
    expect(log).toMatchObject({ units: 2 * 86_400 * 10, unitBytes: logRow.bytes });
    const wide = plan({ members: 1_000, wide: true, columns: 4, idBytes: 20 });
    expect(partIn(wide, "present entries").unitBytes).toBe(currentRow.bytes + 3 * currentRest.bytes + 16);
    expect(questionOf({ rate: 1_005 })).toMatchObject({ meanRate: 101, logDays: 30, seasons: 0 });
  });

  test.each([
    [1, 20_000],
    [4, 50_000],
  ])("with %d shards and %d members is within a tenth of the real board", async (shards, members) => {
    const server = await startTestRedis();
    onTestFinished(() => server.stop());
    const redis = await commandConnection(server.url);
    const open = await openBoard(redis, "real", { operator: "best", shards });
    const submitter = await Submitter.create(redis, open);
    await submitter.submitMany(
      Array.from({ length: members }, (_, i) => [memberOf(i), 1 + ((i * 7_919) % 1e6)]),
    );
    const real = await bytesOf(redis, ...open.shards.map(({ entries }) => entries));
    const planned = partIn(plan({ members, shards }), "entries").bytes;
    expect(Math.abs(real / planned - 1), `${real} B, planned ${planned} B`).toBeLessThan(0.1);
    redis.disconnect();
  });
});

describe("rankwire capacity", () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ["--import", "tsx", "server/cli/main.ts", "capacity", ...args], {
      encoding: "utf8",
    });

  test("prints the table, or the same as JSON", () => {
    const args = ["--members", "1M", "--sessions", "50k", "--boards", "10", "--rate", "500"];
    const { stdout, status } = run(...args);
    expect(status).toBe(0);
    const expected = plan({ members: 1e6, sessions: 50_000, boards: 10, rate: 500 });
    expect(stdout).toContain(`maxmemory: ${expected.totals.redis.set / 1024 / 1024} MiB`);
    for (const { part } of expected.parts) expect(stdout).toContain(`| ${part} `);
    expect(JSON.parse(run(...args, "--json").stdout)).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  test.each([
    ["4.1M", 4_100_000],
    ["1.005M", 1_005_000],
    ["64.1k", 64_100],
    ["250_000", 250_000],
  ])("takes %s as the whole number that it is", (text, value) => {
    expect(quantity(text)).toBe(value);
  });

  test("says which number is wrong", async () => {
    const wrong = [
      ["--members", "many"],
      ["--shards", "65"],
      ["--boards", "0"],
      ["--rate", "-1"],
      ["--speed", "1"],
    ].map(async (args) => {
      const { err, code } = await asProcess({}, "capacity", ...args);
      expect(code).toBe(1);
      expect(err).toContain(args[0]);
    });
    await Promise.all(wrong);
    expect(await inProcess("capacity")).toMatchObject({
      code: 1,
      err: expect.stringContaining("--members is missing"),
    });
  });
});

describe("docs/capacity.md", () => {
  const text = readFileSync("docs/capacity.md", "utf8");
  const examples = [...text.matchAll(/```sh\nnpx rankwire capacity ([^\n]+)\n```\n\n([\s\S]+?)\n\n(?=## )/g)];

  test.each(
    examples.map(([, args, printed]) => [args!, printed!]),
  )("shows what is printed for %s", async (args, printed) => {
    let shown = "";
    const command = capacityCommand((line) => {
      shown += line;
    });
    await command.parseAsync(args.split(" "), { from: "user" });
    expect(printed).toBe(shown);
  });

  test("has an example of ten thousand, a million and ten million members", () => {
    expect(examples.map(([, args]) => /--members (\S+)/.exec(args!)?.[1])).toEqual(["10k", "1M", "10M"]);
  });
});
