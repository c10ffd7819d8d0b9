/**
 * Random submissions and moderation, merged into frames, followed by one follower after another: by frames, over lost positions, fresh epochs
 * and takeovers, and by one that wakes up late. What is noted equals what a naive model tells: every change of every frame while the
 * frames are there, else each net change, and none twice.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Database } from "../../server/database/database.ts";
import { openEpoch } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { type Sight, setSight } from "../../server/leaderboard/direct-writes.ts";
import { readStates } from "../../server/leaderboard/top-reader.ts";
import { mergerLease } from "../../server/locks/lease.ts";
import { BoardMerger } from "../../server/merger/board-merger.ts";
import { feedOf } from "../../server/options.ts";
import { SeasonFollower } from "../../server/top-events/top-follower.ts";
import { TopWatches } from "../../server/webhooks/told-tops.ts";
import { commandConnection, DEDUP, openBoard } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { naiveChanges, standingIn, type Told, type Top } from "../support/naive-top.ts";
import { listenToAll } from "../support/reward-season.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";
import { Submitter } from "../support/submitter.ts";

const FEED = { retentionMs: 60_000, retentionBytes: 1_000_000, messageBytesMax: 64_000 };
const TOP_SIZE = 6;

const member = fc.integer({ min: 0, max: 7 }).map((i) => `m${i}`);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("submit" as const),
      member,
      score: fc.integer({ min: 0, max: 6 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("sight" as const),
      member,
      sight: fc.constantFrom<Sight>(0, 1, 2),
    }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("tick" as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("look" as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom("takeover", "wake", "epoch", "trim" as const) }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Somebody takes over and tells the net of two frames; then the first one wakes up, and has both frames before it. */
const LATE: Step[] = [
  { kind: "submit", member: "m0", score: 1 },
  { kind: "tick" },
  { kind: "look" },
  { kind: "takeover" },
  { kind: "submit", member: "m1", score: 5 },
  { kind: "tick" },
  { kind: "submit", member: "m2", score: 6 },
  { kind: "tick" },
  { kind: "look" },
  { kind: "wake" },
];

/** What a follower had seen when it looked last, in the counts of the run. */
type Following = { follower: SeasonFollower; version: number; gaps: number; frames: number };

class Run {
  readonly expected: Told[] = [];
  readonly #open: OpenBoard;
  readonly #size: number;
  readonly #scores = new Map<string, number>();
  readonly #hidden = new Set<string>();
  /** Tops of frames that nobody has looked at. */
  #unseen: Top[] = [];
  #published: Top = [];
  #told: Top = [];
  #at: { epoch: string; offset: string } = { epoch: "", offset: "" };
  #now = { version: 0, gaps: 0, frames: 0 };
  /** So many of the first frames are gone. */
  #trimmed = 0;
  #active: Following;
  #paused: Following | undefined;

  constructor(
    open: OpenBoard,
    readonly redis: Redis,
    readonly submitter: Submitter,
    readonly merger: BoardMerger,
    readonly token: string,
    readonly watches: TopWatches,
  ) {
    this.#open = open;
    this.#size = open.board.webhookTop!;
    this.#active = this.#newFollowing();
  }

  async #position() {
    const [epoch, offset] = await this.redis.hmget(this.#open.feed.state, "epoch", "offset");
    return { epoch: epoch!, offset: offset! };
  }

