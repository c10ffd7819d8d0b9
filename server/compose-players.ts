/** What is kept about players beyond one board: the database, and what stands on it. */
import { systemClock } from "./base/clock.ts";
import type { Lifecycle } from "./base/lifecycle.ts";
import type { Log } from "./base/log.ts";
import { type LiveCapacity, measureLive } from "./cli/capacity-live.ts";
import { withCache } from "./cli/live-connections.ts";
import type { Base, GatewayNeeds, Surroundings } from "./compose.ts";
import type { Config } from "./config.ts";
import { Database, isAway } from "./database/database.ts";
import * as options from "./options.ts";
import { createProfileMetrics } from "./profiles/profile-metrics.ts";
import { ProfileStore } from "./profiles/profile-store.ts";
import { Profiles } from "./profiles/profiles.ts";
import { checkCache } from "./redis/boot-checks.ts";
import { connectCache } from "./redis/connect.ts";
import { registerScripts } from "./redis/scripts.ts";
import type { RedisStore } from "./redis/store.ts";
import { ApiKeys } from "./sessions/api-keys.ts";
import { Devices } from "./sessions/devices.ts";
import { JwtSignIn } from "./sessions/jwt-sign-in.ts";
import { KeyStore } from "./sessions/key-store.ts";

/**
 * PGlite opens when it is first needed. A PostgreSQL of the settings is opened now: what is wrong with it is seen at once, but one that is
 * away holds up nothing that can do without. @throws AppError unavailable
 */
export async function startDatabase(config: Config, log: Log, parts: Lifecycle): Promise<Database> {
  const database = await parts.start(
    "database",
    () => new Database({ ...options.databaseOptions(config), log }),
    (started) => started.close(),
  );
  if (config.DATABASE_URL === undefined) return database;
  await database.ready().catch((error: unknown) => {
    if (config.ADMIN_KEY === undefined || !isAway(error)) throw error;
    log.error("PostgreSQL is away: boards go on, while keys of the table, devices and profiles wait for it");
  });
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

/** What the store and the database take, measured when it is asked for; whoever asks meanwhile gets the same answer. */
export function capacityOf(
  { config, connecting, database }: Base,
  { redis }: GatewayNeeds,
): () => Promise<LiveCapacity> {
  let measuring: Promise<LiveCapacity> | undefined;
  const measure = (): Promise<LiveCapacity> =>
    withCache(config, connecting, (cache) =>
      measureLive({
        redis,
        ...(cache ? { cache } : {}),
        database,
        openDatabase: config.DATABASE_URL !== undefined,
        bounds: options.capacityBounds(config),
      }),
    );
  return () => {
    measuring ??= measure().finally(() => {
      measuring = undefined;
    });
    return measuring;
  };
}

export type SignIn = { keys: ApiKeys; jwt: JwtSignIn | undefined; devices: Devices | undefined };

/** @throws Error for people when the JWT settings do not fit together; AppError unavailable */
export async function startSignIn(
  { config, around, parts, database }: Base,
  bus: GatewayNeeds,
): Promise<SignIn> {
  const { log } = around;
  const jwt = options.jwtOptions(config);
  const signIn = {
    jwt: jwt && new JwtSignIn(jwt),
    devices: config.DEVICE_SIGN_IN ? new Devices(database) : undefined,
  };
  if (!around.firstKeyMade) await makeFirstKey(config, around, database);
  const keys = new ApiKeys({
    adminKey: config.ADMIN_KEY,
    serverKey: config.SERVER_KEY,
    store: new KeyStore(database),
    bus,
    pollMs: config.KEYS_POLL_MS,
    onError: (error) => log.warn({ err: error }, "API keys could not be read"),
  });
  await parts.start(
    "API keys",
    () => keys.start(),
    () => keys.stop(),
  );
  return { keys, ...signIn };
}

/** Without an admin key nobody could make the others: one is made where there is none, and shown to who started us, this once. */
export async function makeFirstKey(config: Config, { say }: Surroundings, database: Database): Promise<void> {
  if (config.ADMIN_KEY !== undefined) return;
  const key = await new KeyStore(database).createFirst("first admin key");
  if (key === undefined) return;
  for (const line of [
    "",
    "  ADMIN_KEY is not set, so an admin key was made. It is shown this once and kept only as a hash:",
    "",
    `    ${key}`,
    "",
    "  Make others with it, as RANKWIRE_KEY: npx rankwire key create (docs/cli.md), or POST /v1/admin/keys (docs/api.md).",
    "",
  ])
    say(line);
}
