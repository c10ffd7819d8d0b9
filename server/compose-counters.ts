/** Counting: what gateways gather and send to Redis every second, and their heartbeats. */
import { Loop } from "./base/loop.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import { Counters } from "./counters/counters.ts";
import { type CountsAnswer, readCounts } from "./counters/counts-reader.ts";
import { Heartbeats } from "./counters/heartbeats.ts";
import { Connected } from "./gateway/local-connections.ts";
import { DEPLOYMENT } from "./redis/keys.ts";

/** A beat holds for this many, so that a slow one does not make everybody vanish. */
const BEATS_HELD = 3;

export type Counting = {
  boardCounters: Counters;
  connected: Connected;
  readBoardCounts: (board: string, days: number) => Promise<CountsAnswer>;
  readAllCounts: (days: number) => Promise<CountsAnswer>;
};

/** Started before the gateway and so stopped after it: the last counts are sent when nobody counts any more. */
export async function startCounters(base: Base, { redis }: GatewayNeeds): Promise<Counting> {
  const daysKept = base.config.COUNTER_DAYS;
  const boardCounters = new Counters({ redis, daysKept });
  const connected = new Connected();
  const count = () => connected.count(DEPLOYMENT);
  const ttlMs = BEATS_HELD * base.config.PRESENCE_BEAT_MS;
  const heartbeats = new Heartbeats({ redis, ttlMs, daysKept, count });
  await startLoop(base, "counters", {
    everyMs: base.config.COUNTER_FLUSH_MS,
    step: () => boardCounters.flush(),
    last: () => boardCounters.drain(),
  });
  await startLoop(base, "heartbeats", {
    everyMs: base.config.PRESENCE_BEAT_MS,
    step: () => heartbeats.beat(),
    last: () => heartbeats.leave(),
  });
  return {
    boardCounters,
    connected,
    readBoardCounts: (board, days) => readCounts(redis, board, days),
    readAllCounts: (days) => readCounts(redis, DEPLOYMENT, days),
  };
}

type Paced = { everyMs: number; step: () => Promise<void>; last: () => Promise<void> };

async function startLoop({ around, parts }: Base, name: string, { everyMs, step, last }: Paced) {
  const onError = (error: unknown): void => {
    around.log.warn({ err: error }, `${name} did not reach Redis; they try again`);
  };
  const loop = new Loop({ everyMs, step, onError });
  await parts.start(
    name,
    () => loop.start(),
    async () => {
      await loop.stop();
      await last().catch(onError);
    },
  );
}
