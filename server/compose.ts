/** The table of contents: every part in flow order, each with how it stops. `stop` is the same list backwards. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Registry as MetricsRegistry } from "prom-client";
import { systemClock } from "./base/clock.ts";
import { Lifecycle } from "./base/lifecycle.ts";
import type { Log } from "./base/log.ts";
import { Loop } from "./base/loop.ts";
import { boardFactsOf } from "./compose-admin.ts";
import { type Archiving, startArchive } from "./compose-archive.ts";
import { startCounters } from "./compose-counters.ts";
import { startPlayers, startReplication, watchProfiles } from "./compose-gateways.ts";
import { startAdmin } from "./compose-moderation.ts";
import { capacityOf, startDatabase, startProfiles, startSignIn } from "./compose-players.ts";
import { startReads } from "./compose-reads.ts";
import { redisTarget, startChannels, unready } from "./compose-redis.ts";
import { startRewardReads, startRewards } from "./compose-rewards.ts";
import { startSeasons } from "./compose-seasons.ts";
import { exportsOf, startImports, startRemoval } from "./compose-transfer.ts";
import { startWebhooks, webhooksOf } from "./compose-webhooks.ts";
import type { Config } from "./config.ts";
import type { Database } from "./database/database.ts";
import { createFeedMetrics, type FeedMetrics } from "./feed/feed-metrics.ts";
import { openFeed } from "./feed/feed-store.ts";
import type { ControlPlane } from "./gateway/control-plane.ts";
import type { Gateway } from "./gateway/gateway.ts";
import { createGatewayMetrics } from "./gateway/gateway-metrics.ts";
import { GatewayServer } from "./gateway/server.ts";
import { createStoreMetrics } from "./gateway/store-metrics.ts";
import { HeldReview } from "./ingest/held-review.ts";
import { Ingest } from "./ingest/ingest.ts";
import type { OpenBoard } from "./leaderboard/board.ts";
import { createRedisBoardRepository } from "./leaderboard/board-repository.ts";
import { createBoardsFrom } from "./leaderboard/boards-file.ts";
import { createHasher, type Hasher } from "./leaderboard/hashing.ts";
import { Registry } from "./leaderboard/registry.ts";
import { Merger } from "./merger/merger.ts";
import { createMergerMetrics } from "./merger/merger-metrics.ts";
import * as options from "./options.ts";
import { checkRedis, enforceFindings } from "./redis/boot-checks.ts";
import type { Channels } from "./redis/channels.ts";
import { type ConnectOptions, connectCommand, type RedisTarget } from "./redis/connect.ts";
import { isFull } from "./redis/memory.ts";
import { registerScripts } from "./redis/scripts.ts";
import type { RedisStore } from "./redis/store.ts";

export type Running = {
  /** The port that HTTP and sockets are on; 0 without the gateway role. */
  port: number;
  target: RedisTarget;
  registry: Registry;
  database: Database;
  /** Without the gateway role there is none. */
  control: ControlPlane | undefined;
  /** @returns names of the parts that did not stop in time */
  stop(): Promise<string[]>;
};

export type Surroundings = {
  log: Log;
  /** Lines for the person who started us: what is being installed. */
  say: (line: string) => void;
  /** The process cannot go on. */
  onFatal: (error: Error) => void;
  /** Another process of ours has seen to the first admin key. */
  firstKeyMade?: boolean;
  /** Where everything is counted; one of its own when absent. */
  metrics?: MetricsRegistry;
};

