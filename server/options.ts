/** Each room's slice of the settings. */
import type { CapacityBounds } from "./cli/capacity-plan.ts";
import type { Config } from "./config.ts";
import type { DatabaseOptions } from "./database/database.ts";
import type { FeedLimits, FeedOf } from "./feed/feed-store.ts";
import type { HubOptions } from "./feed/hub.ts";
import type { GatewayLimits } from "./gateway/gateway.ts";
import type { PipeLimits } from "./ingest/shard-pipe.ts";
import type { OpenBoard } from "./leaderboard/board.ts";
import type { DedupLimits } from "./leaderboard/submit-batch.ts";
import type { LimitSizes } from "./limits/limits.ts";
import type { MergerOptions } from "./merger/merger.ts";
import type { ProfilesOptions } from "./profiles/profiles.ts";
import type { JwtOptions } from "./sessions/jwt-sign-in.ts";
import type { SessionLimits } from "./sessions/sessions.ts";
import type { StandingsOptions } from "./standings/standings.ts";
import type { ImportSizes } from "./transfer/imports.ts";
import type { DelivererOptions } from "./webhooks/deliverer.ts";
import { resolveByDns } from "./webhooks/target.ts";

/** A board as the feed room knows it. */
export function feedOf({ board, season, feed }: OpenBoard): FeedOf {
  return { board: board.id, incarnation: season.incarnation, keys: feed };
}

export function feedLimits(config: Config): FeedLimits {
  return {
    retentionMs: config.FEED_RETENTION_MS,
    retentionBytes: config.FEED_RETENTION_BYTES,
    messageBytesMax: config.FEED_MESSAGE_BYTES_MAX,
  };
}

type Connected = "redis" | "channels" | "boards" | "now" | "log" | "metrics";

export function mergerOptions(config: Config): Omit<MergerOptions, Connected> {
  return {
    feed: feedLimits(config),
    tickMs: config.TICK_MS,
    leaseTtlMs: config.LEASE_TTL_MS,
    quietMs: config.MERGER_QUIET_MS,
    sweepMs: config.SWEEP_MS,
    sweepShardsPerSecond: config.SWEEP_SHARDS_PER_SECOND,
    indexMs: config.INDEX_MS,
    indexShare: config.INDEX_SHARE,
  };
}

export function ingestOptions(config: Config): { limits: PipeLimits; dedup: DedupLimits } {
  return {
    limits: {
      batchMax: config.BATCH_MAX,
      flightsMax: config.FLIGHTS_MAX,
      queueMax: config.INGEST_QUEUE_MAX,
      deadlineMs: config.INGEST_DEADLINE_MS,
    },
    dedup: {
      dedupWindowMs: config.DEDUP_WINDOW_MS,
      idsMax: config.DEDUP_IDS_MAX,
      logEntriesMax: config.LOG_ENTRIES_MAX,
      logBytesMax: config.LOG_BYTES_MAX,
      logFull: config.LOG_FULL,
      producerIdleMs: config.PRODUCER_IDLE_MS,
      heldMax: config.HELD_MAX,
    },
  };
}

export function importSizes(config: Config): ImportSizes {
  return {
    body: { bytesMax: config.IMPORT_BODY_BYTES_MAX, idleMs: config.IMPORT_IDLE_MS },
    lineMax: config.IMPORT_LINE_MAX,
    errorsMax: config.IMPORT_ERRORS_MAX,
    importsMax: config.IMPORTS_MAX,
    keepMs: config.IMPORT_KEEP_MS,
    patienceMs: config.IMPORT_WAIT_MS,
  };
}

export function hubOptions(config: Config): Omit<HubOptions, "redis" | "channels" | "metrics" | "onError"> {
  return {
    ring: { framesMax: config.RING_FRAMES_MAX, rowsMax: config.RING_ROWS_MAX },
    checkEveryMs: config.FEED_CHECK_MS,
    lingerMs: config.FEED_LINGER_MS,
    openTimeoutMs: config.REDIS_COMMAND_TIMEOUT_MS,
  };
}

export function sessionLimits(config: Config): SessionLimits {
  return {
    idleMs: config.SESSION_IDLE_MS,
    maxMs: config.SESSION_MAX_MS,
    keptMax: config.SESSIONS_PER_PLAYER_MAX,
  };
}

export function limitSizes(config: Config): LimitSizes {
  const quota = (limit: number) => ({ limit, windowMs: config.HTTP_WINDOW_MS });
  const signIns = (limit: number) => ({ limit, windowMs: config.SIGN_IN_WINDOW_MS });
  return {
    requests: {
      key: quota(config.HTTP_KEY_REQUESTS),
      player: quota(config.HTTP_PLAYER_REQUESTS),
      address: quota(config.HTTP_ADDRESS_REQUESTS),
    },
    signIns: {
      address: signIns(config.SIGN_INS_PER_ADDRESS),
      player: signIns(config.SIGN_INS_PER_PLAYER),
    },
    submissions: {
      player: { perSecond: config.SUBMISSIONS_PER_SECOND, burst: config.SUBMISSIONS_BURST },
      socket: { perSecond: config.SOCKET_SUBMISSIONS_PER_SECOND, burst: config.SOCKET_SUBMISSIONS_BURST },
    },
    connections: { perSecond: config.CONNECTIONS_PER_SECOND, burst: config.CONNECTIONS_BURST },
  };
}

