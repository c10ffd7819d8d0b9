/**
 * Random tops are published, in random epochs, while archivers come and go and frames are lost before they are archived. A naive model
 * remembers every published top: at every instant the archive says the same, or that it cannot know.
 */
import fc from "fast-check";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, it } from "vitest";
import { BoardMirror } from "../../server/archive/board-mirror.ts";
import { StoredSeasons } from "../../server/archive/stored-seasons.ts";
import { FeedArchiver } from "../../server/archiver/feed-archiver.ts";
import type { AppError } from "../../server/base/errors.ts";
import type { Database } from "../../server/database/database.ts";
import { PastTops } from "../../server/history/past-tops.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { commandConnection, openBoard, silentLog } from "../support/builders.ts";
import { describeOnBoth } from "../support/databases.ts";
import { type Published, Publisher } from "../support/publisher.ts";
import { sharedRedisUrl, uniqueBoard } from "../support/shared-redis.ts";

let redis: Redis;
beforeAll(async () => {
  redis = await commandConnection(sharedRedisUrl());
});
afterAll(() => redis.disconnect());

const top = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 9 })), {
    selector: ([member]) => member,
    maxLength: 6,
  })
  .map((rows) => new Map(rows.map(([member, key]) => [`m${member}`, key])));
const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("publish" as const), top }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("archive" as const), isNew: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("epoch" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("lose" as const) }) },
);
const TOP_FRAMES = 103;

function archiverOf(open: OpenBoard, life: number, database: Database): FeedArchiver {
  // So that a whole top comes after every third frame.
  const feeds = { everyMs: 0, topFrames: TOP_FRAMES, topMs: 3_600_000 };
  return new FeedArchiver({ open, life }, { redis, database, log: silentLog, feeds });
}

/** Which of what was published is known to be what stood at an instant, as far as the model can tell. */
class NaiveHistory {
  readonly published: Published[] = [];
  /** Published and not archived. */
  #waiting: Published[] = [];
  /** Frames that nobody can have any more, and the spans in which they stood. */
  readonly lost: { fromMs: number; toMs: number }[] = [];
  #isCut = false;
  #seenMs: number;

  constructor(openedAtMs: number) {
    this.#seenMs = openedAtMs;
  }

  publish(one: Published): void {
    this.published.push(one);
    this.#waiting.push(one);
  }

  cut(): void {
    this.#isCut = true;
  }

