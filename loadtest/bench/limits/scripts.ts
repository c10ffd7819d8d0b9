/** Redis CPU and calls a second of each limit's script, in turns with INCR, ZADD and HSET on as many keys from the same client. */
import type { ChainableCommander, Redis } from "ioredis";
import { bucketsKey, limitKey } from "../../../server/redis/keys.ts";
import { queueScript } from "../../../server/redis/scripts.ts";
import type { BenchContext } from "../bench.ts";
import { inLanes, seconds } from "../lanes.ts";
import { Turns } from "../statistics.ts";
import { cpuOf } from "../submit/redis-cpu.ts";

const CALLERS = 10_000;
const PIPELINE = 100;
const FLIGHTS = 4;
/** Takes that one turn of a busy gateway gathers. */
const GATHERED = 50;
const WINDOW_MS = 600_000;
const ATTEMPTS = 60;

type Queue = (pipeline: ChainableCommander, caller: number, id: number) => void;
type Variant = { name: string; baseline?: string; perCall: number; queue: Queue };

const key = (limit: string, caller: number): string => limitKey(limit, `bench${caller}`);
const bucket = ["1000", "5000", ""];

const VARIANTS: readonly Variant[] = [
  { name: "incr", perCall: 1, queue: (p, caller) => void p.incr(key("incr", caller)) },
  {
    name: "fixed-window",
    baseline: "incr",
    perCall: 1,
    queue: (p, caller) =>
      queueScript(p, "limits/fixed_window", [key("fixed", caller)], [1_000_000, WINDOW_MS, ""]),
  },
  {
    name: "zadd",
    perCall: 1,
    queue: (p, caller, id) => void p.zadd(key("zadd", caller), Date.now(), `attempt-${id % ATTEMPTS}`),
  },
  {
    name: "sliding-window",
    baseline: "zadd",
    perCall: 1,
    queue: (p, caller, id) =>
      queueScript(
        p,
        "limits/sliding_window",
        [key("sliding", caller)],
        [ATTEMPTS, WINDOW_MS, `attempt-${id}`, ""],
      ),
  },
  {
    name: "hset",
    perCall: 1,
    queue: (p, caller) => void p.hset(key("hset", caller), "tokens", "17", "at", Date.now()),
  },
  {
    name: "token-bucket",
    baseline: "hset",
    perCall: 1,
    queue: (p, caller) =>
      queueScript(p, "limits/token_bucket", [bucketsKey("single", 0)], [...bucket, `caller${caller}`, 1]),
  },
  {
    name: "token-bucket-gathered",
    baseline: "hset",
    perCall: GATHERED,
    queue: (p, caller) => {
      const takes = Array.from({ length: GATHERED }, (_, i) => [`caller${(caller + i) % CALLERS}`, 1]);
      queueScript(p, "limits/token_bucket", [bucketsKey("gathered", 0)], [...bucket, ...takes.flat()]);
    },
  },
];

export async function measureScripts(context: BenchContext): Promise<void> {
  const { quick, say, report } = context;
  const store = await context.startRedis();
  const redis = await store.connect();
  const cpu = new Turns<string>();
  const rate = new Turns<string>();
  for (let turn = 0; turn < (quick ? 2 : 7); turn++) {
    for (const variant of VARIANTS) {
      const pipelines = Math.ceil((quick ? 10 : 300) / Math.sqrt(variant.perCall));
      const checks = pipelines * PIPELINE * variant.perCall;
      let took = 0;
      const us = await cpuOf(redis, () => async () => {
        took = await seconds(() => send(redis, variant, pipelines));
      });
      cpu.add(variant.name, us / checks);
      rate.add(variant.name, checks / took);
    }
    say(
      `  turn ${turn + 1}: ${VARIANTS.map(({ name }) => `${name} ${cpu.last(name).toFixed(2)}`).join(", ")} µs`,
    );
  }
  for (const { name, baseline } of VARIANTS) {
    if (baseline === undefined) continue;
    const compared = (turns: Turns<string>) => ({
      value: turns.median(name),
      baseline: turns.median(baseline),
      ratio: turns.ratio(name, baseline),
    });
    report(`${name}.redis-cpu`, { ...compared(cpu), unit: `µs Redis CPU/check, against ${baseline}` });
    report(`${name}.calls`, { ...compared(rate), unit: `checks/s, against ${baseline}` });
  }
  await store.stop();
}

async function send(redis: Redis, { queue }: Variant, pipelines: number): Promise<void> {
  await inLanes(FLIGHTS, Array.from({ length: pipelines }), async (_, i) => {
    const pipeline = redis.pipeline();
    for (let at = 0; at < PIPELINE; at++) {
      queue(pipeline, Math.floor(Math.random() * CALLERS), i * PIPELINE + at);
    }
    const replies = await pipeline.exec();
    const failed = replies?.find(([error]) => error)?.[0];
    if (failed) throw failed;
  });
}
