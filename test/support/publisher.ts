/** Publishes tops on a board's feed as a merger does, and remembers each with its instant. */
import type { Redis } from "ioredis";
import { expect } from "vitest";
import type { Row, SortKey } from "../../client-sdk/protocol/messages.ts";
import { compareRows } from "../../client-sdk/protocol/rows.ts";
import { diff } from "../../server/feed/delta.ts";
import {
  appendFrame,
  type FeedOf,
  type FeedSnapshot,
  openEpoch,
  readRecent,
  readSnapshot,
} from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import { rowOf } from "../../server/leaderboard/codec.ts";
import { Lease } from "../../server/locks/lease.ts";
import { feedOf } from "../../server/options.ts";
import { leaseKeys } from "../../server/redis/keys.ts";

export type Published = {
  atMs: number;
  epoch: string;
  offset: number;
  /** Best first. */
  top: [member: string, key: SortKey][];
};

const LIMITS = { retentionMs: 600_000, retentionBytes: 64_000_000, messageBytesMax: 64_000 };

export class Publisher {
  readonly published: Published[] = [];
  readonly #redis: Redis;
  readonly #open: OpenBoard;
  readonly #of: FeedOf;
  readonly #token: string;
  #epoch: string;
  #offset = 0;
  #rows: Row[] = [];

  private constructor(redis: Redis, open: OpenBoard, token: string, epoch: string) {
    this.#redis = redis;
    this.#open = open;
    this.#of = feedOf(open);
    this.#token = token;
    this.#epoch = epoch;
  }

  /** Of a packed board that was just opened, or restored with its first top. */
  static async of(redis: Redis, open: OpenBoard): Promise<Publisher> {
    const lease = new Lease(redis, leaseKeys(open.board.id), { ttlMs: 600_000 });
    await lease.hold();
    const snapshot = await readSnapshot(redis, feedOf(open));
    if (snapshot === "store_lost") throw new Error("the feed is lost");
    const publisher = new Publisher(redis, open, lease.token!, snapshot.epoch);
    if (snapshot.offset > 0) await publisher.#goOnFrom(snapshot);
    return publisher;
  }

  async #goOnFrom({ offset, rows }: FeedSnapshot): Promise<void> {
    this.#offset = offset;
    this.#rows = rows.map(({ member, score }) => rowOf(this.#open, { member, key: score, rest: "" }));
    await this.#note();
  }

  /** The next frame makes the top this one: member → key. */
  async publish(top: ReadonlyMap<string, number>): Promise<Published> {
    const rows = [...top]
      .map(([member, key]) => rowOf(this.#open, { member, key, rest: "" }))
      .sort(compareRows);
    const change = diff(this.#rows, rows);
    const offset = this.#offset + 1;
    const frame = { epoch: this.#epoch, offset, total: rows.length, ...change };
    const stored = { removes: change.drop, adds: change.set.flatMap(([member, key]) => [key, member]) };
    const options = { token: this.#token, limits: LIMITS, change: stored };
    const result = await appendFrame(this.#redis, this.#of, frame, options);
    if (result !== "appended") throw new Error(`the frame was answered ${result}`);
    [this.#offset, this.#rows] = [offset, rows];
    return this.#note();
  }

  async #note(): Promise<Published> {
    const [entry] = await this.#redis.xrevrange(this.#of.keys.frames, "+", "-", "COUNT", 1);
    const atMs = Number(entry![1][3]);
    const published: Published = {
      atMs,
      epoch: this.#epoch,
      offset: this.#offset,
      top: this.#rows.map(([member, key]) => [member, key]),
    };
    this.published.push(published);
    return published;
  }

  async beginEpoch(): Promise<void> {
    const position = await openEpoch(this.#redis, this.#of, this.#token);
    if (typeof position === "string") throw new Error(position);
    this.#epoch = position.epoch;
  }

  /** Frames up to the newest but one are lost, as after a long pause of the archiver. */
  async lose(): Promise<void> {
    await this.#redis.xtrim(this.#of.keys.frames, "MAXLEN", 1);
  }

  /** Until Redis's clock is past the last frame, so that the next one has another instant. */
  async pass(): Promise<number> {
    const last = this.published.at(-1)?.atMs ?? 0;
    for (;;) {
      const [s, us] = await this.#redis.time();
      const nowMs = Number(s) * 1_000 + Math.floor(Number(us) / 1_000);
      if (nowMs > last) return nowMs;
    }
  }
}

/** Members of a feed to which no merger has come, best first; what readers are given is what its one frame says. */
export async function firstTop(redis: Redis, open: OpenBoard): Promise<string[]> {
  const snapshot = await readSnapshot(redis, feedOf(open));
  if (snapshot === "store_lost") throw new Error("the feed is lost");
  const names = snapshot.rows.map(({ member }) => member.slice(open.layout.restLength));
  expect(snapshot).toMatchObject({ offset: 1, total: names.length, whole: true });
  const [frame] = await readRecent(redis, feedOf(open), snapshot, 10);
  expect(frame).toMatchObject({ epoch: snapshot.epoch, offset: 1, drop: [], total: names.length });
  expect(frame!.set.map(([member]) => member)).toEqual(names);
  return names;
}
