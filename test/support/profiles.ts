/** Profiles for tests: as many instances as one likes, each like a process of its own, on a real Redis and a real database. */
import type { Redis } from "ioredis";
import { Registry } from "prom-client";
import { afterAll, beforeAll } from "vitest";
import type { Database, Sql } from "../../server/database/database.ts";
import { createProfileMetrics, type ProfileMetrics } from "../../server/profiles/profile-metrics.ts";
import { ProfileStore } from "../../server/profiles/profile-store.ts";
import { Profiles, type ProfilesOptions } from "../../server/profiles/profiles.ts";
import { Channels } from "../../server/redis/channels.ts";
import { createListener } from "../../server/redis/connect.ts";
import { commandConnection, silentLog } from "./builders.ts";
import type { TestStore } from "./databases.ts";
import { sharedRedisUrl, uniqueBoard } from "./shared-redis.ts";

/** Two minutes, so that nothing runs out by itself while a test runs; no local copies unless a test asks for them. */
export const TIMES = {
  ttlMs: 120_000,
  refreshMs: 60_000,
  negativeTtlMs: 30_000,
  leaseMs: 5_000,
  tombstoneMs: 20_000,
  untoldMax: 100,
};
export const LOCAL = { keptMax: 1_000, charactersMax: 1_000_000, ttlMs: 60_000 };
export const NO_LOCAL = { ...LOCAL, ttlMs: 0 };

export type ProfileProcess = {
  profiles: Profiles;
  store: CountingStore;
  metrics: ProfileMetrics;
  /** Its connection to the cache. */
  cache: Redis;
  stop(): Promise<void>;
};

/** The real store, with a count of its questions, and a gate before and after each for tests of interleavings. */
export class CountingStore extends ProfileStore {
  queries = 0;
  /** Awaited before a query goes out, and after its answer came. */
  before: () => Promise<void> = async () => undefined;
  after: () => Promise<void> = async () => undefined;

  /** Awaited after the commit of a put, before anybody is told. */
  afterCommit: () => Promise<void> = async () => undefined;

  override async put(...args: Parameters<ProfileStore["put"]>): ReturnType<ProfileStore["put"]> {
    const written = await super.put(...args);
    await this.afterCommit();
    return written;
  }

  override async read(members: readonly string[]): ReturnType<ProfileStore["read"]> {
    this.queries++;
    await this.before();
    const known = await super.read(members);
    await this.after();
    return known;
  }
}

export type ProcessOptions = {
  /** Of the store's Redis; and of the cache's, when it is another one. */
  redisUrl: string;
  cacheUrl?: string;
  database: Database;
} & Partial<Pick<ProfilesOptions, "now" | "random" | "onError">> & {
    times?: Partial<ProfilesOptions["times"]>;
    local?: ProfilesOptions["local"];
  };

export async function startProfiles(options: ProcessOptions): Promise<ProfileProcess> {
  const { redisUrl, cacheUrl = redisUrl, database, times = {}, local = NO_LOCAL } = options;
  const commands = await commandConnection(redisUrl);
  const cache = await commandConnection(cacheUrl);
  const connecting = { target: { url: redisUrl }, log: silentLog, commandTimeoutMs: 5_000 };
  const channels = new Channels({
    create: () => createListener(connecting, undefined),
    commands,
    probeEveryMs: 1_000,
    onProbeLost: () => undefined,
    onError: () => undefined,
  });
  channels.start();
  const store = new CountingStore(database);
  const metrics = createProfileMetrics(new Registry());
  const profiles = new Profiles({
    store,
    cache,
    channels,
    commands,
    times: { ...TIMES, ...times },
    local,
    queriesMax: 4,
    metrics,
    now: options.now ?? Date.now,
    random: options.random ?? Math.random,
    onError: options.onError ?? (() => undefined),
  });
  const listening = new Promise<void>((resolve) => profiles.onMissed(resolve));
  profiles.start();
  await listening;
  return {
    profiles,
    store,
    metrics,
    cache,
    stop: async () => {
      await profiles.stop();
      await channels.stop();
      commands.disconnect();
      cache.disconnect();
    },
  };
}

export type ProfileTools = {
  /** Of this chapter; open. */
  database(): Database;
  /** Stopped when the tests are over. */
  start(options?: Partial<ProcessOptions>): Promise<ProfileProcess>;
};

/** For the tests of one `describe`. */
export function profileTools(store: TestStore): ProfileTools {
  let database: Database | undefined;
  const started: ProfileProcess[] = [];
  const open = (): Database => {
    database ??= store.open();
    return database;
  };
  beforeAll(() => open().ready());
  afterAll(async () => {
    for (const { stop } of started) await stop();
  });
  return {
    database: open,
    start: async (options = {}) => {
      const one = await startProfiles({ redisUrl: sharedRedisUrl(), database: open(), ...options });
      started.push(one);
      return one;
    },
  };
}

export const newMember = (): string => uniqueBoard("member");

/** Another process's write that tells nobody: what a stale copy is compared with. */
export function writeUnheard(database: Database, member: string, displayName: string): Promise<unknown> {
  return database.run((sql: Sql) =>
    sql
      .insertInto("profiles")
      .values({ member, version: 1, display_name: displayName })
      .onConflict((conflict) =>
        conflict.column("member").doUpdateSet((eb) => ({
          version: eb("profiles.version", "+", 1),
          display_name: displayName,
          removed: false,
        })),
      )
      .execute(),
  );
}
