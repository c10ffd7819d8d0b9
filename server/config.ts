/**
 * Every setting, once: its environment variable, default, unit and a line of documentation. Parsed at start, frozen, refused if wrong.
 * `docs/settings.md` is made from this table.
 */
import { z } from "zod";
import { archiveSettings } from "./settings/archive.ts";
import { commandSettings } from "./settings/commands.ts";
import { exportSettings } from "./settings/export.ts";
import { historySettings } from "./settings/history.ts";
import { importSettings } from "./settings/import.ts";
import { limitSettings } from "./settings/limits.ts";
import { moderationSettings } from "./settings/moderation.ts";
import { playerSettings } from "./settings/players.ts";
import { profileSettings } from "./settings/profiles.ts";
import { rewardSettings } from "./settings/rewards.ts";
import { seasonSettings } from "./settings/seasons.ts";
import { bytes, count, flag, ms, type Setting, setting } from "./settings/setting.ts";
import { brokenSignIn, signInSettings } from "./settings/sign-in.ts";
import { webhookSettings } from "./settings/webhooks.ts";

const ROLE_NAMES = ["gateway", "merger", "archiver", "seasons"] as const;
const roles = z
  .string()
  .default(ROLE_NAMES.join(","))
  .transform((text) => text.split(",").map((role) => role.trim()))
  .pipe(z.array(z.enum(ROLE_NAMES)).min(1));

