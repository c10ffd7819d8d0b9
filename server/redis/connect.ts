/**
 * The kinds of Redis connection, by name. Nothing is left to ioredis's defaults that matters to us.
 *
 * A command either reaches Redis once on a live connection or fails at once: no offline queue and no silent
 * resend, because what may be sent twice, and in which order, is decided by the callers (`ingest/`).
 */
import { Redis, type RedisOptions } from "ioredis";
import { backoffMs } from "../base/backoff.ts";
import { createRateLimitedLog, type Log } from "../base/log.ts";

/** Where Redis is: a URL (`unix:///path` is one), or the unix socket of the managed one. */
export type RedisTarget = { url: string } | { path: string };

export type ConnectOptions = {
  target: RedisTarget;
  log: Log;
  /** A command without a reply in this time fails. */
  commandTimeoutMs: number;
};

const RECONNECT = { firstMs: 50, capMs: 2000 };

/** For requests and scripts: fails fast while Redis is away. */
export function connectCommand(options: ConnectOptions): Promise<Redis> {
  return connect("command", options, {
    commandTimeout: options.commandTimeoutMs,
    // A connection that has gone silent without an end (a lost host, a forgotten NAT entry) is given up for a fresh one.
    socketTimeout: 2 * options.commandTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  });
}

/** For pub/sub only: waits for Redis and takes its subscriptions up again by itself. */
export function connectSubscriber(options: ConnectOptions): Promise<Redis> {
  return connect("subscriber", options, {
    enableOfflineQueue: true,
    // Also for the first words of a fresh connection: silence must not keep a rebuild waiting for ever.
    socketTimeout: 2 * options.commandTimeoutMs,
    maxRetriesPerRequest: null,
    autoResubscribe: true,
  });
}

type OwnOptions = Omit<RedisOptions, "replyMapping">;

async function connect(kind: string, { target, log }: ConnectOptions, own: OwnOptions): Promise<Redis> {
  const options: OwnOptions & { replyMapping: "legacy" } = {
    lazyConnect: true,
    connectionName: `rankwire-${kind}`,
    connectTimeout: 10_000,
    // RESP2: numbers arrive as Redis wrote them. Under RESP3 ioredis 6.0.0 decodes doubles and big integers wrongly.
    protocol: 2,
    replyMapping: "legacy",
    retryStrategy: (attempt: number) => backoffMs(attempt, RECONNECT) + 10,
    ...own,
  };
  const place = "url" in target ? placeOf(target.url) : target;
  const redis = "url" in place ? new Redis(place.url, options) : new Redis({ ...options, path: place.path });
  const limited = createRateLimitedLog(5_000);
  redis.on("error", (error: Error) => {
    limited(error.message, (skipped) => log.warn({ kind, err: error.message, skipped }, "redis connection"));
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return redis;
}

function placeOf(url: string): RedisTarget {
  return url.startsWith("unix://") ? { path: decodeURIComponent(url.slice("unix://".length)) } : { url };
}
