/**
 * Accepted submissions, archived up to a random batch of each shard, then a total loss: a rebuild restores exactly the entries at those
 * batches, each once, with the ids that they bring; what came later is what its report says is lost. fast-check prints the seed of a failure.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import type { Database } from "../../server/database/database.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { createRedisBoardRepository } from "../../server/leaderboard/board-repository.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { entryValues } from "../../server/leaderboard/codec.ts";
import { derive } from "../../server/leaderboard/season-steps.ts";
import { scanShard } from "../../server/leaderboard/shard-scan.ts";
import { compareSeason } from "../../server/recovery/compare-season.ts";
import { type RebuildReport, rebuild } from "../../server/recovery/rebuild.ts";
import { anyDefinition, anyMember, anyValues, anyWideDefinition } from "../support/arbitrary-board.ts";
import { commandConnection, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { archiveByHand } from "../support/hand-archive.ts";
import { NaiveBoard, type Value } from "../support/naive-board.ts";
import { startTestRedis, type TestRedis } from "../support/redis.ts";
import { uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

type Item = { member: string; values: Value[]; id: string };
type Scenario = { definition: BoardDefinition; items: Item[]; again: Item[]; archived: number[] };

let server: TestRedis;
let redis: Redis;
beforeAll(async () => {
  server = await startTestRedis();
  redis = await commandConnection(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const scenario: fc.Arbitrary<Scenario> = fc.oneof(anyDefinition, anyWideDefinition).chain((definition) => {
  // Ties by time would need the model's clock to be Redis's.
  const shared = { ...definition, ties: "shared" as const };
  const id = fc.constantFrom("", "x", "y", "z");
  const item = fc.record({ member: anyMember, values: anyValues(definition), id });
  return fc.record({
    definition: fc.constant(shared),
    items: fc.array(item, { minLength: 1, maxLength: 40 }),
    again: fc.array(item, { maxLength: 10 }),
    archived: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 8, maxLength: 8 }),
  });
});

describeOnBoth("a rebuild", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  test("restores exactly what was archived, and goes on from there, twice over", {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ definition, items, again, archived }) => {
        await redis.flushall();
        const id = uniqueBoard("model");
        const open = await openBoard(redis, id, definition);
        const model = new NaiveBoard(open.board);
        await submitAll(open, model, items, archived);
        await archiveByHand(redis, database, open, (shard) => archived[shard]!);
        const first = await loseAndRebuild(id, archived);
        expect(await entriesOf(first)).toEqual(entriesIn(model));
        // The life that was rebuilt takes more, is archived whole, and is lost too.
        await submitAll(first, model, again, undefined);
        await archiveByHand(redis, database, first);
        const second = await loseAndRebuild(id, undefined);
        expect(await entriesOf(second)).toEqual(entriesIn(model));
        // Every id that counted is known still: nothing changes when all of it comes again.
        const known = items.filter((item) => item.id !== "" && model.knows({ ...item, at: 0 }));
        await submitAll(second, model, known, undefined);
        expect(await entriesOf(second)).toEqual(entriesIn(model));
        const { differences } = await compareSeason({ redis, database, waitMs: 0 }, first);
        expect(new Set(differences.map(({ reason }) => reason))).toEqual(new Set(["store_lost"]));
      }),
      { numRuns: 25 },
    );
  });

  /** The model takes what the shard has counted up to the archived batch; the rest is lost. @param archived undefined: everything */
  async function submitAll(
    open: OpenBoard,
    model: NaiveBoard,
    items: Item[],
    archived: number[] | undefined,
  ): Promise<void> {
    const submitter = await Submitter.create(redis, open);
    for (const { member, values, id } of items) {
      const shard = submitter.shardOf(member);
      const reply = await submitter.submitValues(member, valuesAsEntry(open, values), id);
      if (reply.tag !== "applied") throw new Error(reply.tag);
      // What changed nothing is in no batch, and its id is lost with Redis.
      if (reply.statuses[0] !== "a" || (archived && reply.n > archived[shard]!)) continue;
      expect(model.submit({ member, values, id, at: 0 })).toBe("a");
    }
  }

  async function loseAndRebuild(id: string, archived: number[] | undefined): Promise<OpenBoard> {
    const repository = createRedisBoardRepository(redis);
    const before = derive((await repository.get(id))!.record);
    const had = await Promise.all(before.shards.map(async ({ meta }) => Number(await redis.hget(meta, "n"))));
    await redis.flushall();
    const dedup = { windowMs: 600_000, idsMax: 100_000 };
    const report = await rebuild({ redis, database, repository, dedup, boards: [id], force: false });
    expect(positionsIn(report)).toEqual(had.map((n, shard) => Math.min(n, archived?.[shard] ?? n)));
    return derive((await repository.get(id))!.record);
  }

  async function entriesOf(open: OpenBoard): Promise<unknown[]> {
    const entries: unknown[] = [];
    for (const shard of open.shards.keys()) {
      for await (const page of scanShard(redis, open, shard))
        for (const entry of page) entries.push([entry.member, listOf(open, entryValues(open, entry))]);
    }
    return entries.sort(byMember);
  }
});

function entriesIn(model: NaiveBoard): unknown[] {
  return [...model.entries.values()].map(({ member, values }) => [member, values]).sort(byMember);
}

function positionsIn({ boards: [board] }: RebuildReport): number[] {
  return board?.status === "rebuilt" ? board.seasons[0]!.shards.map(({ n }) => n) : [];
}

function byMember(a: unknown, b: unknown): number {
  return Buffer.compare(Buffer.from((a as string[])[0]!), Buffer.from((b as string[])[0]!));
}

function listOf({ board }: OpenBoard, { score, columns }: EntryValues): Value[] {
  return [score, ...board.columns.slice(1).map(({ name }) => columns![name]!)];
}

function valuesAsEntry({ board }: OpenBoard, [score, ...others]: Value[]): EntryValues {
  if (others.length === 0) return { score: score as number };
  const columns = Object.fromEntries(others.map((value, i) => [board.columns[i + 1]!.name, value]));
  return { score: score as number, columns };
}