export const settings = {
  NODE_ENV: setting(
    z.enum(["development", "test", "production"]).default("development"),
    "`production` refuses an unsafe Redis, and a start without ADMIN_KEY.",
  ),
  HOST: setting(z.string().default("127.0.0.1"), "Address to listen on; `0.0.0.0` for every interface."),
  PORT: setting(
    z.coerce.number().int().min(0).max(65_535).default(8080),
    "TCP port for HTTP and WebSocket; 0 takes a free one.",
  ),
  REDIS_URL: setting(
    z.string().min(1).optional(),
    "`redis://…`, `rediss://…` or `unix:///path`; a cluster: start nodes by comma, or one with `?cluster=true`; Sentinel: `redis+sentinel://[user:password@]host:26379,…/<master name>[/<db>]`. Unset: Rankwire runs its own Redis in DATA_DIR.",
  ),
  DATABASE_URL: setting(
    z
      .string()
      .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
      .optional(),
    "`postgres://…`, PostgreSQL 14 or newer, for keys, devices and profiles. Unset: PGlite in DATA_DIR, opened when it is first needed.",
  ),
  DATABASE_CONNECTIONS_MAX: setting(count(10), "Connections of one process to the database."),
  DATABASE_TIMEOUT_MS: setting(ms(5_000), "ms. A query without an answer in this time fails."),
  DATA_DIR: setting(
    z.string().default(".rankwire"),
    "Folder for the managed Redis and the embedded database.",
  ),
  MANAGED_NODES: setting(
    z.enum(["1", "3"]).default("1").transform(Number),
    "Masters of the managed Redis: 1, or 3 for a cluster on this machine.",
  ),
  RANKWIRE_INSTALL: setting(
    z.enum(["auto", "never"]).default("auto"),
    "`never` forbids installing redis-server when there is none.",
  ),
  ROLES: setting(roles, "What this process does: any of them, by comma."),
  ADMIN_KEY: setting(
    z.string().min(16).optional(),
    "Admin API key. Unset: one is made at the first start, printed once and kept as a hash in the database.",
  ),
  SERVER_KEY: setting(
    z.string().min(16).optional(),
    "API key of game servers. Unset: make one with `npx rankwire key create` or `POST /v1/admin/keys`.",
  ),
  BOARDS_FILE: setting(
    z.string().optional(),
    'JSON file of boards to create at start: `{"<board>": {definition}}`.',
  ),
  LOG_LEVEL: setting(
    z.enum(["fatal", "error", "warn", "info", "debug", "trace", "silent"]).default("info"),
    "Least level that is logged.",
  ),
  LOG_PRETTY: setting(flag(false), "Log lines for people instead of JSON."),
  ALLOWED_ORIGINS: setting(
    z.string().default("*"),
    "Browser origins that may call, by comma; `*` for any (tokens are not cookies).",
  ),
  TICK_MS: setting(ms(100), "ms. Pace of the merger; at most one frame a board a tick."),
  LEASE_TTL_MS: setting(ms(3_000), "ms. After a merger's death another takes over within this time."),
  MERGER_QUIET_MS: setting(ms(10_000), "ms. A board without changes for this long is no longer ticked."),
  SWEEP_MS: setting(ms(10_000), "ms. Unannounced boards are looked at this often, within the next setting."),
  SWEEP_SHARDS_PER_SECOND: setting(count(64), "Shards that the sweep looks at per second, at most."),
  INDEX_MS: setting(
    ms(1_000),
    "ms. The rank index of a board that somebody looks at is counted anew this often, at most…",
  ),
  INDEX_SHARE: setting(
    z.coerce.number().min(0.001).max(0.5).default(0.05),
    "Share of a Redis's time. …and all indexes together take no more than this: the period stretches.",
  ),
  FEED_RETENTION_MS: setting(ms(60_000), "ms. Frames can be resumed for at least this long…"),
  FEED_RETENTION_BYTES: setting(
    bytes(16 * 1024 * 1024),
    "bytes. …but a board's frames never take more than this.",
  ),
  FEED_MESSAGE_BYTES_MAX: setting(
    bytes(64 * 1024),
    "bytes. A larger frame is published by its position only.",
  ),
  FEED_CHECK_MS: setting(ms(5_000), "ms. Followed feeds are compared with Redis this often."),
  FEED_PROBE_MS: setting(ms(5_000), "ms. The pub/sub connection must bring back a probe this often."),
  FEED_LINGER_MS: setting(ms(10_000), "ms. A feed that nobody follows is kept this long."),
  RING_FRAMES_MAX: setting(count(256), "Frames a view keeps in a gateway's memory for those who come back."),
  RING_ROWS_MAX: setting(count(20_000), "Rows in all those frames."),
  BATCH_MAX: setting(
    z.coerce.number().int().min(1).max(200).default(200),
    "Submissions of one batch to one shard.",
  ),
  FLIGHTS_MAX: setting(
    z.coerce.number().int().min(1).max(4).default(4),
    "Batches under way to one shard; a shard keeps 4 replies.",
  ),
  INGEST_QUEUE_MAX: setting(count(20_000), "Submissions that wait for one shard; more are `overloaded`."),
  INGEST_DEADLINE_MS: setting(ms(5_000), "ms. A batch is tried this long before it is `unavailable`."),
  DEDUP_WINDOW_MS: setting(ms(600_000), "ms. An id is remembered at least this long."),
  DEDUP_IDS_MAX: setting(count(1_000_000), "Ids of one shard in one window; more are `overloaded`."),
  REPLICA_ACK_MS: setting(
    ms(1_000),
    'ms. `ack: "replica"` waits this long for a replica, and up to as long again for the wait before it.',
  ),
  PRODUCER_IDLE_MS: setting(
    ms(3_600_000),
    "ms. A producer that sent nothing for this long is forgotten by the shard.",
  ),
  REDIS_COMMAND_TIMEOUT_MS: setting(ms(2_000), "ms. A Redis command without a reply in this time fails."),
  SOCKETS_MAX: setting(count(10_000), "Sockets of one process; more are refused before the upgrade."),
  SUBSCRIPTIONS_MAX: setting(count(32), "Views, ranks and windows one socket may follow."),
  STANDINGS_PER_SECOND: setting(
    count(10_000),
    "Pushed ranks a second of one process; over it the largest relative changes go first.",
  ),
  WINDOW_READS_PER_SECOND: setting(
    count(200),
    "Live windows round players that one process reads from Redis a second; over it they wait.",
  ),
  LIST_MEMBERS_MAX: setting(count(500), "Members of one live list, such as a player's friends."),
  SSE_MAX: setting(count(1_000), "Server-sent-event readers of one process."),
  MESSAGE_BYTES_MAX: setting(bytes(24 * 1024), "bytes. A larger socket message closes the connection."),
  HTTP_BODY_BYTES_MAX: setting(bytes(4 * 1024 * 1024), "bytes. A larger request body is refused."),
  SUBMISSIONS_MAX: setting(count(10_000), "Submissions of one HTTP call."),
  MEMBERS_MAX: setting(count(5_000), "Members of one HTTP question."),
  RANK_COUNTS_MAX: setting(
    count(40_000),
    "Members × shards of one HTTP question for ranks: what it may cost Redis.",
  ),
  CONTROL_PLANE: setting(
    z
      .enum(["on", "off"])
      .default("on")
      .transform((text) => text === "on"),
    "`off`: gateways tell each other nothing. Sign-outs then wait for the check of sessions, notices stay on one gateway.",
  ),
  LAG_PACKETS_MAX: setting(count(8), "Packets that may wait for a socket before it counts as lagging."),
  LAG_MS_MAX: setting(ms(10_000), "ms. A socket that lags this long is closed with `slow_consumer`."),
  STOP_GRACE_MS: setting(ms(3_000), "ms. Requests under way may take this long when the process stops."),
  SHUTDOWN_MS: setting(ms(10_000), "ms. All services together must have stopped within this time."),
  ...archiveSettings,
  ...importSettings,
  ...historySettings,
  ...moderationSettings,
  ...playerSettings,
  ...profileSettings,
  ...limitSettings,
  ...signInSettings,
  ...seasonSettings,
  ...rewardSettings,
  ...exportSettings,
  ...commandSettings,
  ...webhookSettings,
} as const satisfies Record<string, Setting>;