/** Build and start everything that `config.ROLES` asks for. When a part fails, those before it are stopped and its error is thrown. */
export async function compose(config: Config, surroundings: Surroundings): Promise<Running> {
  const parts = new Lifecycle(surroundings.log);
  const stop = (): Promise<string[]> => parts.stop(config.SHUTDOWN_MS);
  try {
    return { ...(await build(config, surroundings, parts)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

export type Base = {
  config: Config;
  around: Surroundings;
  parts: Lifecycle;
  metrics: MetricsRegistry;
  feedMetrics: FeedMetrics;
  connecting: ConnectOptions;
  /** What must outlive Redis; opened at its first question. */
  database: Database;
  /** A connection of its own for commands, which may take `moreMs` more; so that one part's load does not hold up another's. */
  commands: (name: string, moreMs?: number) => Promise<RedisStore>;
};

async function build(config: Config, around: Surroundings, parts: Lifecycle): Promise<Omit<Running, "stop">> {
  const { log } = around;
  const metrics = around.metrics ?? new MetricsRegistry();
  const target = await redisTarget(config, around, parts);
  const connecting = { target, log, commandTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS };
  const commands = async (name: string, moreMs = 0): Promise<RedisStore> => {
    const commandTimeoutMs = connecting.commandTimeoutMs + moreMs;
    const connect = (): Promise<RedisStore> => connectCommand({ ...connecting, commandTimeoutMs });
    const redis = await parts.start(name, connect, (connection) => connection.disconnect());
    registerScripts(redis);
    return redis;
  };
  const feedMetrics = createFeedMetrics(metrics);
  const database = await startDatabase(config, log, parts);
  const base: Base = { config, around, parts, metrics, feedMetrics, connecting, database, commands };
  const redis = await commands("redis connection");
  if (config.REDIS_URL !== undefined) {
    enforceFindings(await checkRedis(redis), { production: config.NODE_ENV === "production", log });
  }
  const registry = await startRegistry(base, redis);
  const channels = await startChannels(base, redis);
  if (config.ROLES.includes("merger")) await startMerger(base, channels, registry);
  if (config.ROLES.includes("seasons")) await startSeasons(base, registry);
  await startRewards(base);
  await startWebhooks(base, registry);
  const archiving = await startArchive(base, channels);
  const gateway = config.ROLES.includes("gateway")
    ? await startGateway(base, { redis, channels, registry, archiving })
    : { port: 0, control: undefined };
  return { ...gateway, target, registry, database };
}

async function startRegistry({ config, around, parts }: Base, redis: RedisStore): Promise<Registry> {
  const repository = createRedisBoardRepository(redis);
  const openBoardFeed = (open: OpenBoard): Promise<void> => openFeed(redis, options.feedOf(open));
  const registry = new Registry({ redis, repository, clock: systemClock, openFeed: openBoardFeed });
  await registry.refresh();
  if (config.BOARDS_FILE !== undefined) await createBoardsFrom(resolve(config.BOARDS_FILE), registry);
  const loop = new Loop({
    everyMs: 1_000,
    step: () => registry.refresh(),
    onError: (error) => around.log.debug({ err: error }, "could not refresh the boards"),
  });
  await parts.start(
    "registry",
    () => loop.start(),
    () => loop.stop(),
  );
  return registry;
}

async function startMerger(
  { config, around, parts, metrics, commands }: Base,
  channels: Channels,
  registry: Registry,
) {
  const redis = await commands("merger's redis connection");
  const merger = new Merger({
    ...options.mergerOptions(config),
    redis,
    channels,
    boards: () => registry.boards,
    now: systemClock.now,
    log: around.log,
    metrics: createMergerMetrics(metrics),
  });
  await parts.start(
    "merger",
    () => merger.start(),
    () => merger.stop(),
  );
}

export type GatewayNeeds = { redis: RedisStore; channels: Channels; registry: Registry };

async function startGateway(
  base: Base,
  needs: GatewayNeeds & { archiving: Archiving },
): Promise<{ port: number; control: ControlPlane }> {
  const { config, around, parts, metrics } = base;
  const { redis, channels, registry } = needs;
  const { log } = around;
  const hasher = await createHasher();
  createStoreMetrics(metrics, redis);
  const players = await startPlayers(base, needs);
  const watched = watchProfiles(await startProfiles(base, needs), registry);
  const reads = await startReads(base, { ...needs, ...watched, hasher });
  players.control.onMoved((board, members) => reads.standings.hint(board, members));
  const admin = await startAdmin(base, { ...needs, ...reads, ...players, hasher });
  const ingest = await startIngest(base, { registry, hasher, ...reads, ...players, ...admin });
  const gateway: Gateway = {
    registry,
    ingest,
    replication: await startReplication(base, ingest),
    held: new HeldReview({ redis, ingest }),
    ...reads,
    ...players,
    ...watched,
    ...admin,
    ...(await startRewardReads(base, needs, players)),
    ...webhooksOf(base, redis),
    ...(await startImports(base, { ...needs, ...admin, hasher })),
    profileWriters: config.PROFILE_WRITERS,
    ...(await startSignIn(base, needs)),
    ...(await startCounters(base, needs)),
    limits: options.gatewayLimits(config),
    origins: config.ALLOWED_ORIGINS === "*" ? "*" : config.ALLOWED_ORIGINS.split(","),
    log,
    metrics,
    counters: createGatewayMetrics(metrics),
    unready: () => unready(redis, channels),
    capacity: capacityOf(base, needs),
    ...boardFactsOf(base, needs),
    ...exportsOf(base, needs),
    removal: await startRemoval(base, needs),
    degraded: () => degradedParts(base, needs),
    webRoot: builtPage(),
  };
  const server = new GatewayServer(gateway, { host: config.HOST, port: config.PORT });
  await parts.start(
    "gateway",
    () => server.start(),
    () => server.stop(),
  );
  return { port: server.port, control: gateway.control };
}

async function startIngest(
  { config, around, parts, commands }: Base,
  needs: Pick<Gateway, "registry" | "standings" | "control" | "bans"> & { hasher: Hasher },
): Promise<Ingest> {
  const { registry, hasher, standings, control, bans } = needs;
  const ingest = new Ingest({
    ...options.ingestOptions(config),
    redis: await commands("ingest's redis connection"),
    hasher,
    clock: systemClock,
    log: around.log,
    boards: registry.boards,
    admit: (open, member) => bans.admit(open, member),
    onAccepted: (open, place, n, hidden) => {
      // Others are told nothing of it, but the player is.
      if (hidden) standings.hint(open.board.id, [place.member]);
      else standings.acknowledged(open, place, n);
      control.hintMoved(open.board.id, [place.member]);
    },
  });
  await parts.start(
    "ingest",
    () => undefined,
    () => ingest.drain(),
  );
  return ingest;
}

async function degradedParts(
  { database }: Base,
  { redis, registry, archiving }: GatewayNeeds & { archiving: Archiving },
): Promise<string[]> {
  const named = [
    ...((await isFull(redis)) ? ["store_full"] : []),
    ...(database.isAway ? ["database"] : []),
    ...(registry.lost.size > 0 ? ["store_lost"] : []),
    ...archiving.degraded(),
  ];
  return [...new Set(named)];
}

/** The page, if `npm run build` or `npm start` has built it. */
function builtPage(): string | undefined {
  const root = fileURLToPath(new URL("../web/dist", import.meta.url));
  return existsSync(root) ? root : undefined;
}
