/**
 * The submit scripts and the exact reads against a naive array: all operators × directions × ties × 1..8 columns × 1..8 shards, with
 * repeats inside a batch, lost replies, gaps and late retries; packed boards, and wide ones with floats and 64-bit integers down to the
 * last bit. fast-check prints the seed of a failure.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EntryValues } from "../../client-sdk/protocol/messages.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { entryValues } from "../../server/leaderboard/codec.ts";
import { createHasher, type Hasher } from "../../server/leaderboard/hashing.ts";
import { decodeCursor } from "../../server/leaderboard/page-cursor.ts";
import { readPlaces } from "../../server/leaderboard/places.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { type Batch, submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { anyDefinition, anyMember, anyValues, anyWideDefinition } from "../support/arbitrary-board.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { NaiveBoard, type NaiveOutcome, type Value } from "../support/naive-board.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
let hasher: Hasher;

beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  hasher = await createHasher();
});
afterAll(() => redis.disconnect());

type Item = { member: string; values: Value[]; id: string };
type Step =
  | { kind: "batch"; items: Item[] }
  | { kind: "replay"; back: number }
  | { kind: "gap"; items: Item[] };

type Scenario = { definition: BoardDefinition; steps: Step[] };

function scenarioOf(definition: BoardDefinition): fc.Arbitrary<Scenario> {
  const item = fc.record({
    member: anyMember,
    values: anyValues(definition),
    id: fc.constantFrom("", "", "x", "y", "z"),
  });
  const items = fc.array(item, { minLength: 1, maxLength: 12 });
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant("batch" as const), items }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("replay" as const), back: fc.integer({ min: 0, max: 6 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("gap" as const), items }) },
  );
  return fc.record({
    definition: fc.constant(definition),
    steps: fc.array(step, { minLength: 1, maxLength: 10 }),
  });
}

function valuesAsEntry(open: OpenBoard, values: Value[]): EntryValues {
  const [score, ...others] = values as [number, ...Value[]];
  if (others.length === 0) return { score };
  const columns = Object.fromEntries(others.map((value, i) => [open.board.columns[i + 1]!.name, value]));
  return { score, columns };
}

/** Sends batches of one producer, shard by shard, and compares every reply with the model's. */
class Producer {
  readonly #open: OpenBoard;
  readonly model: NaiveBoard;
  readonly #sent: { shard: number; batch: Batch; reply: unknown }[] = [];
  readonly #nextSeq = new Map<number, number>();
  #at: number;

  constructor(open: OpenBoard) {
    this.#open = open;
    this.model = new NaiveBoard(open.board);
    this.#at = open.season.openedAtMs;
  }

  async step(step: Step): Promise<void> {
    if (step.kind === "batch") return this.#batch(step.items);
    if (step.kind === "replay") return this.#replay(step.back);
    return this.#gap(step.items);
  }

  #shards(items: Item[]): Map<number, Item[]> {
    const shards = new Map<number, Item[]>();
    for (const item of items) {
      const shard = hasher.shardOf(item.member, this.#open.board.shards);
      shards.set(shard, [...(shards.get(shard) ?? []), item]);
    }
    return shards;
  }

  #event({ member, values, id }: Item) {
    const idHash = id === "" || this.#open.board.operator === "best" ? "" : hasher.idHash("salt", member, id);
    return {
      member,
      idHash,
      metadata: "",
      payload: payloadOf(this.#open, valuesAsEntry(this.#open, values), this.#at),
    };
  }

