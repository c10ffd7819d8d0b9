/** Which node of a cluster serves which slot, as far as the last refresh knew, and the connections to those nodes. */
import calculateSlot from "cluster-key-slot";
import type { Cluster, Redis } from "ioredis";
import { sleep } from "../base/clock.ts";
import { AppError } from "../base/errors.ts";
import { isCluster, type RedisStore } from "./store.ts";

/** `host:port` as the cluster announces it. */
export type NodeAddress = string;

const REFRESH_MS_MAX = 500;

export function ownerOf(cluster: Cluster, key: string): NodeAddress | undefined {
  return cluster.slots[calculateSlot(key)]?.[0];
}

/** A key's slot, and who serves it: `redis` where there is one only, null while nobody is known to. */
export function placeOfKey(redis: RedisStore, key: string): { slot: number; node: NodeAddress | null } {
  const node = isCluster(redis) ? (ownerOf(redis, key) ?? null) : "redis";
  return { slot: calculateSlot(key), node };
}

/** Every master that serves a slot, with one of its slots. */
export function slotOwners(cluster: Cluster): Map<NodeAddress, number> {
  const owners = new Map<NodeAddress, number>();
  cluster.slots.forEach(([owner], slot) => {
    if (owner !== undefined && !owners.has(owner)) owners.set(owner, slot);
  });
  return owners;
}

/** How many of the 16,384 slots nobody serves. */
export function slotsWithoutOwner(cluster: Cluster): number {
  return 16_384 - cluster.slots.filter((nodes) => nodes?.[0] !== undefined).length;
}

/** The pool's connection to a node; undefined when the last refresh did not name it. */
export function connectionTo(cluster: Cluster, address: NodeAddress): Redis | undefined {
  return cluster.nodes("all").find(({ options }) => `${options.host}:${options.port}` === address);
}

/**
 * The connection on which a command on `key` would be sent now: the store itself, or that of the slot's master.
 * For questions to one node; who must follow a write to where it ran (WAIT) uses `ranOn` of `callOnce`, which knows of redirections.
 * @throws AppError unavailable while no master is known
 */
export function nodeOf(redis: RedisStore, key: string): Redis {
  if (!isCluster(redis)) return redis;
  const owner = ownerOf(redis, key);
  const node = owner === undefined ? undefined : connectionTo(redis, owner);
  if (!node) throw new AppError("unavailable", { retryAfterMs: 500 });
  return node;
}

/** The store itself, or a connection to each master of the cluster. */
export function masters(redis: RedisStore): Redis[] {
  if (!isCluster(redis)) return [redis];
  return [...slotOwners(redis).keys()].map((owner) => connectionTo(redis, owner)).filter((node) => !!node);
}

/** Ask the cluster again who serves what. Resolves when it is known, or when that takes too long; never rejects. */
export async function refreshSlots(cluster: Cluster): Promise<void> {
  const done = new AbortController();
  cluster.refreshSlotsCache(() => done.abort());
  await sleep(REFRESH_MS_MAX, done.signal);
}
