/** A real Redis Cluster of one's own: masters and replicas on loopback, made with plain CLUSTER commands, with what breaks it. */
import calculateSlot from "cluster-key-slot";
import type { Redis } from "ioredis";
import { eventually } from "./eventually.ts";
import { startTestRedis, type TestRedis } from "./redis.ts";
import { beginMigration, type Migration, ownerOfSlot, ownView } from "./slot-migration.ts";

export type ClusterNode = TestRedis & {
  /** The node's id in the cluster. */
  readonly id: string;
  /** A client of the tests' own on this node. */
  readonly admin: Redis;
};

export type TestCluster = {
  /** REDIS_URL: every node, by comma. */
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** Nodes that say of themselves that they are masters with slots, except those that were killed or paused. */
  masters(): Promise<ClusterNode[]>;
  /** The master that serves a key's slot, by its own word. */
  masterOf(key: string): Promise<ClusterNode>;
  replicaOf(master: ClusterNode): Promise<ClusterNode>;
  /** SIGKILL. */
  kill(node: ClusterNode): Promise<void>;
  /** After `kill`, with what it has on disk. */
  start(node: ClusterNode): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(node: ClusterNode): void;
  resume(node: ClusterNode): void;
  /** Move a slot key by key, as redis-cli does, so that there is a time in which some keys are here and some there. */
  migrateSlot(slot: number, to: ClusterNode): Promise<void>;
  /** The same in steps. The slot is open until `finish`. */
  beginMigration(slot: number, to: ClusterNode): Promise<Migration>;
  /** How often the nodes have answered with an error of this kind, such as `ASK`. */
  errorCount(kind: string): Promise<number>;
  /** Resolves when every node that is not away says `cluster_state:ok` and every replica is in step. */
  whole(withinMs?: number): Promise<void>;
  stop(): Promise<void>;
};

export type TestClusterOptions = { masters?: number; replicas?: number; nodeTimeoutMs?: number };

const SLOTS = 16_384;

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const { masters = 3, replicas = 3, nodeTimeoutMs = 2_000 } = options;
  const args = [
    ...["--cluster-node-timeout", `${nodeTimeoutMs}`, "--cluster-replica-validity-factor", "0"],
    ...["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"],
  ];
  const started = Array.from({ length: masters + replicas }, () =>
    startTestRedis({ appendonly: true, clusterNode: true, args }),
  );
  const nodes = await Promise.all(started.map(async (starting) => nodeFrom(await starting)));
  await join(nodes, masters);
  const cluster = controls(nodes);
  await cluster.whole();
  return cluster;
}

async function nodeFrom(redis: TestRedis): Promise<ClusterNode> {
  const admin = redis.client();
  const id = String(await admin.cluster("MYID"));
  // Not a copy: the process's id is another one after each start.
  return Object.defineProperties(redis, {
    id: { value: id },
    admin: { value: admin },
  }) as ClusterNode;
}

async function join(nodes: readonly ClusterNode[], masterCount: number): Promise<void> {
  const [first] = nodes as [ClusterNode];
  for (const [i, { admin }] of nodes.entries()) await admin.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
  for (const { port } of nodes.slice(1)) {
    const bus = await nodes.find((node) => node.port === port)!.admin.config("GET", "cluster-port");
    await first.admin.call("CLUSTER", "MEET", "127.0.0.1", port, (bus as string[])[1]!);
  }
  const share = SLOTS / masterCount;
  for (let i = 0; i < masterCount; i++) {
    const range = [Math.ceil(i * share), Math.ceil((i + 1) * share) - 1];
    await nodes[i]!.admin.call("CLUSTER", "ADDSLOTSRANGE", ...range);
  }
  for (const [i, replica] of nodes.slice(masterCount).entries()) {
    const master = nodes[i % masterCount]!;
    await eventually(() => replica.admin.call("CLUSTER", "REPLICATE", master.id), { withinMs: 20_000 });
  }
}

function controls(nodes: readonly ClusterNode[]): TestCluster {
  const away = new Set<ClusterNode>();
  const present = (): ClusterNode[] => nodes.filter((node) => !away.has(node));
  return {
    url: nodes.map(({ url }) => url).join(","),
    nodes,
    masters: async () => {
      const own = await Promise.all(present().map(async (node) => ({ node, ...(await ownView(node)) })));
      return own.filter(({ master, slots }) => master && slots.length > 0).map(({ node }) => node);
    },
    masterOf: async (key) => {
      const slot = calculateSlot(key);
      return eventually(async () => {
        for (const node of present()) {
          const { master, slots } = await ownView(node);
          if (master && slots.some(([from, to]) => from <= slot && slot <= to)) return node;
        }
        throw new Error(`no node serves slot ${slot}`);
      });
    },
    replicaOf: async (master) => {
      for (const node of present()) if ((await ownView(node)).masterId === master.id) return node;
      throw new Error(`${master.url} has no replica`);
    },
    kill: async (node) => {
      away.add(node);
      await node.kill();
    },
    start: async (node) => {
      await node.start();
      away.delete(node);
    },
    pause: (node) => {
      away.add(node);
      process.kill(node.pid, "SIGSTOP");
    },
    resume: (node) => {
      process.kill(node.pid, "SIGCONT");
      away.delete(node);
    },
    migrateSlot: async (slot, to) => {
      const from = await ownerOfSlot(present(), slot);
      if (from !== to) await (await beginMigration(slot, { from, to, all: present() })).finish();
    },
    beginMigration: async (slot, to) => {
      const from = await ownerOfSlot(present(), slot);
      return beginMigration(slot, { from, to, all: present() });
    },
    errorCount: async (kind) => {
      const told = await Promise.all(present().map(({ admin }) => admin.info("errorstats")));
      const counts = told.map((text) =>
        Number(new RegExp(`errorstat_${kind}:count=(\\d+)`).exec(text)?.[1] ?? 0),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    },
    whole: (withinMs = 20_000) => whole(present, withinMs),
    stop: async () => {
      for (const node of away) if (isRunning(node.pid)) process.kill(node.pid, "SIGCONT");
      await Promise.all(nodes.map((node) => (isRunning(node.pid) ? node.kill() : node.stop())));
      for (const { admin } of nodes) admin.disconnect();
    },
  };
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function whole(present: () => ClusterNode[], withinMs: number): Promise<void> {
  await eventually(
    async () => {
      for (const { admin, url } of present()) {
        const state = String(await admin.cluster("INFO"));
        const known = Number(/cluster_known_nodes:(\d+)/.exec(state)?.[1]);
        if (!state.includes("cluster_state:ok") || known < present().length)
          throw new Error(`${url}: ${state}`);
        const replication = await admin.info("replication");
        if (replication.includes("role:slave") && !replication.includes("master_link_status:up"))
          throw new Error(`${url} is not in step`);
      }
    },
    { withinMs, everyMs: 50 },
  );
}
