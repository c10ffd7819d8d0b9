/** A board's feed in Redis: open, append, fresh epoch, snapshot, frames since a position. One script each. */
import type { Position, Row } from "../../client-sdk/protocol/messages.ts";
import { newEpoch } from "../base/ids.ts";
import { callAll } from "../redis/batch.ts";
import { type FeedKeys, leaseKeys } from "../redis/keys.ts";
import { tagged } from "../redis/reply.ts";
import { runScript } from "../redis/scripts.ts";
import type { RedisStore } from "../redis/store.ts";
import { decodeMessage, encodeFrame, type StoredFrame } from "./stored-frame.ts";

export type FeedLimits = {
  /** Frames are kept at least this long… */
  retentionMs: number;
  /** …but never more bytes than this for one board. */
  retentionBytes: number;
  /** A larger frame is published by its position only. */
  messageBytesMax: number;
};

/** Whose feed: the board, its season's incarnation and keys. */
export type FeedOf = { board: string; incarnation: string; keys: FeedKeys };

export type StoredRow = { member: string; score: number };

/** What a frame changes in the published top's ZSET: stored members that go, then score and stored member of those that come. */
export type StoredChange = { removes: string[]; adds: (string | number)[] };

export type FeedSnapshot = Position & {
  total: number;
  /** False after a change of Redis's replication history that no merger has answered with a fresh epoch yet. */
  whole: boolean;
  /** Best first, as the ZSET holds them: what the leaderboard room calls a stored member, and its score. */
  rows: StoredRow[];
};

export type AppendResult = "appended" | "fenced" | "epoch" | "stale";

/** What a feed begins with: its rows, and score, stored member of each as the published top's ZSET holds them. */
export type FirstTop = { rows: Row[]; total: number; adds: (string | number)[] };

/** @param first of a season that is not empty: its first frame, before anybody can read the feed */
export async function openFeed(
  redis: RedisStore,
  { incarnation, keys }: FeedOf,
  first?: FirstTop,
): Promise<void> {
  const epoch = newEpoch();
  const args: (string | number)[] = [incarnation, epoch];
  if (first && first.rows.length > 0) {
    const { rows, total, adds } = first;
    args.push(encodeFrame({ epoch, offset: 1, set: rows, drop: [], total }), total, ...adds);
  }
  const reply = await runScript(
    redis,
    "feed/open_feed",
    [keys.state, keys.top, keys.frames, keys.index],
    args,
  );
  tagged(reply, ["opened", "already"]);
}

/** [R 8] Appends at `frame.offset` iff the lease, the epoch and `frame.offset − 1` all stand. */
export async function appendFrame(
  redis: RedisStore,
  { board, keys }: FeedOf,
  frame: StoredFrame,
  { token, limits, change }: { token: string; limits: FeedLimits; change: StoredChange },
): Promise<AppendResult> {
  const args: (string | number)[] = [
    token,
    frame.epoch,
    frame.offset - 1,
    encodeFrame(frame),
    keys.channel,
    `${limits.retentionMs} ${limits.retentionBytes} ${limits.messageBytesMax}`,
    frame.total,
    change.removes.length,
    ...change.removes,
    ...change.adds,
  ];
  const keyList = [leaseKeys(board).lease, keys.state, keys.top, keys.frames];
  return tagged(await runScript(redis, "feed/append", keyList, args), [
    "appended",
    "fenced",
    "epoch",
    "stale",
  ]).tag;
}

/** @returns the feed's position in its fresh epoch, or why there is none */
export async function openEpoch(
  redis: RedisStore,
  { board, keys }: FeedOf,
  token: string,
): Promise<Position | "fenced" | "store_lost"> {
  const epoch = newEpoch();
  const keyList = [leaseKeys(board).lease, keys.state];
  const reply = await runScript(redis, "feed/open_epoch", keyList, [token, epoch, keys.channel]);
  const { tag, rest } = tagged(reply, ["opened", "fenced", "store_lost"]);
  return tag === "opened" ? { epoch, offset: Number(rest[0]) } : tag;
}

/** Of the shards when the feed was last in step with them [R 7]; undefined before the first time. */
export async function readHistories(redis: RedisStore, { keys }: FeedOf): Promise<string | undefined> {
  return (await redis.hget(keys.state, "histories")) ?? undefined;
}

export async function noteHistories(
  redis: RedisStore,
  { board, keys }: FeedOf,
  token: string,
  histories: string,
): Promise<"noted" | "fenced" | "store_lost"> {
  const keyList = [leaseKeys(board).lease, keys.state];
  const reply = await runScript(redis, "feed/note_history", keyList, [token, histories]);
  return tagged(reply, ["noted", "fenced", "store_lost"]).tag;
}

export async function readSnapshot(
  redis: RedisStore,
  { incarnation, keys }: FeedOf,
): Promise<FeedSnapshot | "store_lost"> {
  const reply = await runScript(redis, "feed/snapshot", [keys.state, keys.top], [incarnation]);
  const { tag, rest } = tagged(reply, ["snapshot", "store_lost"]);
  if (tag === "store_lost") return tag;
  const [epoch, offset, total, whole, ...flat] = rest as [string, string, string, number, ...string[]];
  const rows: FeedSnapshot["rows"] = [];
  for (let i = 0; i + 1 < flat.length; i += 2) rows.push({ member: flat[i]!, score: Number(flat[i + 1]) });
  return { epoch, offset: Number(offset), total: Number(total), whole: whole === 1, rows };
}

/** How far feeds are, in one round trip; undefined where there is none. */
export async function readPositions(
  redis: RedisStore,
  keys: readonly FeedKeys[],
): Promise<(Position | undefined)[]> {
  const calls = keys.map(({ state }) => ({ command: "hmget", key: state, args: ["epoch", "offset"] }));
  const replies = (await callAll(redis, calls)) as (string | null)[][];
  return replies.map(([epoch, offset]) => (epoch ? { epoch, offset: Number(offset) } : undefined));
}

/** Every frame after a position, or `undefined` when they cannot be given complete. */
export async function readSince(
  redis: RedisStore,
  { keys }: FeedOf,
  position: Position,
  max: number,
): Promise<StoredFrame[] | undefined> {
  const args = [position.epoch, position.offset, max];
  const reply = await runScript(redis, "feed/resume", [keys.state, keys.frames], args);
  const { tag, rest } = tagged(reply, ["frames", "snapshot_required"]);
  return tag === "frames" ? (rest as string[]).map((text) => decodeMessage(text) as StoredFrame) : undefined;
}

/** The newest frames of the stream that end at a position and follow each other in its epoch: what fills a new gateway's ring. */
export async function readRecent(
  redis: RedisStore,
  { keys }: FeedOf,
  position: Position,
  max: number,
): Promise<StoredFrame[]> {
  const entries = await redis.xrevrange(keys.frames, String(position.offset), "-", "COUNT", max);
  const frames: StoredFrame[] = [];
  for (const [id, fields] of entries) {
    const expected = position.offset - frames.length;
    if (id !== `${expected}-0` || !fields[1]) break;
    const frame = decodeMessage(fields[1]) as StoredFrame;
    if (frame.epoch !== position.epoch) break;
    frames.push(frame);
  }
  return frames.reverse();
}
