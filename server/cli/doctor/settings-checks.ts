/** The settings of this environment: whether they can be read, what was probably meant otherwise, and what is dangerous in production. */
import { type Config, type Environment, readConfig, settings } from "../../config.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { nearestName } from "./near-names.ts";

const { ok, warning, problem } = findingsOf("settings");

/** Read by the demo and by tests, not by the server. */
const OTHERS = ["PLAYERS", "CROWD", "TEST_LOG_LEVEL"];
/** Keys that stand in documents, or that nobody would take for one. */
const PLAIN_KEY = /change|example|secret|password|test|demo|default|admin-key|server-key|12345/i;
const DISTINCT_MIN = 7;

export function checkSettings(env: Environment): { findings: Finding[]; config: Config } {
  const { config, wrong } = readConfig(env);
  const findings = [
    ...wrong.map((text) =>
      problem(text.split(":")[0]!, text, "Set it as docs/settings.md says, or unset it."),
    ),
    ...unknownNames(Object.keys(env)),
    ...keyChecks(config),
    ...contradictions(config),
    ...(config.NODE_ENV === "production" ? dangers(config) : []),
  ];
  const set = Object.keys(settings).filter((name) => env[name]);
  const mode = ok("NODE_ENV", config.NODE_ENV);
  const names = set.join(", ") || "none, so all are defaults";
  return { config, findings: [mode, ok("set here", names), ...findings] };
}

function unknownNames(names: readonly string[]): Finding[] {
  const known = Object.keys(settings);
  return names
    .filter((name) => !known.includes(name) && !OTHERS.includes(name))
    .flatMap((name) => {
      const meant = nearestName(name, known);
      if (meant !== undefined) {
        return [warning(name, "is no setting, and does nothing", `If ${meant} is meant, name it so.`)];
      }
      if (!name.startsWith("RANKWIRE_")) return [];
      return [
        warning(
          name,
          "is no setting, and does nothing",
          "See docs/settings.md for what there is, or unset it.",
        ),
      ];
    });
}

/** Whatever the environment: a key that can be guessed opens everything. */
function keyChecks({ ADMIN_KEY, SERVER_KEY, NODE_ENV }: Config): Finding[] {
  const worse = NODE_ENV === "production" ? problem : warning;
  const remedy = "Set one that nobody guesses: openssl rand -hex 24.";
  const plain = Object.entries({ ADMIN_KEY, SERVER_KEY })
    .filter(([, key]) => key !== undefined && isPlain(key))
    .map(([name]) => worse(name, "can be guessed, or stands in a document", remedy));
  const same = ADMIN_KEY !== undefined && ADMIN_KEY === SERVER_KEY;
  if (!same) return plain;
  const found = "is the same as ADMIN_KEY, so every game server is an admin";
  return [...plain, problem("SERVER_KEY", found, "Set two different keys.")];
}

function isPlain(key: string): boolean {
  return PLAIN_KEY.test(key) || new Set(key).size < DISTINCT_MIN;
}

function contradictions(config: Config): Finding[] {
  const found: Finding[] = [];
  const { REDIS_URL, CACHE_REDIS_URL, MANAGED_NODES, ROLES, LOG_FULL, RANKWIRE_URL, RANKWIRE_KEY } = config;
  if (REDIS_URL !== undefined && MANAGED_NODES > 1) {
    const change = "Unset MANAGED_NODES, or REDIS_URL to have the managed cluster.";
    found.push(warning("MANAGED_NODES", "does nothing beside REDIS_URL", change));
  }
  if (CACHE_REDIS_URL !== undefined && CACHE_REDIS_URL === REDIS_URL) {
    const change = "Unset it, or name a Redis of its own with allkeys-lfu.";
    found.push(warning("CACHE_REDIS_URL", "is the Redis of REDIS_URL, which it should spare", change));
  }
  if (LOG_FULL === "refuse" && !ROLES.includes("archiver")) {
    const change =
      "See that another process has the role archiver: without one boards stop when their logs are full.";
    found.push(warning("LOG_FULL", "is refuse, and this process does not archive", change));
  }
  const { protocol, hostname } = new URL(RANKWIRE_URL);
  if (RANKWIRE_KEY !== undefined && protocol === "http:" && !isLoopback(hostname)) {
    const change = "Use https://, or a tunnel.";
    found.push(
      warning("RANKWIRE_URL", `sends the key to ${hostname} for everybody on the way to read`, change),
    );
  }
  return found;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || host.startsWith("127.");
}

/** What may be right at home, and is seldom meant in production. */
function dangers(config: Config): Finding[] {
  const rules: [boolean, string, string, string][] = [
    [
      config.ALLOWED_ORIGINS === "*",
      "ALLOWED_ORIGINS",
      "is *: pages of every site may call this server from browsers",
      "Name the origins of your game's pages, by comma.",
    ],
    [
      config.WEBHOOK_PRIVATE_TARGETS,
      "WEBHOOK_PRIVATE_TARGETS",
      "lets webhooks reach addresses inside of your network",
      "Turn it off, unless the endpoints are in your own network and admins are trusted with all of it.",
    ],
    [
      ["debug", "trace"].includes(config.LOG_LEVEL),
      "LOG_LEVEL",
      `is ${config.LOG_LEVEL}, which writes a lot`,
      "Set info.",
    ],
    [
      /^\/(tmp|var\/tmp|dev\/shm)(\/|$)/.test(config.DATA_DIR),
      "DATA_DIR",
      `is ${config.DATA_DIR}, which the system may clear`,
      "Set a folder that stays.",
    ],
    [
      config.SUBMISSIONS_PER_SECOND === 0 && config.SOCKET_SUBMISSIONS_PER_SECOND === 0,
      "SUBMISSIONS_PER_SECOND",
      "is off, and so is that of a socket: one player may send as much as the server takes",
      "Set one of them.",
    ],
  ];
  return rules.filter(([holds]) => holds).map(([, check, found, change]) => warning(check, found, change));
}