  lose(): void {
    if (this.#waiting.length > 1) this.#isCut = true;
  }

  /** An archiver has come between two instants; without news it leaves no trace of having looked. */
  archived(fromMs: number, toMs: number): void {
    if (this.#isCut) this.lost.push({ fromMs: this.#seenMs, toMs });
    // Of the millisecond in which it looked nothing is certain.
    if (this.#isCut || this.#waiting.length > 0) this.#seenMs = fromMs - 1;
    this.#isCut = false;
    this.#waiting = [];
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get seenMs(): number {
    return this.#seenMs;
  }

  at(atMs: number): Published["top"] {
    return this.published.findLast((one) => one.atMs <= atMs)?.top ?? [];
  }
}

describeOnBoth("the top as it stood", (store) => {
  let database: Database;
  beforeAll(async () => {
    database = store.open();
    await database.ready();
  }, 60_000);

  it("is at every instant what was published, or is said to be incomplete", { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 24, size: "max" }), async (steps) => {
        const open = await openBoard(redis, uniqueBoard("stood"), {
          operator: "set",
          shards: 1,
          order: "asc",
        });
        const { board, season } = open;
        const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
        const publisher = await Publisher.of(redis, open);
        const model = new NaiveHistory(season.openedAtMs);
        let archiver = archiverOf(open, life, database);
        const archive = async (): Promise<void> => {
          const fromMs = await publisher.pass();
          while (await archiver.turn(open));
          model.archived(fromMs, await publisher.pass());
        };
        // Before the first turn the archive has nothing, not even a beginning.
        await archive();
        for (const one of steps) {
          if (one.kind === "publish") {
            await publisher.pass();
            model.publish(await publisher.publish(one.top));
          } else if (one.kind === "archive") {
            if (one.isNew) archiver = archiverOf(open, life, database);
            await archive();
          } else if (one.kind === "epoch") {
            await publisher.beginEpoch();
            model.cut();
          } else {
            await publisher.lose();
            model.lose();
          }
        }
        const tops = new PastTops({ redis, database, seasons: new StoredSeasons(database) });
        const ends = await publisher.pass();
        while ((await publisher.pass()) <= ends);
        const instants = model.published.flatMap(({ atMs }) => [atMs - 1, atMs, atMs + 1]);
        let complete = 0;
        for (const atMs of [season.openedAtMs, ...instants, ends]) {
          const found = await tops.at(open, atMs, true);
          const isLost = model.lost.some(({ fromMs, toMs }) => atMs > fromMs && atMs < toMs);
          const isUnknown = model.isCut && atMs > model.seenMs;
          const rows = found.rows.map(([member, key]) => [member, key]);
          if (found.complete) {
            complete++;
            expect(rows, `at ${atMs}`).toEqual(model.at(atMs));
            const last = model.published.findLast((one) => one.atMs <= atMs);
            expect(found.position.offset).toBe(last?.offset ?? 0);
          } else {
            // Nothing is hidden behind it: frames really are lost there.
            expect(isLost || isUnknown, `incomplete at ${atMs}`).toBe(true);
            expect(found.gap!.fromMs).toBeLessThan(atMs);
          }
        }
        expect(complete).toBeGreaterThan(0);
      }),
      { numRuns: 8 },
    );
  });

  it("has every frame once when archivers race", async () => {
    const open = await openBoard(redis, uniqueBoard("raced"), { operator: "set", shards: 1, order: "asc" });
    const { board, season } = open;
    const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
    const publisher = await Publisher.of(redis, open);
    const archivers = [0, 1, 2].map(() => archiverOf(open, life, database));
    for (let i = 0; i < 30; i++) {
      await publisher.publish(new Map([["a", i]]));
      if (i % 3 !== 0) continue;
      await Promise.all(
        archivers.map((one) =>
          one.turn(open).catch((error) => expect((error as AppError).code).toBe("unavailable")),
        ),
      );
    }
    const last = archiverOf(open, life, database);
    while (await last.turn(open));
    const rows = await database.run((db) =>
      db
        .selectFrom("feed_parts")
        .select(["part", "kind", "first_offset", "last_offset", "gap_from"])
        .where("life", "=", life)
        .orderBy("part")
        .execute(),
    );
    let next = 1;
    for (const { kind, first_offset, last_offset, gap_from } of rows) {
      expect(gap_from).toBeNull();
      if (kind === "top") continue;
      expect(first_offset).toBe(next);
      next = last_offset + 1;
    }
    expect(next).toBe(31);
  });

  it("is not available before anything is archived, and gone before the first top that is kept", async () => {
    const open = await openBoard(redis, uniqueBoard("none"), { operator: "set", shards: 1, order: "asc" });
    const { board, season } = open;
    const life = await new BoardMirror(database).ensureLife(board.id, season.number, season.incarnation);
    const tops = new PastTops({ redis, database, seasons: new StoredSeasons(database) });
    await expect(tops.at(open, Date.now(), true)).rejects.toMatchObject({ code: "not_available" });
    await archiverOf(open, life, database).turn(open);
    const earliest = new Date(season.openedAtMs).toISOString();
    await expect(tops.at(open, season.openedAtMs - 1, true)).rejects.toMatchObject({
      code: "history_gone",
      details: { earliest },
    });
    expect(await tops.at(open, Date.now(), true)).toMatchObject({ rows: [], complete: true });
  });
});
