/**
 * The kinds of Redis connection, by name. Nothing is left to ioredis's defaults that matters to us.
 *
 * A command either reaches Redis once on a live connection or fails at once: no offline queue and no silent
 * resend, because what may be sent twice, and in which order, is decided by the callers (`ingest/`).
 */
import { Cluster, Redis, type RedisOptions } from "ioredis";
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { createRateLimitedLog, type Log } from "../base/log.ts";
import { type Endpoint, parseRedisUrl, type RedisAddress } from "./redis-url.ts";
import type { RedisStore } from "./store.ts";

/** Where Redis is: REDIS_URL in any of its forms, or the unix socket of the managed one. */
export type RedisTarget = { url: string } | { path: string };

export type ConnectOptions = {
  target: RedisTarget;
  log: Log;
  /** A command without a reply in this time fails. */
  commandTimeoutMs: number;
  /** How long the first connection may take; by default `READY_MS`. */
  readyMs?: number;
};

const RECONNECT = { firstMs: 50, capMs: 2000 };
/** How long a start may take to find a Redis, or a cluster that serves. */
const READY_MS = 10_000;
const SLOTS_REFRESH_MS = 5_000;

/** For requests and scripts: fails fast while Redis is away. On a cluster, `batch.ts` is the way for all but single commands. */
export function connectCommand(options: ConnectOptions): Promise<RedisStore> {
  const own = commandOptions(options);
  const address = addressOf(options.target);
  return address.kind === "cluster"
    ? connectCluster("command", options, address, own)
    : connectOne("command", options, address, own);
}

/** For a cache: as for commands, but one server that is away, at the start too, is looked for in the background. */
export async function connectCache(options: ConnectOptions): Promise<RedisStore> {
  const address = addressOf(options.target);
  if (address.kind === "cluster") return connectCommand(options);
  const redis = createOne("cache", options, address, commandOptions(options));
  await redis.connect().catch(() => undefined);
  return redis;
}

/**
 * For `Channels`: one pub/sub connection to the Redis of the settings, or to one node of its cluster. Comes back by itself, but not
 * its subscriptions: ioredis takes them up without looking at what Redis answers. Not connected yet when it is returned.
 */
export function createListener(options: ConnectOptions, node: Endpoint | undefined): Redis {
  const own: OwnOptions = {
    enableOfflineQueue: false,
    socketTimeout: 2 * options.commandTimeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
  };
  return createOne("listener", options, addressOf(options.target), { ...own, ...node });
}

function commandOptions({ commandTimeoutMs }: ConnectOptions): OwnOptions {
  return {
    commandTimeout: commandTimeoutMs,
    // A connection that has gone silent without an end (a lost host, a forgotten NAT entry) is given up for a fresh one.
    socketTimeout: 2 * commandTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  };
}

type OwnOptions = Omit<RedisOptions, "replyMapping">;
type ExplicitOptions = OwnOptions & { replyMapping: "legacy" };

function addressOf(target: RedisTarget): RedisAddress {
  return "url" in target ? parseRedisUrl(target.url) : { kind: "socket", path: target.path };
}

function explicit(kind: string, own: OwnOptions): ExplicitOptions {
  return {
    lazyConnect: true,
    connectionName: `rankwire-${kind}`,
    connectTimeout: 10_000,
    // RESP2: numbers arrive as Redis wrote them. Under RESP3 ioredis 6.0.0 decodes doubles and big integers wrongly.
    protocol: 2,
    replyMapping: "legacy",
    retryStrategy: (attempt: number) => backoffMs(attempt, RECONNECT) + 10,
    ...own,
  };
}

