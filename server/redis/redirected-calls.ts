/**
 * Calls on a cluster: grouped by the master that serves their slot, one pipeline a node, redirected and repeated by our own rules.
 *
 * A call is sent again only after Redis has said that it did not run (MOVED, ASK, TRYAGAIN, CLUSTERDOWN, …) or its connection broke,
 * and there is never a second copy that somebody else may still send: what a sequence of batches relies on [R 2].
 * `docs/decisions/0005-cluster-batches-per-node.md` says why ioredis's own pipelines and retries are not used.
 */
import type { Cluster, Redis } from "ioredis";
import { backoffMs } from "../base/backoff.ts";
import { sleep } from "../base/clock.ts";
import { type Call, queueCall, runCall } from "./call.ts";
import { isConnectionTrouble } from "./reply.ts";
import { connectionTo, ownerOf, refreshSlots } from "./slot-owners.ts";

export type Outcome = { reply: unknown } | { error: Error };

/** Where a redirection points. */
type Target = { node: Redis; asking: boolean };
type Pending = { call: Call; index: number; target?: Target };

const AGAIN = { firstMs: 20, capMs: 200 };
const COMMAND_TIMEOUT_MS = 2_000;
/** Before these the command has not run, or its node is not there; another try may find another node. */
const WORTH_AGAIN =
  /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|LOADING|MASTERDOWN|READONLY) |Connection is (closed|in)|max retries|ECONN|EPIPE|Stream isn't writeable/;

/** Each call's reply or final error, in order. Takes at most about as long as one command may. */
export async function settleOnCluster(cluster: Cluster, calls: readonly Call[]): Promise<Outcome[]> {
  const endsAt = performance.now() + (cluster.options.redisOptions?.commandTimeout ?? COMMAND_TIMEOUT_MS);
  const outcomes = new Array<Outcome>(calls.length);
  let open = calls.map((call, index): Pending => ({ call, index }));
  for (let attempt = 0; ; attempt++) {
    const sent = await sendRound(cluster, open);
    const again: Pending[] = [];
    sent.forEach((outcome, i) => {
      const { call, index } = open[i]!;
      outcomes[index] = outcome;
      if (!("error" in outcome) || !WORTH_AGAIN.test(outcome.error.message)) return;
      const target = redirection(cluster, outcome.error);
      again.push({ call, index, ...(target ? { target } : {}) });
    });
    if (again.length === 0) {
      // A node that hangs answers no question about the slots either: the next calls find what the others say.
      if (outcomes.some((outcome) => "error" in outcome && isTimeout(outcome.error)))
        void refreshSlots(cluster);
      return outcomes;
    }
    await beforeAgain(cluster, again, attempt);
    if (performance.now() > endsAt) return outcomes;
    open = again;
  }
}

/**
 * One call, sent once; sent again only to where Redis points instead of running it (MOVED, ASK), once. Calls of one turn on one slot
 * keep their order. @throws whatever else comes, and the caller decides
 */
export async function callOnceOnCluster(
  cluster: Cluster,
  call: Call,
  ranOn?: (node: Redis) => void,
): Promise<unknown> {
  try {
    return await runOn(nodeFor(cluster, call), call, ranOn);
  } catch (error) {
    const target = redirection(cluster, error as Error);
    // Whoever tries again finds the table fresh by then.
    if (!(error instanceof Error) || isConnectionTrouble(error.message)) void refreshSlots(cluster);
    if (!target) throw error;
    return runOn(target, call, ranOn);
  }
}

function runOn(
  target: Target | undefined,
  call: Call,
  ranOn: ((node: Redis) => void) | undefined,
): Promise<unknown> {
  if (!target) return Promise.reject(notConnected());
  ranOn?.(target.node);
  // Commands of one turn follow each other on the connection.
  if (target.asking) target.node.asking().catch(() => undefined);
  return runCall(target.node, call);
}

/** One pipeline a node, all at once. Never rejects. */
async function sendRound(cluster: Cluster, pending: readonly Pending[]): Promise<Outcome[]> {
  const outcomes = new Array<Outcome>(pending.length);
  const byNode = new Map<Redis, { at: number; asking: boolean }[]>();
  pending.forEach(({ call, target }, at) => {
    const found = target ?? nodeFor(cluster, call);
    if (!found) {
      outcomes[at] = { error: notConnected() };
      return;
    }
    const group = byNode.get(found.node) ?? [];
    byNode.set(found.node, group);
    group.push({ at, asking: found.asking });
  });
  const sent = [...byNode].map(async ([node, group]) => {
    const pipeline = node.pipeline();
    for (const { at, asking } of group) {
      if (asking) pipeline.call("ASKING");
      queueCall(pipeline, pending[at]!.call);
    }
    const results = await pipeline.exec().catch((error: Error) => error);
    let next = 0;
    for (const { at, asking } of group) {
      if (asking) next++;
      outcomes[at] = results instanceof Error ? { error: results } : outcomeOf(results?.[next++]);
    }
  });
  await Promise.all(sent);
  return outcomes;
}

function outcomeOf(result: [error: Error | null, reply: unknown] | undefined): Outcome {
  if (!result) return { error: notConnected() };
  const [error, reply] = result;
  return error ? { error } : { reply };
}

/** The slot's master, unless its connection is known to be gone: then waiting for it would only hold the call up. */
function nodeFor(cluster: Cluster, call: Call): Target | undefined {
  const owner = ownerOf(cluster, "script" in call ? call.keys[0]! : call.key);
  const node = owner === undefined ? undefined : connectionTo(cluster, owner);
  if (!node || ["reconnecting", "close", "end"].includes(node.status)) return undefined;
  return { node, asking: false };
}

function redirection(cluster: Cluster, error: Error): Target | undefined {
  const [, kind, address] = /^(MOVED|ASK) \d+ (\S+)/.exec(error.message) ?? [];
  const node = address === undefined ? undefined : connectionTo(cluster, address);
  return node && { node, asking: kind === "ASK" };
}

/** A first redirection to a node that is known is followed at once; everything else waits, and asks the cluster anew. */
async function beforeAgain(cluster: Cluster, again: readonly Pending[], attempt: number): Promise<void> {
  const refreshed = refreshSlots(cluster);
  if (attempt === 0 && again.every(({ target }) => target)) return;
  await Promise.all([refreshed, sleep(backoffMs(attempt, AGAIN) + 5)]);
}

function isTimeout(error: Error): boolean {
  return error.message === "Command timed out";
}

function notConnected(): Error {
  return new Error("Connection is closed: no master is known for this slot.");
}
