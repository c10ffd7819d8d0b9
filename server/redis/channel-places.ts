/** Which pub/sub connection a channel belongs on: the only one, or the one to the master that serves its slot. */
import type { Redis } from "ioredis";
import { probeChannel } from "./keys.ts";
import { ownerOf, refreshSlots, slotOwners } from "./slot-owners.ts";
import { isCluster, type RedisStore } from "./store.ts";

/** The address of the only connection when there is no cluster. */
const ONLY = "";
const PROBES_MAX = 200_000;

/** @param address one that `lineAddresses` gave */
export type LineFactory = (address: string) => Redis;

/** Where connections are wanted. */
export function lineAddresses(redis: RedisStore): ReadonlySet<string> {
  return new Set(isCluster(redis) ? slotOwners(redis).keys() : [ONLY]);
}

/** @returns undefined while nobody is known to serve the channel's slot */
export function lineOf(redis: RedisStore, channel: string): string | undefined {
  return isCluster(redis) ? ownerOf(redis, channel) : ONLY;
}

/** A probe's channel whose slot the node serves: `current` while it does, else the first number that does. */
export function probeOn(redis: RedisStore, address: string, id: string, current: string | undefined): string {
  if (current !== undefined && lineOf(redis, current) === address) return current;
  for (let number = 0; number < PROBES_MAX; number++) {
    const channel = probeChannel(`${id}.${number}`);
    if (lineOf(redis, channel) === address) return channel;
  }
  return current ?? probeChannel(id);
}

/** Learn anew who serves what; never rejects. */
export async function refreshLines(redis: RedisStore): Promise<void> {
  if (isCluster(redis)) await refreshSlots(redis);
}

/** Host and port of an address; undefined for the only connection. */
export function endpointOf(address: string): { host: string; port: number } | undefined {
  if (address === ONLY) return undefined;
  const colon = address.lastIndexOf(":");
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}
