/** Moving one slot of a test's cluster from master to master, key by key, as redis-cli does it. */
import { sleep } from "../../server/base/clock.ts";
import { eventually } from "./eventually.ts";
import type { ClusterNode } from "./redis-cluster.ts";

/** A slot on its way: some keys may be here and some there. */
export type Migration = {
  /** Move the next keys. @returns the keys that are still to come */
  move(count: number): Promise<number>;
  /** Move what is left, and give the slot to its new master on all nodes. */
  finish(): Promise<void>;
};

/** So that commands come between the keys of a slot that moves. */
const BETWEEN_KEYS_MS = 3;

type Places = { from: ClusterNode; to: ClusterNode; all: readonly ClusterNode[] };

export async function beginMigration(slot: number, { from, to, all }: Places): Promise<Migration> {
  await to.admin.call("CLUSTER", "SETSLOT", slot, "IMPORTING", from.id);
  await from.admin.call("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id);
  const left = async (): Promise<number> => Number(await from.admin.call("CLUSTER", "COUNTKEYSINSLOT", slot));
  const move = async (count: number): Promise<number> => {
    for (let moved = 0; moved < count; moved++) {
      const [key] = (await from.admin.call("CLUSTER", "GETKEYSINSLOT", slot, 1)) as string[];
      if (key === undefined) break;
      await from.admin.call("MIGRATE", "127.0.0.1", to.port, key, 0, 10_000);
      await sleep(BETWEEN_KEYS_MS);
    }
    return left();
  };
  const finish = async (): Promise<void> => {
    while ((await move(1)) > 0);
    for (const node of [to, from, ...all]) {
      const { master } = await ownView(node);
      if (master) await node.admin.call("CLUSTER", "SETSLOT", slot, "NODE", to.id);
    }
    await agreed(all);
  };
  return { move, finish };
}

export type OwnView = { master: boolean; masterId: string; slots: [from: number, to: number][] };

/** What a node says of itself in CLUSTER NODES. */
export async function ownView({ admin }: ClusterNode): Promise<OwnView> {
  const lines = String(await admin.cluster("NODES")).split("\n");
  const [, , flags = "", masterId = "", , , , , ...slots] = lines
    .find((line) => line.includes("myself"))!
    .split(" ");
  const ranges = slots.filter((text) => !text.startsWith("[")).map((text) => text.split("-").map(Number));
  return {
    master: flags.includes("master"),
    masterId,
    slots: ranges.map(([from, to]) => [from!, to ?? from!]),
  };
}

export async function ownerOfSlot(nodes: readonly ClusterNode[], slot: number): Promise<ClusterNode> {
  for (const node of nodes) {
    const { master, slots } = await ownView(node);
    if (master && slots.some(([from, to]) => from <= slot && slot <= to)) return node;
  }
  throw new Error(`no node serves slot ${slot}`);
}

/**
 * Resolves when all nodes tell the same of all masters: their epochs and slots. A move that begins before the last one has been
 * heard of everywhere can leave a slot that two nodes each believe to be the other's.
 */
async function agreed(all: readonly ClusterNode[]): Promise<void> {
  await eventually(async () => {
    const told = await Promise.all(
      all.map(async ({ admin }) => {
        const lines = String(await admin.cluster("NODES"))
          .trim()
          .split("\n");
        const masters = lines
          .map((line) => line.split(" "))
          .filter(([, , flags]) => flags!.includes("master"));
        return masters.map(([id, , , , , , epoch, , ...slots]) => [id, epoch, ...slots].join(" ")).sort();
      }),
    );
    if (new Set(told.map((lines) => lines.join("\n"))).size > 1)
      throw new Error("the nodes do not agree yet");
  });
}
