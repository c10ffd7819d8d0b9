/**
 * Score rules in the shard's script against a naive judge beside a naive board: all operators, directions and layouts, batches in which
 * members come again, two producers in turn, a manual clock; what is refused or held counts nowhere, and what is approved counts once.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { EntryValues, ScoreRules } from "../../client-sdk/protocol/messages.ts";
import { heldRecord } from "../../server/ingest/held-record.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { entryValues } from "../../server/leaderboard/codec.ts";
import { readPlaces } from "../../server/leaderboard/places.ts";
import { type Batch, type ShardEvent, submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { NaiveBoard } from "../support/naive-board.ts";
import { NaiveJudge, type NaiveVerdict } from "../support/naive-judge.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

type Item = { member: string; by: number; id: string; approves: boolean };
type Step = { afterMs: number; producer: "p" | "q"; items: Item[] };
type Kind = "packed" | "wide" | "float";

const MAX = 60;
const OPERATORS = ["best", "set", "incr", "decr"] as const;

const anyRules: fc.Arbitrary<ScoreRules> = fc.record(
  {
    maxChange: fc.integer({ min: 1, max: 12 }),
    maxChangePerMinute: fc.integer({ min: 4, max: 30 }),
    minIntervalMs: fc.constantFrom(1, 900, 25_000),
    onViolation: fc.constantFrom("refuse" as const, "hold" as const),
    signed: fc.constant(false),
  },
  { requiredKeys: ["onViolation", "signed"] },
);

const anyStep: fc.Arbitrary<Step> = fc.record({
  afterMs: fc.constantFrom(0, 1, 899, 900, 4_000, 9_999, 25_000, 61_000),
  producer: fc.constantFrom("p", "q"),
  items: fc.array(
    fc.record({
      member: fc.constantFrom("a", "b", "é"),
      by: fc.integer({ min: -3, max: 14 }),
      id: fc.constantFrom("", "", "x", "y", "z"),
      approves: fc.boolean(),
    }),
    { minLength: 1, maxLength: 6 },
  ),
});

function definitionOf(kind: Kind, operator: (typeof OPERATORS)[number], order: "asc" | "desc") {
  const score = kind === "float" ? { name: "c0", type: "float" as const } : { name: "c0", min: -5, max: MAX };
  const second = { name: "c1", order: "asc" as const, max: 3 };
  const rest = kind === "packed" ? [second] : [second, { name: "c2", max: 2 ** 52 }];
  return { operator, order, shards: 1, columns: [score, ...rest] } satisfies BoardDefinition;
}

/** One shard under test, and what is known of it. */
class Judged {
  readonly #open: OpenBoard;
  readonly board: NaiveBoard;
  readonly judge: NaiveJudge;
  readonly held = new Map<string, { item: Item; values: number[]; verdict: NaiveVerdict }>();
  readonly #rules: ScoreRules;
  readonly #seqs = { p: 0, q: 0 };
  // Late in a bucket, so that small steps cross its end.
  #at = 1_700_000_009_500;

  constructor(open: OpenBoard, rules: ScoreRules) {
    this.#open = open;
    this.#rules = rules;
    this.board = new NaiveBoard(open.board);
    this.judge = new NaiveJudge(rules);
  }

