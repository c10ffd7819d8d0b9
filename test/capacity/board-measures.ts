/**
 * Bytes of one unit of each part, measured on a real Redis: a part is filled through the server's own scripts, then deleted, and what
 * `used_memory` falls by is divided by the number of units. So nothing else that Redis does meanwhile is counted.
 */
import type { Redis } from "ioredis";
import { appendFrame } from "../../server/feed/feed-store.ts";
import type { OpenBoard } from "../../server/leaderboard/board.ts";
import type { BoardDefinition } from "../../server/leaderboard/board-schema.ts";
import { submitBatch } from "../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../server/leaderboard/values.ts";
import { mergerLease } from "../../server/locks/lease.ts";
import { feedOf } from "../../server/options.ts";
import { publishIndex } from "../../server/rank-index/index-store.ts";
import { RankIndex } from "../../server/rank-index/rank-index.ts";
import { DEDUP, openBoard } from "../support/builders.ts";

/** Bytes of a slot of a hash table, which has as many as the next power of two. */
const SLOT = 8;
const BATCH = 200;

/** 12 bytes, as in the table. */
export const memberOf = (i: number): string => `m${i.toString(36).padStart(11, "0")}`;

/** As long as a default board's keys are. */
const KEY = 9_007_199_253_740_991;

export const slots = (count: number): number => SLOT * 2 ** Math.ceil(Math.log2(count));

export async function used(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info("memory"))?.[1]);
}

/** What deleting these keys gives back. */
export async function bytesOf(redis: Redis, ...keys: string[]): Promise<number> {
  const before = await used(redis);
  // One at a time, and not UNLINK: the memory is free when the answer comes.
  for (const key of keys) await redis.del(key);
  return before - (await used(redis));
}

/** Another round changes everybody's score. */
type Filling = { members: number; batch?: number; ids?: boolean; round?: number };

/** Events of one producer, in batches, straight to the one shard of a board. */
export async function fill(
  redis: Redis,
  open: OpenBoard,
  { members, batch = BATCH, ids = false, round = 0 }: Filling,
): Promise<void> {
  const columns = open.board.columns.slice(1).map(({ name }, c) => [name, 1_000 + c] as const);
  for (let seq = 1, i = 0; i < members; seq++) {
    const events = Array.from({ length: Math.min(batch, members - i) }, () => {
      const member = memberOf(i++);
      const values = {
        score: 100_000 + round + ((i * 7_919) % 900_000),
        columns: Object.fromEntries(columns),
      };
      const idHash = ids ? i.toString(16).padStart(16, "0") : "";
      return { member, idHash, metadata: "", payload: payloadOf(open, values, Date.now()) };
    });
    await submitBatch(redis, open, 0, { producer: `measure${round}`, seq, events }, DEDUP);
  }
}

const MEMBERS = 30_000;

/** Bytes of a member without its hash table's slots. */
export async function perMember(redis: Redis, name: string, definition: Partial<BoardDefinition> = {}) {
  const open = await openBoard(redis, name, { operator: "set", shards: 1, ...definition });
  await fill(redis, open, { members: MEMBERS });
  const { entries, places } = open.shards[0]!;
  const wide = open.layout.kind === "wide";
  const bytes = await bytesOf(redis, entries, ...(wide ? [places] : []));
  return (bytes - (wide ? 2 : 1) * slots(MEMBERS)) / MEMBERS;
}

/**
 * Bytes of an id without its slot; and in the score log of an event alone in its batch, of one among a hundred, and of its id. Every
 * member had a score before, which the log names too.
 */
export async function perSubmission(redis: Redis) {
  const log = async (name: string, filling: Filling) => {
    const open = await openBoard(redis, name, { operator: "set", shards: 1 });
    await fill(redis, open, { members: filling.members });
    const { log: stream, idsNow } = open.shards[0]!;
    await redis.del(stream);
    await fill(redis, open, { ...filling, round: 1 });
    return { stream: await bytesOf(redis, stream), ids: await bytesOf(redis, idsNow) };
  };
  const single = await log("log-1", { members: 3_000, batch: 1 });
  const many = await log("log-100", { members: 30_000, batch: 100 });
  const withIds = await log("log-ids", { members: 30_000, batch: 100, ids: true });
  return {
    id: (withIds.ids - slots(30_000)) / 30_000,
    alone: single.stream / 3_000,
    together: many.stream / 30_000,
    logged: (withIds.stream - many.stream) / 30_000,
  };
}

/** Bytes of a frame and of each row in it, of a row of the published top, and of a boundary of the rank index. */
export async function perFeed(redis: Redis) {
  const stream = async (name: string, frames: number, rows: number) => {
    const open = await openBoard(redis, name, { operator: "set", shards: 1 });
    const lease = mergerLease(redis, name, 600_000);
    await lease.hold();
    const feed = feedOf(open);
    const epoch = (await redis.hget(open.feed.state, "epoch"))!;
    const [, , , replid] = await redis.hmget(open.feed.state, "epoch", "offset", "start", "replid");
    if (!replid) throw new Error("the feed is not open");
    const set = Array.from({ length: rows }, (_, i): [string, number, number] => [
      memberOf(i),
      KEY + i,
      100_000 + i,
    ]);
    const adds = set.flatMap(([member, key]) => [key, member]);
    for (let offset = 1; offset <= frames; offset++) {
      const result = await appendFrame(
        redis,
        feed,
        { epoch, offset, set, drop: [], total: 100_000 },
        {
          token: lease.token!,
          limits: { retentionMs: 600_000, retentionBytes: 1e9, messageBytesMax: 1_000 },
          change: { removes: [], adds },
        },
      );
      if (result !== "appended") throw new Error(result);
    }
    const index = new RankIndex(indexFacts(open), new Float64Array(1_000), new Float64Array(1_000));
    await publishIndex(redis, { board: name, keys: open.feed }, index, lease.token!);
    return {
      frames: (await bytesOf(redis, open.feed.frames)) / frames,
      top: await bytesOf(redis, open.feed.top),
      index: await bytesOf(redis, open.feed.index),
    };
  };
  const [small, large] = [await stream("frames-1", 3_000, 1), await stream("frames-50", 300, 50)];
  const full = await stream("frames-1000", 1, 1_000);
  const row = (large.frames - small.frames) / 49;
  return {
    frame: small.frames - row,
    row,
    top: (full.top - slots(1_000)) / 1_000,
    boundary: full.index / 1_000,
  };
}

function indexFacts({ season }: OpenBoard) {
  return { incarnation: season.incarnation, token: 1, sequence: 1, asOf: 0, total: 1_000, ns: [0] };
}

/** Bytes of a board where nobody plays: what each shard costs, and what the board costs beside them. */
export async function perBoard(redis: Redis): Promise<{ board: number; shard: number }> {
  const COUNT = 60;
  const idle = async (name: string, shards: number): Promise<number> => {
    const before = await used(redis);
    for (let i = 0; i < COUNT; i++) await openBoard(redis, `${name}${i}`, { operator: "set", shards });
    return ((await used(redis)) - before) / COUNT;
  };
  const [few, many] = [await idle("few", 1), await idle("many", 16)];
  const shard = (many - few) / 15;
  return { board: few - shard, shard };
}
