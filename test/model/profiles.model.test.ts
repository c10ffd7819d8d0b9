/**
 * The races of cache-aside, step by step [R 12]: whatever the order of two writers' and two readers' steps, and whatever the cache
 * forgets in between, no copy is older than a write that was answered, and none is left that the table has outgrown.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Database } from "../../server/database/database.ts";
import { ProfileCache } from "../../server/profiles/profile-cache.ts";
import { createProfileMetrics } from "../../server/profiles/profile-metrics.ts";
import { ProfileStore, type Written } from "../../server/profiles/profile-store.ts";
import { profileKey } from "../../server/redis/keys.ts";
import { commandConnection, silentLog } from "../support/builders.ts";
import { POSTGRES_INSTALL_MS, startTestPostgres, type TestPostgres } from "../support/postgres.ts";
import { newMember, TIMES } from "../support/profiles.ts";
import { sharedRedisUrl } from "../support/shared-redis.ts";

const SEED = 20_261_125;
const RUNS = 250;

let postgres: TestPostgres;
let database: Database;
let redis: Redis;
let store: ProfileStore;

beforeAll(async () => {
  postgres = await startTestPostgres();
  const url = await postgres.newDatabase();
  database = new Database({ url, dataDir: "", connectionsMax: 5, timeoutMs: 5_000, log: silentLog });
  store = new ProfileStore(database);
  redis = await commandConnection(sharedRedisUrl());
}, POSTGRES_INSTALL_MS);
afterAll(async () => {
  redis.disconnect();
  await database.close();
  await postgres.stop();
});

/** A process's own view of the cache. */
const newCache = (): ProfileCache =>
  new ProfileCache({
    ...TIMES,
    redis,
    metrics: createProfileMetrics(new Registry()),
    now: Date.now,
    random: Math.random,
  });

type Step = () => Promise<unknown>;

/** What a process does that misses: asks for the token, asks the database, brings the copy. */
function readerSteps(member: string): Step[] {
  const cache = newCache();
  let token: string | undefined;
  let version = 0;
  return [
    async () => {
      const taken = (await cache.take(new Map([[member, undefined]]))).get(member);
      token = typeof taken === "object" && "token" in taken ? taken.token : undefined;
    },
    async () => {
      version = (await store.read([member])).get(member)!.version;
    },
    async () => {
      if (token !== undefined) await cache.fill([{ member, token, version, profile: {} }]);
    },
  ];
}

type End = "answered" | "rolled back" | "killed after the commit";

/** What a process does that writes, in its three steps; the transaction is open between the first two. */
function writerSteps(member: string, end: End, answered: (version: number) => void): Step[] {
  const cache = newCache();
  let commit = (): void => undefined;
  let fail = (_: Error): void => undefined;
  let done: Promise<Written[]>;
  return [
    () =>
      new Promise<void>((reached) => {
        done = store.put(new Map([[member, {}]]), async (written) => {
          await cache.outdate(written);
          reached();
          await new Promise<void>((resolve, reject) => {
            commit = resolve;
            fail = reject;
          });
        });
        done.catch(() => undefined);
      }),
    async () => {
      if (end === "rolled back") fail(new Error("the writer gave up"));
      else commit();
      await done.catch(() => undefined);
    },
    async () => {
      if (end !== "answered") return;
      const written = await done;
      await cache.outdate(written);
      answered(written[0]!.version);
    },
  ];
}

const forgetting = (member: string): Step[] => [() => redis.del(profileKey(member))];

type Race = { order: number[]; ends: [End, End]; forgets: boolean };

/**
 * Runs the steps in the given order of actors: writers 0 and 1, readers 2 and 3, a cache that forgets 4. The row's lock makes the
 * second writer wait for the first one's commit, so that its turn comes after.
 */
async function run({ order, ends, forgets }: Race): Promise<void> {
  const member = newMember();
  await store.put(new Map([[member, {}]]), async () => undefined);
  let answeredMax = 1;
  const answered = (version: number): void => {
    answeredMax = Math.max(answeredMax, version);
  };
  const actors = [
    writerSteps(member, ends[0], answered),
    writerSteps(member, ends[1], answered),
    readerSteps(member),
    readerSteps(member),
    forgets ? forgetting(member) : [],
  ];
  const watcher = newCache();
  const copyNow = async (): Promise<number | undefined> => {
    const copy = (await watcher.read([member])).get(member);
    return typeof copy === "object" ? copy.version : undefined;
  };
  const inTransaction: number[] = [];
  const pending = [...order];
  while (pending.length > 0) {
    const actor = pending.shift()!;
    const isBlocked = actor < 2 && inTransaction.length > 0 && inTransaction[0] !== actor;
    if (isBlocked) {
      pending.push(actor);
      continue;
    }
    const step = actors[actor]!.shift();
    if (!step) continue;
    await step();
    if (actor < 2) {
      const left = actors[actor]!.length;
      if (left === 2) inTransaction.push(actor);
      if (left === 1) inTransaction.pop();
    }
    const copy = await copyNow();
    if (copy !== undefined) expect(copy, "a copy after an answer").toBeGreaterThanOrEqual(answeredMax);
  }
  const truth = (await store.read([member])).get(member)!.version;
  expect(await copyNow().then((copy) => copy ?? truth), "the copy that is left").toBe(truth);
}

/** Whatever the beginning, everybody comes to an end. */
const order = fc
  .array(fc.integer({ min: 0, max: 4 }), { minLength: 6, maxLength: 16 })
  .map((begin) => [...begin, 0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4]);
const end = fc.constantFrom<End>("answered", "answered", "rolled back", "killed after the commit");
const race = fc.record({ order, ends: fc.tuple(end, end), forgets: fc.boolean() });

/** Every order of the three steps of a writer and the three of a reader. */
function* allOrders(writers = 3, readers = 3): Generator<number[]> {
  if (writers + readers === 0) yield [];
  if (writers > 0) for (const rest of allOrders(writers - 1, readers)) yield [0, ...rest];
  if (readers > 0) for (const rest of allOrders(writers, readers - 1)) yield [2, ...rest];
}

describe("a profile's copy is never stale", () => {
  test.each<End>([
    "answered",
    "rolled back",
    "killed after the commit",
  ])("in any of the 20 orders of a writer that is %s and a reader that misses", async (how) => {
    const orders = [...allOrders()];
    expect(orders).toHaveLength(20);
    for (const one of orders) await run({ order: one, ends: [how, "answered"], forgets: false });
  });

  test("when two writers' last words come in the wrong order, and a reader fills between", async () => {
    // First writer commits, the second one begins, commits and tells; a reader reads; the first one's notice comes last.
    for (const one of [
      [0, 0, 2, 1, 1, 2, 1, 2, 0],
      [2, 0, 0, 2, 1, 1, 0, 2, 1],
      [0, 2, 2, 0, 1, 2, 1, 0, 1],
    ]) {
      await run({ order: one, ends: ["answered", "answered"], forgets: false });
    }
  });

  test(`in random orders of two writers, two readers and a cache that forgets (seed ${SEED})`, {
    timeout: 60_000,
  }, async () => {
    await fc.assert(fc.asyncProperty(race, run), { seed: SEED, numRuns: RUNS, endOnFailure: true });
  });
});