  async step({ afterMs, producer, items }: Step): Promise<void> {
    this.#at += afterMs;
    const made = items.map((item) => this.#event(item));
    const batch: Batch = {
      producer,
      seq: ++this.#seqs[producer],
      events: made.map(({ event }) => event),
      atMs: this.#at,
    };
    const reply = await submitBatch(redis, this.#open, 0, batch, DEDUP);
    const expected = made.map(({ item, values }) => this.#expected(item, values));
    expect(reply).toMatchObject({ tag: "applied", statuses: expected.map(({ status }) => status) });
    if (reply.tag !== "applied") return;
    expected.forEach(({ verdict }, i) => {
      const found = reply.verdicts?.get(i)?.violation;
      expect(found && { rule: found.rule, value: found.value }).toEqual(verdict);
    });
    // The reply was lost, and the batch is sent again.
    expect(await submitBatch(redis, this.#open, 0, batch, DEDUP)).toEqual(reply);
  }

  #event(item: Item): { item: Item; values: number[]; event: ShardEvent } {
    const { member, by, id } = item;
    const relative = this.#open.board.operator === "incr" || this.#open.board.operator === "decr";
    const held = id !== "" && item.approves ? this.held.get(member + id) : undefined;
    const values = held?.values ?? [by, relative ? 0 : Math.abs(by) % 4, ...(this.#wide ? [0] : [])];
    const idHash = id === "" || this.#open.board.operator === "best" ? "" : member + id;
    const payload = payloadOf(this.#open, asEntry(values), this.#at);
    const event: ShardEvent = { member, idHash, metadata: "", payload };
    const approves = item.approves && id !== "";
    if (approves) event.hold = `a${member}${id}`;
    else if (id !== "") {
      const record =
        this.#rules.onViolation === "hold" ? ` ${heldRecord({ member, ...asEntry(values) }, 1)}` : "";
      event.hold = `h${member}${id}${record}`;
    }
    return { item: { ...item, approves }, values, event };
  }

  get #wide(): boolean {
    return this.#open.board.columns.length > 2;
  }

  #expected({ member, id, approves }: Item, values: number[]): { status: string; verdict?: NaiveVerdict } {
    const key = member + id;
    const review = id === "" ? undefined : this.held.get(key);
    const before = this.board.entries.get(member);
    const submission = { member, values, id, at: this.#at };
    if (approves) {
      if (!review) return { status: "g" };
      const status = this.board.submit(submission);
      if (status !== "r") this.held.delete(key);
      return { status };
    }
    if (this.board.knows(submission)) return { status: "d" };
    if (review) return { status: "h", verdict: review.verdict };
    const would = this.board.would(submission);
    if (would.outcome !== "a") return { status: this.board.submit(submission) };
    const relative = this.#open.board.operator === "incr" || this.#open.board.operator === "decr";
    const from = before ? Number(before.values[0]) : relative ? 0 : would.score;
    const by = Math.abs(would.score - from);
    const verdict = this.judge.judge(member, by, this.#at);
    if (!verdict) {
      this.judge.accept(member, by, this.#at);
      return { status: this.board.submit(submission) };
    }
    if (this.#rules.onViolation === "refuse" || id === "" || !hasLimits(this.#rules))
      return { status: "v", verdict };
    this.held.set(key, { item: { member, by: 0, id, approves }, values, verdict });
    return { status: "h", verdict };
  }

  async compare(): Promise<void> {
    const members = ["a", "b", "é"];
    const { places } = await readPlaces(redis, this.#open, 0, members);
    const found = places.map((place) => place && entryValues(this.#open, place).score);
    expect(found).toEqual(members.map((member) => this.board.entries.get(member)?.values[0]));
    const ids = await redis.hkeys(this.#open.shards[0]!.held);
    expect(ids.filter((id) => id !== "").sort()).toEqual([...this.held.keys()].sort());
    const { maxChangePerMinute = Infinity } = this.#rules;
    expect(this.judge.worstMinute()).toBeLessThanOrEqual(maxChangePerMinute);
  }
}

function asEntry([score, c1, c2]: number[]): EntryValues {
  return { score: score!, columns: { c1: c1!, ...(c2 === undefined ? {} : { c2 }) } };
}

function hasLimits({ maxChange, maxChangePerMinute, minIntervalMs }: ScoreRules): boolean {
  return [maxChange, maxChangePerMinute, minIntervalMs].some((limit) => limit !== undefined);
}

describe.each(["packed", "wide", "float"] as const)("score rules of a %s board", (kind) => {
  test("agree with a judge who remembers everything, after any batches", { timeout: 120_000 }, async () => {
    const operators = kind === "float" ? OPERATORS.slice(0, 2) : OPERATORS;
    const scenario = fc.record({
      operator: fc.constantFrom(...operators),
      order: fc.constantFrom("asc" as const, "desc" as const),
      rules: anyRules,
      steps: fc.array(anyStep, { minLength: 1, maxLength: 12 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ operator, order, rules, steps }) => {
        const definition = { ...definitionOf(kind, operator, order), rules };
        const open = await openBoard(redis, uniqueBoard("rules"), definition);
        expect(open.layout.kind).toBe(kind === "packed" ? "packed" : "wide");
        const judged = new Judged(open, rules);
        for (const step of steps) await judged.step(step);
        await judged.compare();
      }),
      { numRuns: 150 },
    );
  });
});