  async #batch(items: Item[]): Promise<void> {
    for (const [shard, part] of this.#shards(items)) {
      this.#at += 1;
      const seq = this.#nextSeq.get(shard) ?? 1;
      this.#nextSeq.set(shard, seq + 1);
      const batch: Batch = { producer: "p", seq, events: part.map((item) => this.#event(item)) };
      const reply = await submitBatch(redis, this.#open, shard, batch, DEDUP);
      const expected = part.map((item): NaiveOutcome => this.model.submit({ ...item, at: this.#at }));
      expect(reply).toMatchObject({ tag: "applied", statuses: expected });
      if (reply.tag !== "applied") return;
      // The last word on each member inside the batch is its row as it now is.
      const last = new Map(part.map(({ member }, i) => [member, reply.places[i]]));
      for (const [member, place] of last) {
        const entry = this.model.entries.get(member);
        expect(place && entryValues(this.#open, place)).toEqual(
          entry && valuesAsEntry(this.#open, entry.values),
        );
      }
      this.#sent.push({ shard, batch, reply });
    }
  }

  /** A reply was lost: the same batch again gets the original reply while it is kept, the rows as they are afterwards. */
  async #replay(back: number): Promise<void> {
    const sent = this.#sent.at(-1 - back);
    if (!sent) return;
    const reply = await submitBatch(redis, this.#open, sent.shard, sent.batch, DEDUP);
    const last = (this.#nextSeq.get(sent.shard) ?? 1) - 1;
    if (sent.batch.seq > last - 4) {
      expect(reply).toEqual(sent.reply);
      return;
    }
    expect(reply).toMatchObject({ tag: "applied", statuses: sent.batch.events.map(() => "d") });
  }

  async #gap(items: Item[]): Promise<void> {
    for (const [shard, part] of this.#shards(items)) {
      const next = this.#nextSeq.get(shard) ?? 1;
      const batch = { producer: "p", seq: next + 1, events: part.map((item) => this.#event(item)) };
      expect(await submitBatch(redis, this.#open, shard, batch, DEDUP)).toEqual({
        tag: "gap",
        last: next - 1,
      });
    }
  }
}

async function compareReads(open: OpenBoard, model: NaiveBoard): Promise<void> {
  const reader = new Reader(redis, hasher);
  const ranked = model.ranked();
  const expected = ranked.map(({ member, values, rank }) => ({
    rank,
    member,
    ...valuesAsEntry(open, values),
  }));
  expect(await reader.count(open)).toBe(ranked.length);
  const many = await reader.members(open, [...ranked.map(({ member }) => member), "nobody"], { ranks: true });
  expect(many).toEqual({ ranked: expected, missing: ["nobody"], total: ranked.length });
  for (const entry of expected) {
    expect(await reader.rank(open, entry.member)).toMatchObject({
      ...entry,
      exact: true,
      total: ranked.length,
    });
    const at = expected.indexOf(entry);
    const { entries } = await reader.around(open, entry.member, 3);
    const start = Math.max(0, Math.min(at - 1, expected.length - 3));
    expect(entries).toEqual(expected.slice(start, start + 3));
  }
  const paged = [];
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const after = cursor === undefined ? undefined : decodeCursor(open, cursor);
    const page = await reader.page(open, after, 4);
    paged.push(...page.entries);
    cursor = page.cursor;
  }
  expect(paged).toEqual(expected);
  await comparePlacesRead(open, ranked);
  // Everything that leads up to somebody's values, from the first column to all of them.
  for (const { values } of [ranked[0], ranked.at(-1)].filter((entry) => entry !== undefined)) {
    for (let columns = 1; columns <= values.length; columns++) {
      const prefix = values.slice(0, columns);
      const { rank } = await reader.rankOfScore(open, valuesAsEntry(open, prefix));
      expect(rank).toBe(model.rankOf(prefix));
    }
  }
}

async function comparePlacesRead(
  open: OpenBoard,
  ranked: { member: string; values: Value[] }[],
): Promise<void> {
  const found: [string, EntryValues][] = [];
  for (let shard = 0; shard < open.board.shards; shard++) {
    const asked = ranked.filter(({ member }) => hasher.shardOf(member, open.board.shards) === shard);
    const { places } = await readPlaces(redis, open, shard, ["nobody", ...asked.map(({ member }) => member)]);
    expect(places[0]).toBeUndefined();
    for (const place of places.slice(1)) found.push([place!.member, entryValues(open, place!)]);
  }
  expect(new Map(found)).toEqual(
    new Map(ranked.map(({ member, values }) => [member, valuesAsEntry(open, values)])),
  );
}

describe.each([
  ["packed", anyDefinition],
  ["wide", anyWideDefinition],
] as const)("submit and the exact reads of a %s board", (layout, anyBoard) => {
  test("agree with a sorted array after any commands, replays and gaps", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(anyBoard.chain(scenarioOf), async ({ definition, steps }) => {
        const open = await openBoard(redis, uniqueBoard("model"), definition);
        expect(open.layout.kind).toBe(layout);
        const producer = new Producer(open);
        for (const step of steps) await producer.step(step);
        await compareReads(open, producer.model);
      }),
      { numRuns: 200 },
    );
  });
});
