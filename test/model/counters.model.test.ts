/**
 * Counters of three processes against a naive sum: connections that are killed under a flush, processes that are killed with what they
 * had gathered, days that change. What was flushed is there exactly once; what a killed process had not sent is not there; only a flush
 * whose end a killed process never learnt may be there or not.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Counters } from "../../server/counters/counters.ts";
import { readCounts } from "../../server/counters/counts-reader.ts";
import { dayText, OUTCOMES, type Outcome } from "../../server/counters/outcomes.ts";
import { connectCommand } from "../../server/redis/connect.ts";
import { DEPLOYMENT } from "../../server/redis/keys.ts";
import { registerScripts } from "../../server/redis/scripts.ts";
import { commandConnection, silentLog } from "../support/builders.ts";
import { eventually } from "../support/eventually.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";

const PROCESSES = 3;
const HOUR = 3_600_000;
/** Late on a day, so that a few hours lead over midnight. In the future: days that are over would expire at once. */
const EVENING = Date.UTC(2090, 5, 1, 21);
const DAYS = 4;

let server: TestRedis;
let admin: Redis;
const connections: Redis[] = [];
beforeAll(async () => {
  server = await startTestRedis();
  admin = server.client();
  for (let i = 0; i < PROCESSES; i++) connections.push(await commandConnection(server.url));
});
afterAll(async () => {
  for (const redis of connections) redis.disconnect();
  await server.stop();
});

/** Of one outcome on one day: certainly counted, and maybe. */
type Bounds = { least: number; most: number };
type Amount = { board: string; day: number; outcome: Outcome; n: number };

class NaiveCounts {
  readonly bounds = new Map<string, Bounds>();

  count({ board, day, outcome, n }: Amount, certain: boolean): void {
    for (const scope of [board, DEPLOYMENT]) {
      const key = `${scope} ${day} ${outcome}`;
      const own = this.bounds.get(key) ?? { least: 0, most: 0 };
      this.bounds.set(key, { least: own.least + (certain ? n : 0), most: own.most + n });
    }
  }

  of(scope: string, days: number[], outcome: Outcome): Bounds {
    const sum = { least: 0, most: 0 };
    for (const day of days) {
      const own = this.bounds.get(`${scope} ${day} ${outcome}`);
      sum.least += own?.least ?? 0;
      sum.most += own?.most ?? 0;
    }
    return sum;
  }
}

type Step =
  | { kind: "add"; process: number; board: number; outcome: Outcome; n: number }
  | { kind: "flush" | "flush-cut-off" | "kill"; process: number }
  | { kind: "hours"; hours: number };

const process = fc.nat({ max: PROCESSES - 1 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      process,
      board: fc.nat({ max: 1 }),
      outcome: fc.constantFrom(...OUTCOMES),
      n: fc.integer({ min: 1, max: 1_000 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("flush", "flush-cut-off", "flush-cut-off", "kill"),
      process,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("hours" as const), hours: fc.integer({ min: 1, max: 9 }) }),
  },
);

/** One process's counters, with what it has counted and does not know to be in Redis. */
type Instance = { counters: Counters; unsent: Amount[]; unknown: Amount[] };