async function connectOne(
  kind: string,
  options: ConnectOptions,
  address: RedisAddress,
  own: OwnOptions,
): Promise<Redis> {
  const redis = createOne(kind, options, address, own);
  const { readyMs = READY_MS } = options;
  const tried = new AbortController();
  const late = sleep(readyMs, tried.signal).then(() => {
    // ioredis looks for Sentinels without an end.
    if (!tried.signal.aborted) throw new Error(`Redis could not be reached within ${readyMs} ms.`);
  });
  try {
    await Promise.race([redis.connect(), late]);
  } catch (error) {
    redis.disconnect();
    throw error;
  } finally {
    tried.abort();
  }
  return redis;
}

function createOne(kind: string, { log }: ConnectOptions, address: RedisAddress, own: OwnOptions): Redis {
  const redis = newRedis(address, explicit(kind, own));
  redis.on("error", errorLog(kind, log));
  return redis;
}

function newRedis(address: RedisAddress, options: ExplicitOptions): Redis {
  switch (address.kind) {
    case "single":
      return new Redis(address.url, options);
    case "socket":
      return new Redis({ ...options, path: address.path });
    case "cluster":
      return new Redis({ ...options, ...address.credentials, ...(address.tls ? { tls: {} } : {}) });
    case "sentinel": {
      const { username, password } = address.sentinelCredentials;
      return new Redis({
        ...options,
        ...address.credentials,
        sentinels: address.sentinels,
        name: address.master,
        db: address.db,
        ...(username === undefined ? {} : { sentinelUsername: username }),
        ...(password === undefined ? {} : { sentinelPassword: password }),
        // No failoverDetector: it cuts a connection that is just looking for the next master, which then ends for good. A master that
        // was demoted drops its clients by itself, and one that hangs is given up by socketTimeout.
        sentinelRetryStrategy: (attempt) => backoffMs(attempt, RECONNECT) + 10,
      });
    }
  }
}

async function connectCluster(
  kind: string,
  { log }: ConnectOptions,
  address: Extract<RedisAddress, { kind: "cluster" }>,
  { enableOfflineQueue, ...own }: OwnOptions,
): Promise<Cluster> {
  const { retryStrategy, ...node } = explicit(kind, own);
  const cluster = new Cluster(address.nodes, {
    lazyConnect: true,
    redisOptions: { ...node, ...address.credentials, ...(address.tls ? { tls: {} } : {}) },
    ...(address.tls ? { dnsLookup: (host, done) => done(null, host) } : {}),
    enableOfflineQueue: enableOfflineQueue ?? false,
    scaleReads: "master",
    clusterRetryStrategy: (attempt) => backoffMs(attempt, RECONNECT) + 10,
    clusterNodeRetryStrategy: (attempt) => backoffMs(attempt, RECONNECT) + 10,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: 1_000,
    // A single command is redirected for about as long as its timeout, and then fails.
    maxRedirections: 16,
    retryDelayOnFailover: 100,
    retryDelayOnClusterDown: 100,
    retryDelayOnTryAgain: 50,
    retryDelayOnMoved: 0,
  });
  const logged = errorLog(kind, log);
  cluster.on("error", logged);
  cluster.on("node error", logged);
  await untilReady(cluster);
  return cluster;
}

/** ioredis keeps trying while the cluster is down, and then its promise never settles: so the event decides, or the time. */
async function untilReady(cluster: Cluster): Promise<void> {
  const ready = new AbortController();
  let last: Error | undefined;
  const note = (error: Error): void => {
    last = error;
  };
  cluster.on("ready", () => ready.abort());
  cluster.on("error", note);
  cluster.connect().catch(note);
  await sleep(READY_MS, ready.signal);
  cluster.off("error", note);
  if (ready.signal.aborted) return;
  cluster.disconnect();
  const reason = last?.message ?? "it does not say cluster_state:ok";
  throw new Error(`The Redis Cluster of REDIS_URL was not ready within ${READY_MS} ms: ${reason}`);
}

/** ioredis floods during a failover. */
function errorLog(kind: string, log: Log): (error: Error) => void {
  const limited = createRateLimitedLog(5_000);
  return (error) => {
    limited(error.message, (skipped) => log.warn({ kind, err: error.message, skipped }, "redis connection"));
  };
}
