/**
 * How much memory each Redis of the store uses, and whether it is at its limit: what `maxmemory` compares, which is not the same as
 * `used_memory`, since buffers for replicas and the append-only file do not count.
 */
import type { Redis } from "ioredis";
import { masters } from "./slot-owners.ts";
import { isCluster, type RedisStore } from "./store.ts";

export type NodeMemory = {
  /** `host:port` on a cluster, `redis` for the one. */
  node: string;
  /** What counts towards the limit, in bytes. */
  usedBytes: number;
  /** What the operating system has given to it, in bytes: more than is used by fragmentation and what was freed. */
  residentBytes: number;
  /** `maxmemory`, in bytes; 0 for no limit. */
  maxBytes: number;
  policy: string;
  /** At the limit: submissions and sign-ins are refused with `store_full`. */
  full: boolean;
};

/** One INFO a master. @throws whatever the connection throws */
export function readMemory(redis: RedisStore): Promise<NodeMemory[]> {
  if (!isCluster(redis)) return Promise.all([memoryOf(redis, "redis")]);
  return Promise.all(
    masters(redis).map((node) => memoryOf(node, `${node.options.host}:${node.options.port}`)),
  );
}

async function memoryOf(redis: Redis, node: string): Promise<NodeMemory> {
  const text = await redis.info("memory");
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(text)?.[1] ?? "";
  const usedBytes = Number(field("used_memory")) - Number(field("mem_not_counted_for_evict"));
  const maxBytes = Number(field("maxmemory"));
  return {
    node,
    usedBytes,
    residentBytes: Number(field("used_memory_rss")),
    maxBytes,
    policy: field("maxmemory_policy"),
    full: maxBytes > 0 && usedBytes > maxBytes,
  };
}

/** Whether any master is at its limit. Never rejects: one that does not answer is not known to be full. */
export async function isFull(redis: RedisStore): Promise<boolean> {
  const nodes = await readMemory(redis).catch(() => []);
  return nodes.some(({ full }) => full);
}
