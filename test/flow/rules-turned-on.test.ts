/** Score rules that are turned on while submissions are on their way: who asked for the board before goes by the new rules too. */
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SubmissionResult } from "../../client-sdk/protocol/messages.ts";
import { HeldReview } from "../../server/ingest/held-review.ts";
import { Ingest } from "../../server/ingest/ingest.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { type BoardDefinition, boardDefinition, boardFrom } from "../../server/leaderboard/board-schema.ts";
import { createHasher } from "../../server/leaderboard/hashing.ts";
import { commandConnection, DEDUP, registryOn, silentLog } from "../support/builders.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const PLAIN: BoardDefinition = { operator: "incr", shards: 4, columns: [{ name: "points", max: 1_000_000 }] };
const RULES: BoardDefinition = { ...PLAIN, rules: { maxChange: 5 } };
const HOLDING: BoardDefinition = { ...PLAIN, rules: { maxChange: 5, onViolation: "hold" } };
const MEMBERS = Array.from({ length: 40 }, (_, i) => `m${i}`);

/** One process: its boards, and its way of submissions to them. */
async function processWith(definition: BoardDefinition) {
  const id = uniqueBoard("turned");
  const registry = registryOn(redis);
  const put = async (changed: BoardDefinition): Promise<OpenBoard> =>
    (await registry.put(boardFrom(id, boardDefinition.parse(changed)))).open;
  const ingest = new Ingest({
    redis,
    boards: registry.boards,
    hasher: await createHasher(),
    clock: { now: () => Date.now() },
    log: silentLog,
    limits: { batchMax: 200, flightsMax: 4, queueMax: 1_000, deadlineMs: 5_000 },
    dedup: DEDUP,
  });
  /** Of a member of each shard. */
  const outcomes = async (open: OpenBoard, score: number): Promise<SubmissionResult["outcome"][]> => {
    const results = await ingest.submit(
      open,
      MEMBERS.map((member) => ({ member, score })),
    );
    return [...new Set(results.map(({ outcome }) => outcome))];
  };
  return { open: await put(definition), put, ingest, outcomes };
}

describe("a submission whose sender asked for the board before its rules were turned on", () => {
  test("is judged by them, and does not turn them off for others", async () => {
    const { open: before, put, outcomes } = await processWith(PLAIN);
    const after = await put(RULES);
    expect(await outcomes(after, 900)).toEqual(["rejected"]);
    expect(await outcomes(before, 900)).toEqual(["rejected"]);
    expect(await outcomes(after, 900)).toEqual(["rejected"]);
  });

  test("is judged by them when nobody else has submitted since", async () => {
    const { open: before, put, outcomes } = await processWith(PLAIN);
    await put(HOLDING);
    expect(await outcomes(before, 900)).toEqual(["held"]);
  });

  test("goes by what the rules were changed to, also where they are gone", async () => {
    const { open: strict, put, outcomes } = await processWith(RULES);
    await put(PLAIN);
    expect(await outcomes(strict, 900)).toEqual(["accepted"]);
  });
});

test("an approval whose admin asked for the board before does not turn rules off", async () => {
  const { open, put, ingest, outcomes } = await processWith(HOLDING);
  expect(await outcomes(open, 900)).toEqual(["held"]);
  const before = await put(PLAIN);
  const after = await put(RULES);
  expect(await outcomes(after, 901)).toEqual(["rejected"]);
  const review = new HeldReview({ redis, ingest });
  const { held } = await review.list(before, 100);
  for (const one of held) {
    expect((await review.approve(before, one.held)).result).toMatchObject({
      outcome: "accepted",
      score: 900,
    });
  }
  expect(held).toHaveLength(MEMBERS.length);
  expect(await outcomes(after, 901)).toEqual(["rejected"]);
});
