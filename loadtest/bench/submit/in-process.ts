/** Ingest in this process, validated events in and outcomes out, against ioredis pipelining the bare ZADDs from the same process. */
import type { Redis } from "ioredis";
import { systemClock } from "../../../server/base/clock.ts";
import { createLog } from "../../../server/base/log.ts";
import { Ingest } from "../../../server/ingest/ingest.ts";
import type { MemberSubmission } from "../../../server/ingest/shard-event.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import type { Hasher } from "../../../server/leaderboard/hashing.ts";
import type { BenchContext } from "../bench.ts";
import { defaultIngest, keyOf } from "../boards.ts";
import { inLanes, seconds } from "../lanes.ts";
import { type Population, randomScore } from "../population.ts";
import { Turns } from "../statistics.ts";

/** What a busy HTTP gateway hands over: calls of 1,000, eight at a time. */
const CALL = 1_000;
const CALLERS = 8;
/** ioredis pipelines gain nothing from being longer. */
const PIPELINE = 200;
const PIPELINES = 4;

type Tools = { redis: Redis; open: OpenBoard; people: Population; hasher: Hasher };

export async function measureIngest(context: BenchContext, tools: Tools): Promise<void> {
  const { quick, say, report } = context;
  const { redis, open, hasher } = tools;
  const ingest = new Ingest({
    boards: new Map(),
    ...defaultIngest,
    redis,
    hasher,
    clock: systemClock,
    log: createLog({ level: "silent", pretty: false }),
  });
  const calls = quick ? 8 : 120;
  const events = calls * CALL;
  const turns = new Turns<"zadd" | "one pipeline" | "ingest">();
  for (let turn = 0; turn < (quick ? 2 : 7); turn++) {
    turns.add("zadd", events / (await seconds(zaddTurn(tools, events, PIPELINES))));
    turns.add("one pipeline", events / (await seconds(zaddTurn(tools, events, 1))));
    turns.add("ingest", events / (await seconds(ingestTurn(ingest, tools, calls))));
    say(
      `  turn ${turn + 1}: zadd ${Math.round(turns.last("zadd"))}, ingest ${Math.round(turns.last("ingest"))}/s`,
    );
  }
  await ingest.drain();
  for (const baseline of ["zadd", "one pipeline"] as const) {
    const measured = {
      value: turns.median("ingest"),
      unit: "events/s",
      baseline: turns.median(baseline),
      ratio: turns.ratio("ingest", baseline),
    };
    const name = `ingest.shards-${open.board.shards}`;
    if (baseline === "zadd") report(name, measured, { atLeast: 1.2 });
    else report(`${name}.one-pipeline`, measured);
  }
}

function ingestTurn(ingest: Ingest, { open, people }: Tools, calls: number): () => Promise<void> {
  const made = Array.from({ length: calls }, () =>
    Array.from({ length: CALL }, (): MemberSubmission => {
      return { member: people.members[people.any()]!, score: randomScore() };
    }),
  );
  return () =>
    inLanes(CALLERS, made, async (submissions) => {
      const results = await ingest.submit(open, submissions);
      const refused = results.find(({ outcome }) => outcome === "rejected");
      if (refused) throw new Error(`ingest refused: ${JSON.stringify(refused)}`);
    });
}

function zaddTurn(
  { redis, open, people, hasher }: Tools,
  events: number,
  pipelines: number,
): () => Promise<void> {
  const made = Array.from({ length: events / PIPELINE }, () =>
    Array.from({ length: PIPELINE }, () => {
      const member = people.members[people.any()]!;
      const { entries } = open.shards[hasher.shardOf(member, open.board.shards)]!;
      return { entries, key: keyOf(open, randomScore()), member };
    }),
  );
  return () =>
    inLanes(pipelines, made, async (zadds) => {
      const pipeline = redis.pipeline();
      for (const { entries, key, member } of zadds) pipeline.zadd(entries, key, member);
      await pipeline.exec();
    });
}
