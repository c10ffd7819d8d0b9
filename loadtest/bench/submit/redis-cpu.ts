/** Redis CPU of one submission through submit.lua, against a single pipelined ZADD on the same ZSET. */
import type { Redis } from "ioredis";
import { getOrMake } from "../../../client-sdk/get-or-make.ts";
import type { Operator } from "../../../client-sdk/protocol/messages.ts";
import { newId } from "../../../server/base/ids.ts";
import type { OpenBoard } from "../../../server/leaderboard/board.ts";
import { createHasher } from "../../../server/leaderboard/hashing.ts";
import { type ShardEvent, submitBatch } from "../../../server/leaderboard/submit-batch.ts";
import { payloadOf } from "../../../server/leaderboard/values.ts";
import { type BenchRedis, redisCpuUs } from "../../processes/redis-server.ts";
import type { BenchContext } from "../bench.ts";
import { defaultIngest, keyOf, withOperator } from "../boards.ts";
import { inLanes } from "../lanes.ts";
import { type Population, randomScore, SCORE_MAX } from "../population.ts";
import { encodeZadds, RawClient } from "../raw-zadd.ts";
import { Turns } from "../statistics.ts";

export type OneShard = { server: BenchRedis; redis: Redis; open: OpenBoard; people: Population };

export const BATCH = 100;
export const FLIGHTS = 4;

const VARIANTS = ["raw", "set", "set with ids", "best", "incr"] as const;
type Variant = (typeof VARIANTS)[number];

/** Makes events one batch at a time, and keeps the population's scores as they will be. */
export class Events {
  readonly #shard: OneShard;
  readonly #boards = new Map<Operator, OpenBoard>();
  readonly #idHash: (member: string, id: string) => string;

  constructor(shard: OneShard, idHash: (member: string, id: string) => string) {
    this.#shard = shard;
    this.#idHash = idHash;
  }

  board(variant: Exclude<Variant, "raw">): OpenBoard {
    const operator = variant === "set with ids" ? "set" : variant;
    return getOrMake(this.#boards, operator, () => withOperator(this.#shard.open, operator));
  }

  batch(variant: Exclude<Variant, "raw">): ShardEvent[] {
    const open = this.board(variant);
    return Array.from({ length: BATCH }, () => {
      const { people } = this.#shard;
      const i = people.any();
      const member = people.members[i]!;
      const score = this.#next(variant, i);
      const idHash = variant === "set with ids" ? this.#idHash(member, newId()) : "";
      return { member, idHash, metadata: "", payload: payloadOf(open, { score }, Date.now()) };
    });
  }

  zadds(): { bytes: Buffer; commands: number } {
    const { people, open } = this.#shard;
    const { entries: key } = open.shards[0]!;
    const zadds = Array.from({ length: BATCH }, () => {
      const i = people.any();
      people.scores[i] = randomScore();
      return { key, score: keyOf(open, people.scores[i]!), member: people.members[i]! };
    });
    return encodeZadds(zadds);
  }

  /** `best`: half improve, from anywhere to anywhere. `incr`: by up to a thousandth of the range. */
  #next(variant: Variant, i: number): number {
    const { scores } = this.#shard.people;
    const now = scores[i]!;
    if (variant === "incr") {
      const by = 1 + Math.floor((Math.random() * SCORE_MAX) / 1000);
      scores[i] = now + by;
      return by;
    }
    if (variant !== "best") {
      scores[i] = randomScore();
      return scores[i]!;
    }
    if (Math.random() < 0.5) return Math.floor(Math.random() * (now + 1));
    scores[i] = now + 1 + Math.floor(Math.random() * Math.max(1, SCORE_MAX - now));
    return scores[i]!;
  }
}

export async function measureRedisCpu(context: BenchContext, shard: OneShard): Promise<void> {
  const { quick, say, report } = context;
  const { server, redis } = shard;
  const { idHash } = await createHasher();
  const events = new Events(shard, (member, id) => idHash("salt", member, id));
  const raw = await RawClient.open(server.port);
  const batches = quick ? 20 : 600;
  const turns = new Turns<Variant>();
  for (let turn = 0; turn < (quick ? 2 : 9); turn++) {
    for (const variant of VARIANTS) {
      const us = await cpuOf(redis, () => oneTurn(variant, { events, raw, redis, batches }));
      turns.add(variant, us / (batches * BATCH));
    }
    say(`  turn ${turn + 1}: ${VARIANTS.map((v) => `${v} ${turns.last(v).toFixed(2)}`).join(", ")} µs`);
  }
  raw.close();
  const targets = { set: 0.6, "set with ids": 0.5, best: 0.9, incr: undefined };
  for (const [variant, atLeast] of Object.entries(targets) as [keyof typeof targets, number | undefined][]) {
    const measured = {
      value: turns.median(variant),
      unit: "µs Redis CPU/event",
      baseline: turns.median("raw"),
      ratio: turns.ratio("raw", variant),
    };
    report(`redis-cpu.${variant.replaceAll(" ", "-")}`, measured, atLeast ? { atLeast } : undefined);
  }
}

type Tools = { events: Events; raw: RawClient; redis: Redis; batches: number };

/** Makes everything before the clock starts. @returns what is measured */
function oneTurn(variant: Variant, { events, raw, redis, batches }: Tools): () => Promise<void> {
  if (variant === "raw") {
    const encoded = Array.from({ length: batches }, () => events.zadds());
    return () => raw.run(encoded, FLIGHTS);
  }
  const open = events.board(variant);
  const producer = newId();
  const made = Array.from({ length: batches }, () => events.batch(variant));
  return () => sendBatches(redis, open, producer, made);
}

/** Straight to one shard, four under way, as a pipe of ingest would. */
export async function sendBatches(
  redis: Redis,
  open: OpenBoard,
  producer: string,
  batches: readonly ShardEvent[][],
): Promise<void> {
  await inLanes(FLIGHTS, batches, async (events, i) => {
    const reply = await submitBatch(redis, open, 0, { producer, seq: i + 1, events }, defaultIngest.dedup);
    if (reply.tag !== "applied") throw new Error(`a batch was answered ${reply.tag}`);
  });
}

/** Redis CPU in µs of what `prepare` returns. */
export async function cpuOf(redis: Redis, prepare: () => () => Promise<void>): Promise<number> {
  const measured = prepare();
  const before = await redisCpuUs(redis);
  await measured();
  return (await redisCpuUs(redis)) - before;
}
