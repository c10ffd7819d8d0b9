/** What is kept about players beyond one board: the database, and what stands on it. */
import { systemClock } from "./base/clock.ts";
import type { Lifecycle } from "./base/lifecycle.ts";
import type { Log } from "./base/log.ts";
import type { Base, GatewayNeeds } from "./compose.ts";
import type { Config } from "./config.ts";
import { Database } from "./database/database.ts";
import * as options from "./options.ts";
import { createProfileMetrics } from "./profiles/profile-metrics.ts";
import { ProfileStore } from "./profiles/profile-store.ts";
import { Profiles } from "./profiles/profiles.ts";
import { checkCache } from "./redis/boot-checks.ts";
import { connectCache } from "./redis/connect.ts";
import { registerScripts } from "./redis/scripts.ts";
import type { RedisStore } from "./redis/store.ts";

/** PGlite opens when it is first needed; a PostgreSQL of the settings must be there now. @throws AppError unavailable */
export async function startDatabase(config: Config, log: Log, parts: Lifecycle): Promise<Database> {
  const database = await parts.start(
    "database",
    () => new Database({ ...options.databaseOptions(config), log }),
    (started) => started.close(),
  );
  if (config.DATABASE_URL !== undefined) await database.ready();
  return database;
}

/** Profiles, and the Redis that their copies are in: the store, or one of their own, which may be away. */
export async function startProfiles(base: Base, { redis, channels }: GatewayNeeds): Promise<Profiles> {
  const { config, around, parts, metrics, database } = base;
  const profiles = new Profiles({
    ...options.profilesOptions(config),
    store: new ProfileStore(database),
    cache: config.CACHE_REDIS_URL === undefined ? redis : await startCache(base, config.CACHE_REDIS_URL),
    channels,
    commands: redis,
    metrics: createProfileMetrics(metrics),
    now: systemClock.now,
    random: Math.random,
    onError: (error) => around.log.warn({ err: error }, "profiles"),
  });
  await parts.start(
    "profiles",
    () => profiles.start(),
    () => profiles.stop(),
  );
  return profiles;
}

async function startCache({ around, parts, connecting }: Base, url: string): Promise<RedisStore> {
  const { log } = around;
  const cache = await parts.start(
    "cache's redis connection",
    () => connectCache({ ...connecting, target: { url } }),
    (connection) => connection.disconnect(),
  );
  registerScripts(cache);
  const warn = (finding: object): void => log.warn(finding, "the Redis of CACHE_REDIS_URL");
  await checkCache(cache).then((findings) => findings.forEach(warn), warn);
  return cache;
}
