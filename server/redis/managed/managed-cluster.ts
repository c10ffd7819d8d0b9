/**
 * Rankwire's own Redis Cluster: three masters of this machine, each a managed Redis that also listens on loopback, with its
 * data below DATA_DIR/cluster. For trying a cluster out: on one machine it gives more threads, not more safety.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { freePorts } from "../../base/free-ports.ts";
import { takeInstanceLock } from "../../base/machine/instance-lock.ts";
import { type ClusterNode, formCluster } from "./cluster-formation.ts";
import { type ClusterSecret, loadClusterSecret } from "./cluster-secret.ts";
import { type ManagedRedis, type ManagedRedisOptions, startManagedRedis } from "./managed-redis.ts";

export type ManagedCluster = {
  /** Of every node, by comma, with the password: as REDIS_URL is given. */
  readonly url: string;
  /** The nodes, in the order of their slots. */
  readonly nodes: readonly ManagedRedis[];
  readonly version: string;
  /** Resolves when the data is on disk and nothing is left running. May be called again. */
  stop(): Promise<void>;
  /** Called when a node crashes too often to be restarted. The caller still has to `stop`. */
  onFatal(listener: (error: Error) => void): void;
};

const MASTERS = 3;
const FORM_MS = 30_000;
const PORTS_TRIES = 5;

type StartedNode = { redis: ManagedRedis; node: ClusterNode };

/** @throws Error for people: no server and how to get one, a second instance, or why the cluster did not come up */
export async function startManagedCluster(options: ManagedRedisOptions): Promise<ManagedCluster> {
  const dataDir = resolve(options.dataDir);
  const folder = join(dataDir, "cluster");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  // The lock of the single Redis too: one Rankwire per DATA_DIR, whatever it runs on.
  const lock = await takeInstanceLock(join(dataDir, "rankwire.lock"), dataDir);
  const started: StartedNode[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopAll(started).finally(() => lock.release());
    return stopped;
  };
  try {
    const secret = await loadClusterSecret(join(folder, "secret.conf"));
    const ofOne = (index: number): ManagedRedisOptions => ({
      ...options,
      dataDir: join(folder, `node-${index}`),
    });
    // One after the other: the first one to find no redis-server installs it for all.
    for (let i = 1; i <= MASTERS; i++) started.push(await startNode(ofOne(i), secret));
    const nodes = started.map(({ node }) => node);
    await formCluster(nodes, secret.password, FORM_MS).catch((error: Error) => {
      throw new Error(`${error.message} Delete ${folder} to start over without its data.`);
    });
    const url = nodes.map(({ port }) => `redis://:${secret.password}@127.0.0.1:${port}`).join(",");
    const redises = started.map(({ redis }) => redis);
    options.log.info({ ports: nodes.map(({ port }) => port) }, "the redis cluster is running");
    return {
      url,
      nodes: redises,
      version: redises[0]!.version,
      stop,
      onFatal: (listener) => {
        for (const redis of redises) redis.onFatal(listener);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopAll(started: readonly StartedNode[]): Promise<void> {
  await Promise.all(started.map(({ redis }) => redis.stop()));
}

/** On free ports, other ones at each start: the ports of an earlier run may be somebody else's by now. */
async function startNode(options: ManagedRedisOptions, secret: ClusterSecret): Promise<StartedNode> {
  for (let attempt = 1; ; attempt++) {
    const [port = 0, busPort = 0] = await freePorts(2);
    const args = [...settingsOf(port, busPort, secret), ...(options.args ?? [])];
    try {
      const redis = await startManagedRedis({ ...options, args, password: secret.password });
      return { redis, node: { socket: redis.path, port, busPort } };
    } catch (error) {
      const isTaken = error instanceof Error && error.message.includes("Address already in use");
      if (!isTaken || attempt === PORTS_TRIES) throw error;
    }
  }
}

function settingsOf(port: number, busPort: number, { file }: ClusterSecret): string[] {
  return [
    ...["--include", file, "--bind", "127.0.0.1", "--port", `${port}`],
    ...["--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf"],
    // Not port + 10,000, which nobody has looked at and may not even be a port.
    ...["--cluster-port", `${busPort}`, "--cluster-announce-ip", "127.0.0.1"],
    ...["--cluster-node-timeout", "5000"],
  ];
}
