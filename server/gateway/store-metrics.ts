/** What the store uses and may use, asked of Redis when somebody reads the metrics: the first thing to draw an alarm on. */
import { Gauge, type Registry } from "prom-client";
import { type NodeMemory, readMemory } from "../redis/memory.ts";
import type { RedisStore } from "../redis/store.ts";

/** Registers three gauges, in bytes and 0 or 1, with a series for each master. One that is away has none. */
export function createStoreMetrics(registry: Registry, redis: RedisStore): void {
  gauge(registry, redis, {
    name: "rankwire_redis_used_bytes",
    help: "Memory of Redis that counts towards maxmemory",
    value: ({ usedBytes }) => usedBytes,
  });
  gauge(registry, redis, {
    name: "rankwire_redis_max_bytes",
    help: "maxmemory of Redis; 0 is no limit",
    value: ({ maxBytes }) => maxBytes,
  });
  gauge(registry, redis, {
    name: "rankwire_store_full",
    help: "1 while Redis is at maxmemory and submissions are refused with store_full",
    value: ({ full }) => Number(full),
  });
}

type Figure = { name: string; help: string; value: (memory: NodeMemory) => number };

function gauge(registry: Registry, redis: RedisStore, { name, help, value }: Figure): void {
  const made = new Gauge({
    name,
    help,
    labelNames: ["node"],
    registers: [registry],
    // Every worker sees the same Redis.
    aggregator: "max",
    collect: async () => {
      made.reset();
      for (const memory of await readMemory(redis).catch(() => []))
        made.set({ node: memory.node }, value(memory));
    },
  });
}
