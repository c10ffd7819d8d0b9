/** The counters of a board, or of the deployment, in one pass: one pipeline, on a cluster one for each master. */
import { type Clock, systemClock } from "../base/clock.ts";
import { type Call, callAll } from "../redis/batch.ts";
import { COUNTER_SHARDS, counterShardKeys, presenceKeys } from "../redis/keys.ts";
import { fromRedisError, pairs, tagged } from "../redis/reply.ts";
import type { RedisStore } from "../redis/store.ts";
import { type Counts, dayOf, dayText, noCounts, OUTCOMES } from "./outcomes.ts";

/** The standard error of Redis's HyperLogLog, as a part of the number. */
export const PLAYERS_ERROR = 0.0081;

export type Peak = { connections: number; at: string };

export type CountsOfDay = {
  /** UTC, `2026-11-25`. */
  day: string;
  counts: Counts;
  /** Different members, within PLAYERS_ERROR (standard error). */
  players: number;
  peak: Peak | null;
};

export type CountsAnswer = {
  connected: { connections: number; players: number; gateways: number };
  /** The most connections at once that heartbeats have told of. */
  peak: Peak | null;
  total: Counts;
  /** Today first. */
  days: CountsOfDay[];
  playersError: number;
};

/**
 * @param scope a board's id, or DEPLOYMENT
 * @param days how many, today included
 * @throws AppError unavailable
 */
export async function readCounts(
  redis: RedisStore,
  scope: string,
  days: number,
  clock: Clock = systemClock,
): Promise<CountsAnswer> {
  const today = dayOf(clock.now());
  const asked = Array.from({ length: days }, (_, ago) => today - ago);
  const shards = Array.from({ length: COUNTER_SHARDS }, (_, shard) => counterShardKeys(scope, shard));
  const { beats, peak, dayPeak, players } = presenceKeys(scope);
  const calls: Call[] = [
    { script: "counters/connected", keys: [beats], args: [] },
    hash(peak),
    ...shards.map(({ total }) => hash(total)),
    ...asked.flatMap((day) => [
      { command: "PFCOUNT", key: players(day) },
      hash(dayPeak(day)),
      ...shards.map((shard) => hash(shard.day(day))),
    ]),
  ];
  const replies = await callAll(redis, calls).catch((error: unknown) => {
    throw fromRedisError(error);
  });
  const next = (): unknown => replies.shift();
  const nextCounts = (): Counts => sumOf(replies.splice(0, COUNTER_SHARDS));
  const { rest } = tagged(next(), ["connected"]);
  const [connections = 0, present = 0, gateways = 0] = rest.map(Number);
  return {
    connected: { connections, players: present, gateways },
    peak: peakOf(next()),
    total: nextCounts(),
    days: asked.map((day) => ({
      day: dayText(day),
      players: Number(next()),
      peak: peakOf(next()),
      counts: nextCounts(),
    })),
    playersError: PLAYERS_ERROR,
  };
}

function hash(key: string): Call {
  return { command: "HGETALL", key };
}

function sumOf(replies: readonly unknown[]): Counts {
  const sum = noCounts();
  for (const reply of replies) {
    const counts = pairs(reply);
    for (const name of OUTCOMES) sum[name] += Number(counts.get(name) ?? 0);
  }
  return sum;
}

function peakOf(reply: unknown): Peak | null {
  const fields = pairs(reply);
  const at = fields.get("atMs");
  return at === undefined
    ? null
    : { connections: Number(fields.get("connections")), at: new Date(Number(at)).toISOString() };
}
