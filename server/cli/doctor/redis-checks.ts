/** The Redis of the settings, or the managed one while it runs: what boot checks find, and how it is at this moment. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { createLog } from "../../base/log.ts";
import { pathWithRoom } from "../../base/machine/socket-folder.ts";
import type { Config } from "../../config.ts";
import { type Finding as BootFinding, checkCache, checkRedis } from "../../redis/boot-checks.ts";
import { connectCommand, type RedisTarget } from "../../redis/connect.ts";
import { type NodeHealth, readHealth } from "../../redis/node-health.ts";
import { isCluster, type RedisStore } from "../../redis/store.ts";
import { sizeText } from "../capacity-table.ts";
import { clockFinding } from "./clock-checks.ts";
import { type Finding, findingsOf } from "./finding.ts";

const { ok, warning, problem } = findingsOf("redis");

/** ms. A command that waits on the network for as long makes every submission wait. */
const SLOW_MS = 5;
const VERY_SLOW_MS = 50;
const READY_MS = 5_000;

export async function checkRedisStores(config: Config): Promise<Finding[]> {
  const target = targetOf(config);
  const main = "found" in target ? [target.found] : await checkStore("redis", target, config, checkMain);
  const { CACHE_REDIS_URL } = config;
  if (CACHE_REDIS_URL === undefined) return main;
  const cache = await checkStore("cache", { url: CACHE_REDIS_URL }, config, (redis) =>
    checkCache(redis).then((findings) => findings.map((one) => fromBoot(one, "cache "))),
  );
  return [...main, ...cache];
}

function targetOf(config: Config): RedisTarget | { found: Finding } {
  if (config.REDIS_URL !== undefined) return { url: config.REDIS_URL };
  if (config.MANAGED_NODES > 1) {
    return {
      found: ok("reachable", "a managed cluster is looked after by its server: ask that (RANKWIRE_URL)"),
    };
  }
  const path = pathWithRoom(resolve(config.DATA_DIR), "redis.sock");
  if (existsSync(path)) return { path };
  return {
    found: ok("reachable", `the managed Redis of ${config.DATA_DIR} does not run; it starts with Rankwire`),
  };
}

async function checkStore(
  name: string,
  target: RedisTarget,
  config: Config,
  check: (redis: RedisStore, config: Config) => Promise<Finding[]>,
): Promise<Finding[]> {
  const log = createLog({ level: "silent", pretty: false });
  const commandTimeoutMs = config.REDIS_COMMAND_TIMEOUT_MS;
  let redis: RedisStore;
  try {
    redis = await connectCommand({ target, log, commandTimeoutMs, readyMs: READY_MS });
  } catch (error) {
    const setting = name === "cache" ? "CACHE_REDIS_URL" : "REDIS_URL";
    const change =
      "url" in target
        ? `Start it, or set ${setting} to where it is; see its password, and that this machine may reach it.`
        : "Its socket is left from a process that is gone: Rankwire's next start clears it.";
    return [problem(`${name} reachable`, (error as Error).message, change)];
  }
  try {
    return [
      ok(`${name} reachable`, isCluster(redis) ? "yes, a cluster" : "yes"),
      ...(await check(redis, config)),
    ];
  } catch (error) {
    return [
      problem(
        `${name} answers`,
        (error as Error).message,
        "See its log and its ACL: INFO, TIME and PING are needed.",
      ),
    ];
  } finally {
    redis.disconnect();
  }
}

async function checkMain(redis: RedisStore, config: Config): Promise<Finding[]> {
  // The managed one is configured by Rankwire itself.
  const boot = config.REDIS_URL === undefined ? [] : await checkRedis(redis);
  const nodes = await readHealth(redis);
  return [
    ...boot.map((finding) => fromBoot(finding)),
    ...(boot.length === 0 ? [ok("settings", "noeviction, persistent, a primary")] : []),
    ...nodes.flatMap((node) => nodeFindings(node, config)),
  ];
}

function fromBoot({ check, found, wanted, remedy, severity }: BootFinding, prefix = ""): Finding {
  const said = `${found}, wanted is ${wanted}`;
  return severity === "problem"
    ? problem(prefix + check, said, remedy)
    : warning(prefix + check, said, `See to it yourself, since this Redis does not tell: ${remedy}`);
}

/** Of one master. Pure, for what cannot be had on a test's Redis. */
export function nodeFindings(node: NodeHealth, { NODE_ENV }: Pick<Config, "NODE_ENV">): Finding[] {
  const { replicas, clients, persistenceTrouble, version, clock } = node;
  const { node: name } = node.memory;
  const used = clients.max === 0 ? 0 : clients.connected / clients.max;
  const connections = `${clients.connected} of ${clients.max}`;
  const raise = "Raise maxclients, or look for who leaves connections open.";
  const trouble = persistenceTrouble.map((what) =>
    problem(`${name} persistence`, what, "See the Redis log: the disk is full or broken, or a fork failed."),
  );
  return [
    ok(`${name} version`, version),
    latencyFinding(name, node.roundTripsMs),
    memoryFinding(node, NODE_ENV === "production"),
    used > 0.8 ? warning(`${name} clients`, connections, raise) : ok(`${name} clients`, connections),
    ok(
      `${name} replicas`,
      replicas === 0 ? 'none: ack "replica" waits in vain, and nothing fails over' : `${replicas}`,
    ),
    ...trouble,
    clockFinding(name === "redis" ? name : `redis ${name}`, clock),
  ];
}

function latencyFinding(name: string, took: readonly number[]): Finding {
  const middle = took[Math.floor(took.length / 2)] ?? 0;
  const found = `${middle.toFixed(2)} ms, ${(took.at(-1) ?? 0).toFixed(2)} at most, of ${took.length} round trips`;
  const change = "Bring Redis nearer to Rankwire, and look for slow commands of others (SLOWLOG GET).";
  if (middle > VERY_SLOW_MS) return problem(`${name} latency`, found, change);
  return middle > SLOW_MS ? warning(`${name} latency`, found, change) : ok(`${name} latency`, found);
}

function memoryFinding({ memory }: NodeHealth, isProduction: boolean): Finding {
  const { node, usedBytes, maxBytes, full } = memory;
  const check = `${node} memory`;
  if (maxBytes === 0) {
    const found = `${sizeText(usedBytes)}, without a limit`;
    const change =
      "Set maxmemory below what the machine has: without it the system ends Redis when memory runs out.";
    return isProduction ? warning(check, found, change) : ok(check, found);
  }
  const found = `${sizeText(usedBytes)} of ${sizeText(maxBytes)}`;
  const change = "Raise maxmemory, or see with `rankwire capacity --live` what takes it.";
  if (full || usedBytes > 0.95 * maxBytes) return problem(check, found, change);
  return usedBytes > 0.8 * maxBytes ? warning(check, found, change) : ok(check, found);
}
