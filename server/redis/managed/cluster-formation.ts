/** Makes masters that run into a cluster, or brings those of an earlier run together again. */
import { Redis } from "ioredis";
import { sleep } from "../../base/clock.ts";

/** A node as it is reached from here, and as the others reach it. */
export type ClusterNode = { socket: string; port: number; busPort: number };

const SLOTS = 16_384;
const HOST = "127.0.0.1";
const LOOK_MS = 50;

/**
 * Resolves when every node says that the cluster is whole. May be repeated, and takes up what an interrupted try left.
 * @throws Error with what the nodes say when it is not whole within `deadlineMs`
 */
export async function formCluster(
  nodes: readonly ClusterNode[],
  password: string,
  deadlineMs: number,
): Promise<void> {
  const clients = await Promise.all(nodes.map(({ socket }) => connect(socket, password)));
  try {
    for (const [index, client] of clients.entries()) await giveSlots(client, index, nodes.length);
    await untilWhole(clients, nodes, performance.now() + deadlineMs);
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function connect(socket: string, password: string): Promise<Redis> {
  const client = new Redis({
    path: socket,
    password,
    protocol: 2,
    replyMapping: "legacy",
    lazyConnect: true,
  });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Only to a node that has never been in a cluster: slots that somebody has moved stay where they are. */
async function giveSlots(client: Redis, index: number, count: number): Promise<void> {
  const info = await clusterInfo(client);
  if (info.cluster_known_nodes !== "1" || info.cluster_slots_assigned !== "0") return;
  const first = Math.ceil((index * SLOTS) / count);
  const last = Math.ceil(((index + 1) * SLOTS) / count) - 1;
  // Epochs of their own: nodes that begin with the same one have to settle that first.
  await client.call("CLUSTER", "SET-CONFIG-EPOCH", `${index + 1}`);
  await client.call("CLUSTER", "ADDSLOTSRANGE", `${first}`, `${last}`);
}

/** Nodes are told of each other until they are all together: after a restart each has another port than the others remember. */
async function untilWhole(clients: Redis[], nodes: readonly ClusterNode[], endsAt: number): Promise<void> {
  const [first, ...others] = clients;
  let metAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    const infos = await Promise.all(clients.map(clusterInfo));
    const isWhole = (info: Record<string, string>): boolean =>
      info.cluster_state === "ok" && Number(info.cluster_known_nodes) >= clients.length;
    if (infos.every(isWhole) && (await knowsPorts(first!, nodes))) return;
    const now = performance.now();
    if (now > endsAt) {
      const said = infos.map((info) => `${info.cluster_state}, knows ${info.cluster_known_nodes} nodes`);
      throw new Error(`The nodes do not become one cluster: ${said.join("; ")}.`);
    }
    if (now - metAt > 1_000) {
      metAt = now;
      for (const client of [first!, ...others]) {
        for (const { port, busPort } of nodes)
          await client.call("CLUSTER", "MEET", HOST, `${port}`, `${busPort}`);
      }
    }
    await sleep(LOOK_MS);
  }
}

/** What a client is told by one node: an old port would send it nowhere. */
async function knowsPorts(client: Redis, nodes: readonly ClusterNode[]): Promise<boolean> {
  const slots = (await client.call("CLUSTER", "SLOTS")) as [number, number, [string, number, ...unknown[]]][];
  const ports = new Set(slots.map(([, , [, port]]) => Number(port)));
  return nodes.every(({ port }) => ports.has(port));
}

async function clusterInfo(client: Redis): Promise<Record<string, string>> {
  const text = String(await client.call("CLUSTER", "INFO"));
  return Object.fromEntries([...text.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name, value]));
}