  #newFollowing(): Following {
    const { redis, watches } = this;
    const options = { redis, watches, isHeard: () => true, heardSince: () => 0 };
    return { follower: new SeasonFollower(options, this.#open), version: -1, gaps: -1, frames: 0 };
  }

  async all(steps: readonly Step[]): Promise<void> {
    this.#at = await this.#position();
    for (const one of steps) await this.#step(one);
    await this.look();
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case "submit":
        await this.submitter.submit(step.member, step.score);
        return void this.#scores.set(step.member, step.score);
      case "sight":
        return this.#setSight(step.member, step.sight);
      case "tick":
        return this.#tick();
      case "look":
        return this.look();
      case "takeover":
        this.#paused = this.#active;
        this.#active = this.#newFollowing();
        return;
      case "wake":
        if (this.#paused) [this.#active, this.#paused] = [this.#paused, this.#active];
        return this.look();
      case "epoch":
        await openEpoch(this.redis, feedOf(this.#open), this.token);
        this.#now.gaps++;
        this.#at = await this.#position();
        return;
      case "trim":
        await this.redis.xtrim(this.#open.feed.frames, "MAXLEN", "=", 0);
        this.#trimmed = this.#now.frames;
    }
  }

  async #setSight(one: string, sight: Sight): Promise<void> {
    const options = { by: "board" as const, sight, limits: DEDUP };
    await setSight(this.redis, this.#open, this.submitter.shardOf(one), [one], options);
    if (!this.#scores.has(one)) return;
    if (sight === 0) this.#hidden.delete(one);
    else this.#hidden.add(one);
  }

  async #tick(): Promise<void> {
    const [state] = await readStates(this.redis, [this.#open]);
    await this.merger.tick(this.#open, state!);
    // A tick that finds an epoch which is not its own publishes nothing, and opens another one.
    const before = this.#at;
    this.#at = await this.#position();
    if (this.#at.epoch !== before.epoch) this.#now.gaps++;
    if (this.#at.offset === before.offset) return;
    this.#published = [...this.#scores]
      .filter(([one]) => !this.#hidden.has(one))
      .map(([one, score]) => ({ member: one, score }))
      .sort((a, b) => b.score - a.score || (a.member < b.member ? -1 : 1))
      .slice(0, TOP_SIZE);
    this.#unseen.push(this.#published);
    this.#now.frames++;
  }

  async look(): Promise<void> {
    const active = this.#active;
    const { version, gaps } = this.#now;
    const knowsFrames = active.version === version && active.gaps === gaps && active.frames >= this.#trimmed;
    // One that finds itself outdated tells nothing, and begins again with its next look.
    await active.follower.look();
    await active.follower.look();
    const tops = knowsFrames ? this.#unseen : [this.#published];
    let before = this.#told;
    const told: Told[] = [];
    for (const top of tops) {
      told.push(...naiveChanges(before, top, this.#size));
      before = top;
    }
    const moved = standingIn(this.#told, this.#size) !== standingIn(before, this.#size);
    if (told.length > 0 || moved || this.#now.version === 0) this.#now.version++;
    this.expected.push(...told);
    this.#told = before;
    this.#unseen = [];
    Object.assign(active, this.#now);
  }
}

describeOnBoth("what webhooks are told of the top", (store) => {
  let redis: Redis;
  let database: Database;

  beforeAll(async () => {
    redis = await commandConnection(sharedRedisUrl());
    database = store.open();
    await listenToAll(database);
  }, 60_000);
  afterAll(() => redis.disconnect());

  const noted = async (board: string): Promise<Told[]> => {
    const rows = await database.run((db) =>
      db
        .selectFrom("webhook_events")
        .select(["type", "payload"])
        .where("board", "=", board)
        .orderBy("seq")
        .execute(),
    );
    return rows.map(({ type, payload }) => [type, payload.member, payload.rank] as Told);
  };

  test("begins with the season for who listened before it, else with the moment, and never with another board's top", async () => {
    const id = uniqueBoard("begin");
    const definition = { operator: "set" as const, shards: 1, columns: [{ name: "s", max: 1_000 }] };
    const open = await openBoard(redis, id, definition);
    const submitter = await Submitter.create(redis, open);
    const tell = async (board: OpenBoard, listensSince: number) => {
      const options = { redis, watches: new TopWatches(database), isHeard: () => true };
      await new SeasonFollower({ ...options, heardSince: () => listensSince }, board).look();
    };
    const publish = async (one: string, score: number) => {
      await submitter.submit(one, score);
      const lease = mergerLease(redis, id, 600_000);
      await lease.hold();
      const merger = new BoardMerger({ redis, open, token: lease.token!, limits: FEED });
      await merger.tick(open, (await readStates(redis, [open]))[0]!);
      await lease.release();
    };
    await publish("old", 5);
    await tell(open, open.season.openedAtMs + 1);
    expect(await noted(id), "it listens since later").toEqual([]);
    await publish("new", 7);
    await tell(open, open.season.openedAtMs + 1);
    const [first, second]: Told[] = [
      ["top.entered", "new", 1],
      ["top.first", "new", 1],
    ];
    expect(await noted(id)).toEqual([first, second]);
    // As if the board had been deleted and made anew since: what the table has is of another one.
    const openedAtMs = Date.now() + 3_600_000;
    await tell({ ...open, season: { ...open.season, openedAtMs } }, 0);
    // What was told at this very position is told: only the other one is left.
    expect((await noted(id)).slice(2)).toEqual([["top.entered", "old", 2]]);
  });

  test("is every change, once, whoever follows and whatever it has lost", async () => {
    const scenario = fc.record({
      webhookTop: fc.integer({ min: 1, max: 4 }),
      steps: fc.array(step, { minLength: 10, maxLength: 40, size: "max" }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ webhookTop, steps }) => {
        const open = await openBoard(redis, uniqueBoard("top"), {
          operator: "set",
          shards: 2,
          topSize: TOP_SIZE,
          columns: [{ name: "s", max: 1_000 }],
          webhookTop,
        });
        const lease = mergerLease(redis, open.board.id, 600_000);
        await lease.hold();
        const token = lease.token!;
        const submitter = await Submitter.create(redis, open);
        const merger = new BoardMerger({ redis, open, token, limits: FEED });
        const run = new Run(open, redis, submitter, merger, token, new TopWatches(database));
        await run.all(steps);
        expect(await noted(open.board.id)).toEqual(run.expected);
      }),
      { numRuns: 30, examples: [[{ webhookTop: 2, steps: LATE }]] },
    );
  });
});
