/**
 * Entries hidden, made shadows, shown, removed, adjusted, carried over and banned between submissions, against a naive board of those who
 * are in sight: the merger's top, exact ranks, windows and totals; and the score log, read from its start, says the same as the shards.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { rowOf } from "../../server/leaderboard/codec.ts";
import {
  type Found,
  lookUp,
  type Mark,
  putEntries,
  removeEntries,
  type Sight,
  setSight,
  sightOf,
} from "../../server/leaderboard/direct-writes.ts";
import { createHasher, type Hasher } from "../../server/leaderboard/hashing.ts";
import { Reader } from "../../server/leaderboard/reader.ts";
import { readStates } from "../../server/leaderboard/top-reader.ts";
import { wholeKey } from "../../server/leaderboard/values.ts";
import { Candidates } from "../../server/merger/candidates.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { mirrorFromLog } from "../support/score-log.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

let redis: Redis;
let hasher: Hasher;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
  hasher = await createHasher();
});
afterAll(() => redis.disconnect());

const LIMITS = { limits: { ...DEDUP, logEntriesMax: 100_000 } };
const MEMBERS = 14;
const MAX = 1_000_000;
const COLUMNS = {
  packed: [
    { name: "s", max: MAX },
    { name: "low", max: 3, order: "asc" as const },
  ],
  wide: [
    { name: "s", type: "float" as const },
    { name: "low", type: "int64" as const, order: "asc" as const },
  ],
};

const sight = fc.constantFrom<Sight>(0, 1, 2);
const member = fc.integer({ min: 0, max: MEMBERS - 1 }).map((i) => `m${i}`);
const members = fc.uniqueArray(member, { minLength: 1, maxLength: 4 });
const values = fc.record({
  score: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 50 })),
  low: fc.integer({ min: 0, max: 3 }),
});
const kind = <K extends string>(name: K) => fc.constant(name);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: kind("submit"), member, values }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: kind("sight"),
      members,
      sight,
      by: fc.constantFrom("board" as const, "ban" as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("remove"), members }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: kind("put"),
      // As an import brings them: one member may come several times.
      puts: fc.array(fc.record({ member, values, sight: fc.option(sight, { nil: undefined }) }), {
        minLength: 1,
        maxLength: 6,
      }),
      onlyAbsent: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: kind("tick") }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("raise") }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type Put = { member: string; values: Values; sight: Sight | undefined };
type Values = { score: number; low: number };

class Run {
  readonly #open: OpenBoard;
  readonly #submitter: Submitter;
  readonly #candidates: Candidates;
  readonly #size: number;
  readonly all: NaiveBoard;
  readonly marks = new Map<string, Mark>();

  constructor(open: OpenBoard, submitter: Submitter, size: number) {
    this.#open = open;
    this.#submitter = submitter;
    this.#size = size;
    this.#candidates = new Candidates(redis, open, "1");
    this.all = new NaiveBoard(open.board);
  }

  async step(step: Step): Promise<void> {
    switch (step.kind) {
      case "submit":
        return this.#submit(step.member, step.values);
      case "sight":
        return this.#setSight(step.members, step.by, step.sight);
      case "remove":
        return this.#remove(step.members);
      case "put":
        return this.#put(step.puts, step.onlyAbsent);
      case "tick":
        return this.compareTop();
      case "raise":
        await this.compareTop();
        if (this.inSight().entries.size > 0) await this.#candidates.raise(this.#size);
    }
  }

  #markOf(member: string): Mark {
    return this.marks.get(member) ?? { here: 0, ban: 0 };
  }

  #mark(member: string, mark: Mark): void {
    if (mark.here === 0 && mark.ban === 0) this.marks.delete(member);
    else this.marks.set(member, mark);
  }

  async #submit(member: string, { score, low }: Values): Promise<void> {
    const outcome = this.all.submit({ member, values: this.#valuesOf({ score, low }), id: "", at: 0 });
    const reply = await this.#submitter.submitValues(member, { score, columns: { low } });
    const hidden = sightOf(this.#markOf(member)) !== 0;
    expect(reply).toMatchObject({ tag: "applied", statuses: [outcome] });
    expect(reply.tag === "applied" && (reply.hidden?.has(0) ?? false)).toBe(hidden);
  }

  #valuesOf({ score, low }: Values) {
    return [score, this.#open.layout.kind === "wide" ? String(low) : low];
  }

  async #perShard(
    members: string[],
    what: (shard: number, part: string[]) => Promise<Found[]>,
  ): Promise<void> {
    for (let shard = 0; shard < this.#open.board.shards; shard++) {
      const part = members.filter((one) => this.#submitter.shardOf(one) === shard);
      if (part.length === 0) continue;
      const expected = part.map((one) => ({ mark: this.#markOf(one), has: this.all.entries.has(one) }));
      const found = await what(shard, part);
      expect(found.map(({ mark, key }) => ({ mark, has: key !== undefined }))).toEqual(expected);
    }
  }

  async #setSight(members: string[], by: "board" | "ban", sight: Sight): Promise<void> {
    await this.#perShard(members, async (shard, part) => {
      return (await setSight(redis, this.#open, shard, part, { by, sight, ...LIMITS })).members;
    });
    for (const one of members) {
      const mark = this.#markOf(one);
      if (by === "ban") this.#mark(one, { ...mark, ban: sight });
      else if (this.all.entries.has(one)) this.#mark(one, { ...mark, here: sight });
    }
  }

  async #remove(members: string[]): Promise<void> {
    await this.#perShard(members, async (shard, part) => {
      return (await removeEntries(redis, this.#open, shard, part, LIMITS)).members;
    });
    for (const one of members) {
      if (this.all.entries.delete(one)) this.#mark(one, { ...this.#markOf(one), here: 0 });
    }
  }

  async #put(puts: readonly Put[], onlyAbsent: boolean): Promise<void> {
    for (let shard = 0; shard < this.#open.board.shards; shard++) {
      const part = puts.filter((one) => this.#submitter.shardOf(one.member) === shard);
      if (part.length === 0) continue;
      const entries = part.map(({ member: one, values: { score, low }, sight }) => ({
        member: one,
        key: wholeKey(this.#open.layout, { score, columns: { low } }, 0),
        ...(sight === undefined ? {} : { mark: { here: sight, ban: this.#markOf(one).ban } }),
      }));
      const options = { ...LIMITS, onlyAbsent };
      const { members: outcomes } = await putEntries(redis, this.#open, shard, entries, options);
      part.forEach(({ member: one, values: own, sight }, i) => {
        const kept = onlyAbsent && this.all.entries.has(one);
        expect(outcomes[i]!.outcome === "kept").toBe(kept);
        if (kept) return;
        this.all.entries.set(one, { member: one, values: this.#valuesOf(own), reachedAt: 0 });
        if (sight !== undefined) this.#mark(one, { here: sight, ban: this.#markOf(one).ban });
      });
    }
  }

  inSight(): NaiveBoard {
    const seen = new NaiveBoard(this.#open.board);
    for (const [name, entry] of this.all.entries) if (!this.marks.has(name)) seen.entries.set(name, entry);
    return seen;
  }

  async compareTop(): Promise<void> {
    const [state] = await readStates(redis, [this.#open]);
    const top = await this.#candidates.refresh(this.#candidates.dirtyShards(state!), this.#size);
    const seen = this.inSight();
    expect(this.#candidates.total).toBe(seen.entries.size);
    expect(top.map((place) => rowOf(this.#open, place).toSpliced(1, 1))).toEqual(
      seen
        .ranked()
        .slice(0, this.#size)
        .map(({ member: name, values: own }) => [name, ...own]),
    );
  }

  async compareReads(): Promise<void> {
    const reader = new Reader(redis, hasher);
    const ranked = this.inSight().ranked();
    const names = Array.from({ length: MEMBERS }, (_, i) => `m${i}`);
    const { ranked: got, missing, total } = await reader.members(this.#open, names, { ranks: true });
    expect(total).toBe(ranked.length);
    expect(got.map(({ member: name, rank }) => [name, rank])).toEqual(
      ranked.map(({ member: name, rank }) => [name, rank]),
    );
    expect(missing).toHaveLength(MEMBERS - ranked.length);
    const first = ranked[0];
    if (!first) return;
    const { entries } = await reader.around(this.#open, first.member, 5);
    expect(entries.map(({ member: name }) => name)).toEqual(
      ranked.slice(0, 5).map(({ member: name }) => name),
    );
  }

  /** What the archiver would make of it, against what the shards hold. */
  async compareLog(): Promise<void> {
    for (let shard = 0; shard < this.#open.board.shards; shard++) {
      const { log, meta } = this.#open.shards[shard]!;
      const { mirror, n } = await mirrorFromLog(redis, log);
      expect(Number(await redis.hget(meta, "n"))).toBe(n);
      const names = Array.from({ length: MEMBERS }, (_, i) => `m${i}`).filter(
        (one) => this.#submitter.shardOf(one) === shard,
      );
      const held = await lookUp(redis, this.#open, shard, names);
      const expected = held.flatMap(({ key, mark }, i) =>
        key === undefined ? [] : [[names[i]!, { key, sight: sightOf(mark) }] as const],
      );
      expect(mirror).toEqual(new Map(expected));
      const marked = names.filter((one) => this.marks.has(one)).length;
      expect(Number(await redis.hget(meta, "hidden"))).toBe(marked);
    }
  }
}

describe.each(["packed", "wide"] as const)("moderation of a %s board", (layout) => {
  test("leaves exactly those in sight, whatever is done in whatever order", {
    timeout: 120_000,
  }, async () => {
    const scenario = fc.record({
      shards: fc.constantFrom(1, 2, 4),
      size: fc.integer({ min: 1, max: 8 }),
      operator: fc.constantFrom("set" as const, "best" as const),
      steps: fc.array(step, { minLength: 10, maxLength: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ shards, size, operator, steps }) => {
        const open = await openBoard(redis, uniqueBoard("moderate"), {
          operator,
          shards,
          columns: COLUMNS[layout],
        });
        expect(open.layout.kind).toBe(layout);
        const run = new Run(open, await Submitter.create(redis, open), size);
        for (const one of steps) await run.step(one);
        await run.compareTop();
        await run.compareReads();
        await run.compareLog();
      }),
      { numRuns: 80 },
    );
  });
});