async function play(steps: Step[]): Promise<void> {
  let now = EVENING;
  const clock = { now: () => now };
  const startDay = Math.floor(EVENING / (24 * HOUR));
  // The deployment's counters are everybody's.
  await admin.flushall();
  const boards = [uniqueBoard("a"), uniqueBoard("b")];
  const model = new NaiveCounts();
  const start = (i: number): Instance => {
    const counters = new Counters({ redis: connections[i]!, daysKept: 10, clock });
    return { counters, unsent: [], unknown: [] };
  };
  const instances = connections.map((_, i) => start(i));

  async function flush(instance: Instance): Promise<boolean> {
    const { counters } = instance;
    instance.unknown.push(...instance.unsent.splice(0));
    const arrived = await counters.drain().then(
      () => true,
      () => false,
    );
    if (arrived) for (const amount of instance.unknown.splice(0)) model.count(amount, true);
    return arrived;
  }

  for (const step of steps) {
    if (step.kind === "hours") {
      now = Math.min(now + step.hours * HOUR, EVENING + (DAYS - 1) * 24 * HOUR);
      continue;
    }
    const instance = instances[step.process]!;
    if (step.kind === "add") {
      const { board, outcome, n } = step;
      instance.counters.add(boards[board]!, outcome, n);
      const day = Math.floor(now / (24 * HOUR));
      instance.unsent.push({ board: boards[board]!, day, outcome, n });
    } else if (step.kind === "flush") await flush(instance);
    else if (step.kind === "flush-cut-off") {
      const id = await eventually(() => connections[step.process]!.client("ID"));
      await Promise.all([flush(instance), admin.call("CLIENT", "KILL", "ID", id)]);
    } else {
      for (const amount of instance.unknown) model.count(amount, false);
      instances[step.process] = start(step.process);
    }
  }
  for (const instance of instances) await eventually(async () => expect(await flush(instance)).toBe(true));

  now = EVENING + (DAYS - 1) * 24 * HOUR;
  const days = Array.from({ length: DAYS }, (_, i) => startDay + DAYS - 1 - i);
  for (const scope of [...boards, DEPLOYMENT]) {
    const counted = await readCounts(admin, scope, DAYS, clock);
    expect(counted.days.map(({ day }) => day)).toEqual(days.map(dayText));
    for (const outcome of OUTCOMES) {
      within(counted.total[outcome], model.of(scope, days, outcome));
      days.forEach((day, i) => {
        within(counted.days[i]!.counts[outcome], model.of(scope, [day], outcome));
      });
    }
  }
}

function within(counted: number, { least, most }: Bounds): void {
  expect(counted).toBeGreaterThanOrEqual(least);
  expect(counted).toBeLessThanOrEqual(most);
}

describe("counters", () => {
  test("are the sum of what was counted, each once, less what killed processes had not sent", async () => {
    registerScripts(admin);
    await fc.assert(fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40 }), play), {
      numRuns: 40,
    });
  }, 60_000);

  test("know the players of a board and of all boards as if Redis had heard of every one", async () => {
    const clock = { now: () => EVENING };
    await admin.flushall();
    const boards = [uniqueBoard("a"), uniqueBoard("b")] as const;
    const processes = connections.map((redis) => new Counters({ redis, daysKept: 10, clock }));
    const everybody = new Set<string>();
    const asked = admin.pipeline();
    for (let i = 0; i < 60_000; i++) {
      const member = `player-${(i * 17) % 25_000}`;
      const board = boards[i % 5 === 0 ? 1 : 0];
      everybody.add(member);
      processes[i % PROCESSES]!.played(board, [member]);
      asked.pfadd(`all ${board}`, member);
      if (i % 20_000 === 0) for (const counters of processes) await eventually(() => counters.drain());
    }
    for (const counters of processes) await eventually(() => counters.drain());
    await asked.exec();
    for (const board of boards) {
      const { days } = await readCounts(admin, board, 1, clock);
      expect(days[0]!.players).toBe(await admin.pfcount(`all ${board}`));
    }
    const { days } = await readCounts(admin, DEPLOYMENT, 1, clock);
    expect(days[0]!.players).toBe(await admin.pfcount(...boards.map((board) => `all ${board}`)));
    expect(Math.abs(days[0]!.players - everybody.size) / everybody.size).toBeLessThan(4 * 0.0081);
  });

  test("count a flush once whose reply is lost", async () => {
    const redis = await connectCommand({
      target: { url: server.url },
      log: silentLog,
      commandTimeoutMs: 150,
    });
    registerScripts(redis);
    const board = uniqueBoard("lost-reply");
    const counters = new Counters({ redis, daysKept: 10 });
    counters.add(board, "accepted", 5);
    await counters.flush();
    counters.add(board, "accepted", 7);
    // Redis does what it is told from here on, and says nothing.
    await expect(
      Promise.all([(redis as Redis).call("CLIENT", "REPLY", "OFF"), counters.flush()]),
    ).rejects.toThrow();
    await eventually(async () => expect((await readCounts(admin, board, 1)).total.accepted).toBe(12));
    expect(counters.settled).toBe(false);
    await eventually(() => counters.drain());
    expect((await readCounts(admin, board, 1)).total.accepted).toBe(12);
    redis.disconnect();
  });
});
