/** Memory per member through real submits, and then, on the same Redis, what `appendfsync always` leaves of the speed. */
import type { Redis } from "ioredis";
import { sleep } from "../../../server/base/clock.ts";
import { newId } from "../../../server/base/ids.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import type { ShardEvent } from "../../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../../server/leaderboard/values.ts";
import { infoNumber } from "../../processes/redis-server.ts";
import type { BenchContext } from "../bench.ts";
import { keyOf, openBoard } from "../boards.ts";
import { seconds } from "../lanes.ts";
import { type Population, randomScore } from "../population.ts";
import { encodeZadds, RawClient } from "../raw-zadd.ts";
import { Turns } from "../statistics.ts";
import { BATCH, FLIGHTS, type OneShard, sendBatches } from "./redis-cpu.ts";

const FILL_CHUNK = 200;

/** @param plain a filled shard on a Redis without AOF */
export async function measureFsync(context: BenchContext, plain: OneShard): Promise<void> {
  const { quick, say, report } = context;
  const { people } = plain;
  const server = await context.startRedis(["--auto-aof-rewrite-percentage", "0"]);
  const redis = await server.connect();
  const open = await openBoard(redis, "durable", { operator: "set", shards: 1 });
  say(`memory: ${people.size} members through submits`);
  report("memory", { value: await bytesPerMember(redis, open, people), unit: "B/member" }, { atMost: 114 });

  await redis.config("SET", "appendonly", "yes");
  while ((await infoNumber(redis, "persistence", "aof_rewrite_in_progress")) > 0) await sleep(50);
  await redis.config("SET", "appendfsync", "always");
  const raw = await RawClient.open(plain.server.port);
  const batches = quick ? 20 : 500;
  const events = batches * BATCH;
  const turns = new Turns<"zadd" | "always">();
  for (let turn = 0; turn < (quick ? 2 : 7); turn++) {
    const zadds = Array.from({ length: batches }, () => randomZadds(plain));
    turns.add("zadd", events / (await seconds(() => raw.run(zadds, FLIGHTS))));
    const made = Array.from({ length: batches }, () => {
      return Array.from({ length: BATCH }, () => eventOf(open, people.members[people.any()]!, randomScore()));
    });
    turns.add("always", events / (await seconds(() => sendBatches(redis, open, newId(), made))));
    say(
      `  turn ${turn + 1}: zadd ${Math.round(turns.last("zadd"))}, always ${Math.round(turns.last("always"))}/s`,
    );
  }
  raw.close();
  const measured = {
    value: turns.median("always"),
    unit: "events/s",
    baseline: turns.median("zadd"),
    ratio: turns.ratio("always", "zadd"),
  };
  report("appendfsync-always", measured, { atLeast: 0.5 });
  await server.stop();
}

/** Fills a board with everybody's score through submits. */
export async function bytesPerMember(redis: Redis, open: OpenBoard, people: Population): Promise<number> {
  const before = await infoNumber(redis, "memory", "used_memory");
  const producer = newId();
  const batches: ShardEvent[][] = [];
  for (let i = 0; i < people.size; i += BATCH) {
    batches.push(
      people.members.slice(i, i + BATCH).map((member, j) => eventOf(open, member, people.scores[i + j]!)),
    );
  }
  // In chunks, each a producer of its own, so that not every event is in memory at once.
  for (let i = 0; i < batches.length; i += FILL_CHUNK) {
    await sendBatches(redis, open, `${producer}${i}`, batches.slice(i, i + FILL_CHUNK));
  }
  await redis.xtrim(open.shards[0]!.log, "MAXLEN", 0);
  // The last step of the table's growth goes on for a while after the last entry.
  await sleep(500);
  return ((await infoNumber(redis, "memory", "used_memory")) - before) / people.size;
}

function eventOf(open: OpenBoard, member: string, score: number): ShardEvent {
  return { member, idHash: "", metadata: "", payload: payloadOf(open, { score }, Date.now()) };
}

function randomZadds({ open, people }: OneShard): { bytes: Buffer; commands: number } {
  const zadds = Array.from({ length: BATCH }, () => {
    const member = people.members[people.any()]!;
    return { key: open.shards[0]!.entries, score: keyOf(open, randomScore()), member };
  });
  return encodeZadds(zadds);
}