export function standingsOptions(
  config: Config,
): Pick<StandingsOptions, "sendsPerSecond" | "windowReadsPerSecond"> {
  return {
    sendsPerSecond: config.STANDINGS_PER_SECOND,
    windowReadsPerSecond: config.WINDOW_READS_PER_SECOND,
  };
}

export function gatewayLimits(config: Config): GatewayLimits {
  return {
    socketsMax: config.SOCKETS_MAX,
    subscriptionsMax: config.SUBSCRIPTIONS_MAX,
    sseMax: config.SSE_MAX,
    messageBytesMax: config.MESSAGE_BYTES_MAX,
    httpBodyBytesMax: config.HTTP_BODY_BYTES_MAX,
    submissionsMax: config.SUBMISSIONS_MAX,
    membersMax: config.MEMBERS_MAX,
    lagPacketsMax: config.LAG_PACKETS_MAX,
    lagMsMax: config.LAG_MS_MAX,
    rankCountsMax: config.RANK_COUNTS_MAX,
    listMembersMax: config.LIST_MEMBERS_MAX,
    stopGraceMs: config.STOP_GRACE_MS,
  };
}

export function databaseOptions(config: Config): Omit<DatabaseOptions, "log"> {
  return {
    url: config.DATABASE_URL,
    dataDir: config.DATA_DIR,
    connectionsMax: config.DATABASE_CONNECTIONS_MAX,
    timeoutMs: config.DATABASE_TIMEOUT_MS,
  };
}

export function profilesOptions(config: Config): Pick<ProfilesOptions, "times" | "local" | "queriesMax"> {
  return {
    times: {
      ttlMs: config.PROFILE_TTL_MS,
      refreshMs: config.PROFILE_REFRESH_MS,
      negativeTtlMs: config.PROFILE_NEGATIVE_TTL_MS,
      leaseMs: config.PROFILE_LEASE_MS,
      // A write waits for the cache, and then the commit may take as long as a query.
      tombstoneMs: 2 * (config.DATABASE_TIMEOUT_MS + config.REDIS_COMMAND_TIMEOUT_MS),
      untoldMax: 10_000,
    },
    local: {
      keptMax: config.PROFILE_LOCAL_MAX,
      charactersMax: config.PROFILE_LOCAL_BYTES,
      ttlMs: config.PROFILE_LOCAL_TTL_MS,
    },
    queriesMax: config.PROFILE_QUERIES_MAX,
  };
}

const PUBLIC_KEY_ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"];

/** Undefined where JWT sign-in is off. */
export function jwtOptions(config: Config): JwtOptions | undefined {
  const { JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_JWKS_URL: jwksUrl, JWT_KEY: text } = config;
  if (issuer === undefined || audience === undefined) return undefined;
  const isShared = text !== undefined && !text.includes("-----BEGIN ");
  return {
    issuer,
    audience,
    keys: text === undefined ? { jwksUrl: jwksUrl as string } : { text },
    algorithms: config.JWT_ALGORITHMS ?? (isShared ? ["HS256"] : PUBLIC_KEY_ALGORITHMS),
    memberClaim: config.JWT_MEMBER_CLAIM,
    toleranceMs: config.JWT_TOLERANCE_MS,
    jwks: {
      cacheMs: config.JWT_JWKS_CACHE_MS,
      cooldownMs: config.JWT_JWKS_COOLDOWN_MS,
      timeoutMs: config.JWT_JWKS_TIMEOUT_MS,
    },
  };
}

/** A claim outlasts its attempt by what the database may take to settle it. */
export function delivererOptions(
  config: Config,
): Pick<DelivererOptions, "limits" | "backOff" | "attemptsMax" | "concurrency" | "pollMs" | "leaseMs"> {
  return {
    limits: {
      timeoutMs: config.WEBHOOK_TIMEOUT_MS,
      responseBytesMax: config.WEBHOOK_RESPONSE_BYTES_MAX,
      privateTargets: config.WEBHOOK_PRIVATE_TARGETS,
      resolve: resolveByDns,
    },
    backOff: { firstMs: config.WEBHOOK_BACKOFF_MS, capMs: config.WEBHOOK_BACKOFF_MAX_MS },
    attemptsMax: config.WEBHOOK_ATTEMPTS_MAX,
    concurrency: config.WEBHOOK_CONCURRENCY,
    pollMs: config.WEBHOOK_POLL_MS,
    leaseMs: config.WEBHOOK_TIMEOUT_MS + 2 * config.DATABASE_TIMEOUT_MS,
  };
}

/** The settings bound what may grow, so that a memory plan follows them. */
export function capacityBounds(config: Config): CapacityBounds {
  const { DEDUP_WINDOW_MS, DEDUP_IDS_MAX, LOG_ENTRIES_MAX, BATCH_MAX } = config;
  const { FEED_RETENTION_MS, FEED_RETENTION_BYTES, TICK_MS, COUNTER_DAYS } = config;
  return {
    DEDUP_WINDOW_MS,
    DEDUP_IDS_MAX,
    LOG_ENTRIES_MAX,
    BATCH_MAX,
    FEED_RETENTION_MS,
    FEED_RETENTION_BYTES,
    TICK_MS,
    COUNTER_DAYS,
  };
}
