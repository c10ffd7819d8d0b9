/** One merger tick over 64 shards, all of them dirty, and with eight dirty: poll, read, merge, diff, append. */
import type { Redis } from "ioredis";
import { newId } from "../../../server/base/ids.ts";
import { parseConfig } from "../../../server/config.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import { submitBatch } from "../../../server/leaderboard/submit-batch.ts";
import { readStates } from "../../../server/leaderboard/top-reader.ts";
import { payloadOf } from "../../../server/leaderboard/values.ts";
import { mergerLease } from "../../../server/locks/lease.ts";
import { BoardMerger } from "../../../server/merger/board-merger.ts";
import { feedLimits } from "../../../server/options.ts";
import type { BenchContext } from "../bench.ts";
import { defaultIngest, fillBoard, openBoard } from "../boards.ts";
import { Population, SCORE_MAX } from "../population.ts";
import { percentile } from "../statistics.ts";

const SHARDS = 64;
const LEASE_MS = 600_000;

export async function measureMergeTick(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const server = await context.startRedis();
  const redis = await server.connect();
  const people = new Population(quick ? 10_000 : 200_000);
  const open = await openBoard(redis, "wide", { operator: "set", shards: SHARDS });
  const hasher = await createHasher();
  await fillBoard(redis, open, people, { hasher, say });
  const perShard = membersByShard(people, (member) => hasher.shardOf(member, SHARDS));
  const lease = mergerLease(redis, "wide", LEASE_MS);
  if (!(await lease.hold())) throw new Error("somebody else has the lease");
  const merger = new BoardMerger({ redis, open, token: lease.token!, limits: feedLimits(parseConfig({})) });
  const tick = async (): Promise<number> => {
    const startedAt = performance.now();
    await merger.tick(open, (await readStates(redis, [open]))[0]!);
    return performance.now() - startedAt;
  };
  for (const dirty of [SHARDS, 8]) {
    const times: number[] = [];
    for (let i = 0; i < (quick ? 5 : 200); i++) {
      await disturb(redis, open, { perShard, dirty });
      times.push(await tick());
    }
    // The first ones read everything, and find the code cold.
    const settled = times.slice(Math.floor(times.length / 4));
    say(
      `tick with ${dirty} dirty shards: p50 ${percentile(settled, 0.5).toFixed(2)} ms, p99 ${percentile(settled, 0.99).toFixed(2)} ms`,
    );
    report(`merge-tick.dirty-${dirty}`, { value: percentile(settled, 0.5), unit: "ms" }, { atMost: 3 });
  }
  await lease.release();
  await server.stop();
}

function membersByShard(people: Population, shardOf: (member: string) => number): string[][] {
  const lists: string[][] = Array.from({ length: SHARDS }, () => []);
  for (const member of people.members) lists[shardOf(member)]!.push(member);
  return lists;
}

let seq = 0;
const producer = newId();

/** One member of each of so many shards gets a score among the best. */
async function disturb(
  redis: Redis,
  open: OpenBoard,
  { perShard, dirty }: { perShard: string[][]; dirty: number },
): Promise<void> {
  seq++;
  for (let shard = 0; shard < dirty; shard++) {
    const members = perShard[shard]!;
    const member = members[seq % Math.min(30, members.length)]!;
    const score = SCORE_MAX - Math.floor(Math.random() * (SCORE_MAX / 500));
    const event = { member, idHash: "", metadata: "", payload: payloadOf(open, { score }, 0) };
    const reply = await submitBatch(
      redis,
      open,
      shard,
      { producer, seq, events: [event] },
      defaultIngest.dedup,
    );
    if (reply.tag !== "applied") throw new Error(`a batch was answered ${reply.tag}`);
  }
}
