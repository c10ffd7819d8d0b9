/** How each Redis of the store is at this moment, read by INFO, TIME and a few PINGs: for `rankwire doctor`. Writes nothing. */
import type { Redis } from "ioredis";
import { type NodeMemory, readMemory } from "./memory.ts";
import { masters } from "./slot-owners.ts";
import { isCluster, type RedisStore } from "./store.ts";

export type NodeHealth = {
  memory: NodeMemory;
  version: string;
  /** How long round trips took, the shortest first, in ms. */
  roundTripsMs: number[];
  /** Its clock less this machine's, in ms, and how exact that is. */
  clock: { aheadMs: number; withinMs: number };
  replicas: number;
  clients: { connected: number; max: number };
  /** What it says of its own persistence that is not `ok`, such as `aof_last_write_status:err`. */
  persistenceTrouble: string[];
};

const PINGS = 20;
/** ms. Where round trips are slow, fewer of them tell it. */
const PINGS_MS = 1_000;

/** Of every master. @throws whatever the connection throws */
export async function readHealth(redis: RedisStore): Promise<NodeHealth[]> {
  const memory = await readMemory(redis);
  const nodes = isCluster(redis) ? masters(redis) : [redis];
  return Promise.all(nodes.map((node, i) => healthOf(node, memory[i]!)));
}

async function healthOf(redis: Redis, memory: NodeMemory): Promise<NodeHealth> {
  const info = fieldsOf(await redis.info());
  const count = (name: string): number => Number(info.get(name) ?? 0);
  const trouble = ["rdb_last_bgsave_status", "aof_last_bgrewrite_status", "aof_last_write_status"];
  return {
    memory,
    version: info.get("redis_version") ?? "not told",
    roundTripsMs: await roundTrips(redis),
    clock: await clockOf(redis),
    replicas: count("connected_slaves"),
    clients: { connected: count("connected_clients"), max: count("maxclients") },
    persistenceTrouble: trouble
      .filter((name) => (info.get(name) ?? "ok") !== "ok")
      .map((name) => `${name}:${info.get(name)}`),
  };
}

function fieldsOf(info: string): Map<string, string> {
  return new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

async function roundTrips(redis: Redis): Promise<number[]> {
  const took: number[] = [];
  const endsAt = performance.now() + PINGS_MS;
  while (took.length < PINGS && performance.now() < endsAt) {
    const from = performance.now();
    await redis.ping();
    took.push(performance.now() - from);
  }
  return took.sort((a, b) => a - b);
}

async function clockOf(redis: Redis): Promise<NodeHealth["clock"]> {
  const from = Date.now();
  const [seconds = 0, micros = 0] = (await redis.time()).map(Number);
  const to = Date.now();
  return { aheadMs: seconds * 1000 + micros / 1000 - (from + to) / 2, withinMs: (to - from) / 2 + 1 };
}
