/** The Redis of the process: the one of the settings or our own, its pub/sub, and whether both serve. */
import { resolve } from "node:path";
import type { Lifecycle } from "./base/lifecycle.ts";
import type { Base, Surroundings } from "./compose.ts";
import type { Config } from "./config.ts";
import { endpointOf } from "./redis/channel-places.ts";
import { Channels } from "./redis/channels.ts";
import { isServing } from "./redis/cluster-health.ts";
import { createListener, type RedisTarget } from "./redis/connect.ts";
import { type ManagedCluster, startManagedCluster } from "./redis/managed/managed-cluster.ts";
import { type ManagedRedis, startManagedRedis } from "./redis/managed/managed-redis.ts";
import type { RedisStore } from "./redis/store.ts";

/** The Redis of the settings, or our own in DATA_DIR. */
export async function redisTarget(
  config: Config,
  { log, say, onFatal }: Surroundings,
  parts: Lifecycle,
): Promise<RedisTarget> {
  if (config.REDIS_URL !== undefined) return { url: config.REDIS_URL };
  const options = { dataDir: resolve(config.DATA_DIR), install: config.RANKWIRE_INSTALL, log, say };
  const managed = await parts.start(
    "managed redis",
    (): Promise<ManagedRedis | ManagedCluster> =>
      config.MANAGED_NODES > 1 ? startManagedCluster(options) : startManagedRedis(options),
    (child) => child.stop(),
  );
  managed.onFatal(onFatal);
  return "url" in managed ? { url: managed.url } : { path: managed.path };
}

/** The one pub/sub of the process, for whoever listens. */
export async function startChannels(base: Base, redis: RedisStore): Promise<Channels> {
  const { config, around, parts, connecting, feedMetrics } = base;
  const channels = new Channels({
    create: (address) => createListener(connecting, endpointOf(address)),
    commands: redis,
    probeEveryMs: config.FEED_PROBE_MS,
    onProbeLost: () => feedMetrics.probesLost.inc(),
    onError: (error) => around.log.warn({ err: error }, "pub/sub"),
  });
  await parts.start(
    "pub/sub",
    () => channels.start(),
    () => channels.stop(),
  );
  return channels;
}

/** What a gateway lacks to be ready. */
export async function unready(redis: RedisStore, channels: Channels): Promise<string[]> {
  const missing: string[] = [];
  if (!(await isServing(redis))) missing.push("redis");
  if (!channels.alive) missing.push("pubsub");
  return missing;
}
