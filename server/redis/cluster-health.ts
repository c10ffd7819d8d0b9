/** Whether the store serves at all; of a cluster also whether it says so itself, and whether somebody serves every slot. */
import type { Cluster } from "ioredis";
import type { Finding } from "./boot-checks.ts";
import { masters, slotsWithoutOwner } from "./slot-owners.ts";
import { isCluster, type RedisStore } from "./store.ts";

/**
 * Never rejects. Of a cluster one master that sees it whole is enough: the others know it by gossip, and one that is just failing
 * over must not make every gateway unready. Which slots count as whole is the cluster's setting `cluster-require-full-coverage`.
 */
export async function isServing(redis: RedisStore): Promise<boolean> {
  try {
    if (isCluster(redis)) return await isWhole(redis);
    await redis.ping();
    return true;
  } catch {
    return false;
  }
}

/** Resolves with the first master that says `cluster_state:ok`. */
async function isWhole(cluster: Cluster): Promise<boolean> {
  const asked = masters(cluster).map(async (node) => {
    if ((await stateOf(node)) !== "ok") throw new Error("the cluster is down");
    return true;
  });
  return await Promise.any(asked).catch(() => false);
}

async function stateOf(node: { cluster(command: "INFO"): Promise<unknown> }): Promise<string> {
  return /cluster_state:(\w+)/.exec(String(await node.cluster("INFO")))?.[1] ?? "not told";
}

/** What is wrong with the cluster as a whole. @throws whatever the connection throws */
export async function checkCluster(cluster: Cluster): Promise<Finding[]> {
  const findings: Finding[] = [];
  const [first] = masters(cluster);
  const state = first ? await stateOf(first) : "without a master";
  const remedy = "Run redis-cli --cluster check, and fix what it names.";
  if (state !== "ok") {
    findings.push({ check: "cluster_state", found: state, wanted: "ok", remedy, severity: "problem" });
  }
  const missing = slotsWithoutOwner(cluster);
  if (missing > 0) {
    findings.push({
      check: "slots without a master",
      found: String(missing),
      wanted: "0",
      remedy: `${remedy} With cluster-require-full-coverage no, boards with shards in those slots fail and the others go on.`,
      severity: "problem",
    });
  }
  return findings;
}
