/** Profiles as a gateway has them, on a Redis of the bench's own and PGlite in a temporary folder. */
import { rmSync } from "node:fs";
import { Registry } from "prom-client";
import { createLog } from "../../../server/base/log.ts";
import { parseConfig } from "../../../server/config.ts";
import { Database } from "../../../server/database/database.ts";
import { databaseOptions, profilesOptions } from "../../../server/options.ts";
import { createProfileMetrics, type ProfileMetrics } from "../../../server/profiles/profile-metrics.ts";
import { ProfileStore } from "../../../server/profiles/profile-store.ts";
import { Profiles } from "../../../server/profiles/profiles.ts";
import { Channels } from "../../../server/redis/channels.ts";
import { createListener } from "../../../server/redis/connect.ts";
import { newDataFolder } from "../../processes/data-folder.ts";
import type { BenchRedis } from "../../processes/redis-server.ts";

const log = createLog({ level: "error", pretty: false });

/** A table of its own, removed by `close`. */
export function openTable(): { database: Database; close: () => Promise<void> } {
  const dataDir = newDataFolder();
  const database = new Database({ ...databaseOptions(parseConfig({ DATA_DIR: dataDir })), log });
  return {
    database,
    close: async () => {
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export type ProfileProcess = { profiles: Profiles; metrics: ProfileMetrics; stop: () => Promise<void> };

export async function startProfiles(server: BenchRedis, database: Database): Promise<ProfileProcess> {
  const redis = await server.connect();
  const onError = (error: unknown): void => log.error({ err: error }, "profiles");
  const channels = new Channels({
    create: () => createListener({ target: { url: server.url }, log, commandTimeoutMs: 2_000 }, undefined),
    commands: redis,
    probeEveryMs: 5_000,
    onProbeLost: () => undefined,
    onError,
  });
  channels.start();
  const metrics = createProfileMetrics(new Registry());
  const profiles = new Profiles({
    ...profilesOptions(parseConfig({})),
    store: new ProfileStore(database),
    cache: redis,
    channels,
    commands: redis,
    metrics,
    now: Date.now,
    random: Math.random,
    onError,
  });
  const listening = new Promise<void>((resolve) => profiles.onMissed(resolve));
  profiles.start();
  await listening;
  return {
    profiles,
    metrics,
    stop: async () => {
      await profiles.stop();
      await channels.stop();
    },
  };
}