type Settings = typeof settings;
export type Config = { readonly [Name in keyof Settings]: z.output<Settings[Name]["schema"]> };

/** @throws Error naming every setting that is wrong, and how */
export function parseConfig(env: Environment): Config {
  const { values, wrong } = parse(settings, env);
  if (wrong.length === 0) wrong.push(...brokenRelations(values as Config));
  if (wrong.length > 0) throw wrongSettings(wrong);
  return Object.freeze(values as Config);
}

/** As far as it can be read: what is wrong, and the settings, with the default in place of each that is. */
export function readConfig(env: Environment): { config: Config; wrong: string[] } {
  const { values, wrong } = parse(settings, env);
  for (const [name, { schema }] of Object.entries(settings)) {
    if (!(name in values)) values[name] = schema.safeParse(undefined).data;
  }
  const config = values as Config;
  return { config, wrong: wrong.length > 0 ? wrong : brokenRelations(config) };
}

export type Environment = Readonly<Record<string, string | undefined>>;

function parse(
  table: Record<string, Setting>,
  env: Environment,
): { values: Record<string, unknown>; wrong: string[] } {
  const values: Record<string, unknown> = {};
  const wrong: string[] = [];
  for (const [name, { schema, doc }] of Object.entries(table)) {
    const parsed = schema.safeParse(env[name] === "" ? undefined : env[name]);
    if (parsed.success) values[name] = parsed.data;
    else wrong.push(`${name}: ${parsed.error.issues[0]?.message} (${doc})`);
  }
  return { values, wrong };
}

function wrongSettings(wrong: readonly string[]): Error {
  return new Error(`Settings are wrong:\n  ${wrong.join("\n  ")}`);
}

/** What must hold between settings. */
function brokenRelations(config: Config): string[] {
  const broken: string[] = [];
  if (config.LEASE_TTL_MS < 5 * config.TICK_MS) broken.push("LEASE_TTL_MS must be at least 5 × TICK_MS");
  if (config.SESSION_IDLE_MS > config.SESSION_MAX_MS)
    broken.push("SESSION_IDLE_MS must not be above SESSION_MAX_MS");
  if (config.PROFILE_REFRESH_MS >= config.PROFILE_TTL_MS)
    broken.push("PROFILE_REFRESH_MS must be below PROFILE_TTL_MS");
  if (config.DEDUP_WINDOW_MS <= config.INGEST_DEADLINE_MS)
    broken.push("DEDUP_WINDOW_MS must be above INGEST_DEADLINE_MS");
  if (config.PRODUCER_IDLE_MS <= 2 * config.INGEST_DEADLINE_MS)
    broken.push("PRODUCER_IDLE_MS must be above 2 × INGEST_DEADLINE_MS");
  if (config.WEBHOOK_BACKOFF_MS > config.WEBHOOK_BACKOFF_MAX_MS)
    broken.push("WEBHOOK_BACKOFF_MS must not be above WEBHOOK_BACKOFF_MAX_MS");
  if (config.HISTORY_MS >= config.FEED_RETENTION_MS)
    broken.push("HISTORY_MS must be below FEED_RETENTION_MS");
  if (config.STOP_GRACE_MS >= config.SHUTDOWN_MS) broken.push("STOP_GRACE_MS must be below SHUTDOWN_MS");
  const production = config.NODE_ENV === "production";
  if (production && config.ADMIN_KEY === undefined) {
    broken.push("ADMIN_KEY must be set under NODE_ENV=production");
  }
  broken.push(...brokenSignIn(config));
  return broken;
}

/** The settings of this process's environment. */
export function configFromEnvironment(): Config {
  return parseConfig(process.env);
}

/** All that this process's environment holds, for who looks for what is not a setting. */
export function wholeEnvironment(): Environment {
  return process.env;
}

/** What the command line sets, for this process and those that it forks. Before anything reads a setting. */
export function overrideEnvironment(values: Environment): void {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) process.env[name] = value;
  }
}

/** What a command needs that only calls a server: no other setting of this environment is looked at. @throws Error as parseConfig */
export function callSettings(env: Environment): Pick<Config, keyof typeof commandSettings> {
  const { values, wrong } = parse(commandSettings, env);
  if (wrong.length > 0) throw wrongSettings(wrong);
  return values as Pick<Config, keyof typeof commandSettings>;
}
