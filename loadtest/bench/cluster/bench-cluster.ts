/** A Redis Cluster of the bench's own: masters with their equal share of the slots, and replicas where asked for. */
import type { Redis } from "ioredis";
import { sleep } from "../../../server/base/clock.ts";
import { freePorts } from "../../../server/base/free-ports.ts";
import { createLog } from "../../../server/base/log.ts";
import { connectCommand } from "../../../server/redis/connect.ts";
import { registerScripts } from "../../../server/redis/scripts.ts";
import type { RedisStore } from "../../../server/redis/store.ts";
import { type BenchRedis, redisCpuUs } from "../../processes/redis-server.ts";
import type { BenchContext } from "../bench.ts";

export type BenchCluster = {
  url: string;
  masters: BenchRedis[];
  /** CPU that all masters have used so far, in µs. */
  cpuUs: () => Promise<number>;
  /** A connection as the server makes it. */
  connect: () => Promise<RedisStore>;
  stop: () => Promise<void>;
};

const SLOTS = 16_384;
const NODE_TIMEOUT_MS = 2_000;
const FORMING_MS = 20_000;

export async function startCluster(
  { startRedis }: BenchContext,
  { masters, replicas }: { masters: number; replicas: number },
): Promise<BenchCluster> {
  const nodes: BenchRedis[] = [];
  const buses: number[] = [];
  for (let i = 0; i < masters + replicas; i++) {
    buses.push(...(await freePorts(1)));
    // A node that nobody has met does not know its own address.
    const address = ["--cluster-announce-ip", "127.0.0.1", "--cluster-port", `${buses[i]}`];
    const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", `${NODE_TIMEOUT_MS}`, ...address];
    nodes.push(await startRedis(cluster));
  }
  const admins = await Promise.all(nodes.map((node) => node.connect()));
  for (let i = 0; i < masters; i++) {
    const first = Math.ceil((i * SLOTS) / masters);
    const last = Math.ceil(((i + 1) * SLOTS) / masters) - 1;
    await admins[i]!.call("CLUSTER", "ADDSLOTSRANGE", `${first}`, `${last}`);
    await admins[i]!.call("CLUSTER", "SET-CONFIG-EPOCH", `${i + 1}`);
  }
  for (const [i, { port }] of nodes.entries()) {
    if (i > 0) await admins[0]!.call("CLUSTER", "MEET", "127.0.0.1", `${port}`, `${buses[i]}`);
  }
  await untilWhole(admins);
  for (let i = 0; i < replicas; i++) {
    const id = String(await admins[i % masters]!.call("CLUSTER", "MYID"));
    await admins[masters + i]!.call("CLUSTER", "REPLICATE", id);
  }
  await untilWhole(admins);
  await untilSynced(admins.slice(masters));
  const url = `${nodes.map((node) => node.url).join(",")}${nodes.length === 1 ? "?cluster=true" : ""}`;
  const opened: RedisStore[] = [];
  return {
    url,
    masters: nodes.slice(0, masters),
    cpuUs: async () => {
      const used = await Promise.all(admins.slice(0, masters).map(redisCpuUs));
      return used.reduce((sum, one) => sum + one, 0);
    },
    connect: async () => {
      const log = createLog({ level: "silent", pretty: false });
      const redis = await connectCommand({ target: { url }, log, commandTimeoutMs: 5_000 });
      registerScripts(redis);
      opened.push(redis);
      return redis;
    },
    stop: async () => {
      for (const redis of opened) redis.disconnect();
      for (const node of nodes) await node.stop();
    },
  };
}

/** A replica that never had its master's data does not take its place. */
async function untilSynced(replicas: readonly Redis[]): Promise<void> {
  const endsAt = performance.now() + FORMING_MS;
  for (;;) {
    const infos = await Promise.all(replicas.map((replica) => replica.info("replication")));
    if (infos.every((info) => info.includes("master_link_status:up"))) return;
    if (performance.now() > endsAt) throw new Error("The replicas of the bench's cluster have no data.");
    await sleep(50);
  }
}

async function untilWhole(admins: readonly Redis[]): Promise<void> {
  const endsAt = performance.now() + FORMING_MS;
  for (;;) {
    const infos = await Promise.all(admins.map((admin) => admin.call("CLUSTER", "INFO")));
    const whole = (info: unknown): boolean =>
      String(info).includes("cluster_state:ok") &&
      String(info).includes(`cluster_known_nodes:${admins.length}`);
    if (infos.every(whole)) return;
    if (performance.now() > endsAt) throw new Error("The bench's cluster did not become whole.");
    await sleep(50);
  }
}
