/**
 * What a Redis that was given by REDIS_URL must be like. Rankwire keeps scores there that are nowhere else, so a Redis
 * that evicts keys or forgets them at a restart loses results without a word.
 */
import type { Redis } from "ioredis";
import type { Log } from "../base/log.ts";
import { checkCluster } from "./cluster-health.ts";
import { masters } from "./slot-owners.ts";
import { isCluster, type RedisStore } from "./store.ts";

/** `unknown`: this Redis does not tell, as managed services often do not. */
export type Severity = "problem" | "unknown";

/** One thing that is not as it must be. `check` names the setting; `remedy` is a sentence. */
export type Finding = { check: string; found: string; wanted: string; remedy: string; severity: Severity };

type Facts = {
  /** One field of INFO. */
  info(field: string): string | undefined;
  /** CONFIG GET; undefined when it is denied. */
  config(name: string): Promise<string | undefined>;
};

const OLDEST_MAJOR = 7;
const UNKNOWN = "not told";

/** Only what is wrong or unknown, on every master; nothing when all is well. @throws whatever the connection throws */
export async function checkRedis(redis: RedisStore): Promise<Finding[]> {
  if (!isCluster(redis)) return checkNode(redis);
  const ofNodes = masters(redis).map(async (node) => {
    const findings = await checkNode(node);
    const place = `${node.options.host}:${node.options.port}`;
    return findings.map((finding) => ({ ...finding, found: `${finding.found} on ${place}` }));
  });
  return [await checkCluster(redis), ...(await Promise.all(ofNodes))].flat();
}

/** What the Redis of a cache must be like: it may lose what it holds, but must not fill up. @throws whatever the connection throws */
export async function checkCache(redis: RedisStore): Promise<Finding[]> {
  const ofNodes = (isCluster(redis) ? masters(redis) : [redis]).map(async (node) => {
    const facts = await factsOf(node);
    const policy = facts.info("maxmemory_policy") ?? (await facts.config("maxmemory-policy"));
    return [
      checkVersion(facts),
      checkRole(facts),
      judge(policy, (value) => value.startsWith("allkeys-"), {
        check: "maxmemory-policy",
        wanted: "allkeys-lfu",
        remedy: "Set maxmemory, and maxmemory-policy allkeys-lfu: copies that nobody reads make room.",
      }),
    ];
  });
  return (await Promise.all(ofNodes)).flat().filter((finding) => finding !== undefined);
}

async function checkNode(redis: Redis): Promise<Finding[]> {
  const facts = await factsOf(redis);
  const findings = await Promise.all([
    checkVersion(facts),
    checkRole(facts),
    checkEviction(facts),
    checkPersistence(facts),
  ]);
  return findings.filter((finding) => finding !== undefined);
}

async function factsOf(redis: Redis): Promise<Facts> {
  const text = (await unlessDenied(redis.info())) ?? "";
  const fields = new Map([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
  return {
    info: (field) => fields.get(field),
    config: async (name) => {
      const reply = await unlessDenied(redis.config("GET", name));
      return Array.isArray(reply) && typeof reply[1] === "string" ? reply[1] : undefined;
    },
  };
}

export type EnforceOptions = { production: boolean; log: Log };

/** Warns of each. @throws Error under production, naming every setting to change; what is unknown does not refuse */
export function enforceFindings(findings: readonly Finding[], { production, log }: EnforceOptions): void {
  for (const finding of findings) log.warn(finding, `redis: ${sentence(finding)}`);
  const errors = findings.filter(({ severity }) => severity === "problem");
  if (!production || errors.length === 0) return;
  const lines = errors.map((finding) => `  ${sentence(finding)} ${finding.remedy}`);
  throw new Error(`The Redis of REDIS_URL is not safe for production:\n${lines.join("\n")}`);
}

function sentence({ check, found, wanted }: Finding): string {
  return `${check} is ${found}, wanted is ${wanted}.`;
}

function checkVersion({ info }: Facts): Finding | undefined {
  return judge(info("redis_version"), (version) => Number.parseInt(version, 10) >= OLDEST_MAJOR, {
    check: "version",
    wanted: `${OLDEST_MAJOR}.0 or newer`,
    remedy: "Upgrade this Redis, or use Valkey.",
  });
}

function checkRole({ info }: Facts): Finding | undefined {
  return judge(info("role"), (role) => role === "master", {
    check: "role",
    wanted: "master",
    remedy: "Point REDIS_URL at the primary; a replica takes no writes.",
  });
}

/** INFO says it too, and is open where CONFIG is not. */
async function checkEviction({ info, config }: Facts): Promise<Finding | undefined> {
  const policy = info("maxmemory_policy") ?? (await config("maxmemory-policy"));
  return judge(policy, (value) => value === "noeviction", {
    check: "maxmemory-policy",
    wanted: "noeviction",
    remedy: "Run CONFIG SET maxmemory-policy noeviction, and put it into redis.conf.",
  });
}

async function checkPersistence({ info, config }: Facts): Promise<Finding | undefined> {
  const appendOnly = info("aof_enabled") === "1" ? "yes" : await config("appendonly");
  if (appendOnly === "yes") return undefined;
  const save = await config("save");
  const found = save === undefined ? undefined : save.trim();
  return judge(found, (points) => points !== "", {
    check: "appendonly",
    wanted: "yes (or `save` points)",
    remedy: "Run CONFIG SET appendonly yes, and put it into redis.conf; or set `save` points.",
  });
}

function judge(
  found: string | undefined,
  isGood: (found: string) => boolean,
  rest: Omit<Finding, "found" | "severity">,
): Finding | undefined {
  if (found === undefined) return { ...rest, found: UNKNOWN, severity: "unknown" };
  if (isGood(found)) return undefined;
  return { ...rest, found: found === "" ? "no" : found, severity: "problem" };
}

/** Undefined when Redis refuses the command (an ACL, a renamed command, a managed service); other errors are thrown. */
async function unlessDenied<T>(reply: Promise<T>): Promise<T | undefined> {
  try {
    return await reply;
  } catch (error) {
    if (error instanceof Error && error.name === "ReplyError" && DENIED.test(error.message)) return undefined;
    throw error;
  }
}

const DENIED = /^(NOPERM|ERR unknown (sub)?command|ERR .*not (allowed|permitted|supported))/i;
