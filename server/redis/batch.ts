/** Many calls at once, whatever slots their keys are in; and one call that is sent once. */
import type { Redis } from "ioredis";
import { type Call, queueCall, runCall } from "./call.ts";
import { callOnceOnCluster, type Outcome, settleOnCluster } from "./redirected-calls.ts";
import { isCluster, type RedisStore } from "./store.ts";

export type { Call } from "./call.ts";
export type { Outcome } from "./redirected-calls.ts";

/**
 * One round trip for all calls: one pipeline, or one a master of a cluster, where calls that met a moving slot or a failover are
 * tried again for about as long as one command may take.
 * @returns the reply of each call, in order. @throws the first error
 */
export async function callAll(redis: RedisStore, calls: readonly Call[]): Promise<unknown[]> {
  return (await settleAll(redis, calls)).map((outcome) => {
    if ("error" in outcome) throw outcome.error;
    return outcome.reply;
  });
}

/** As `callAll`, with each call's reply or error: one master that is away need not hold up the others. Never rejects. */
export async function settleAll(redis: RedisStore, calls: readonly Call[]): Promise<Outcome[]> {
  if (calls.length === 0) return [];
  if (isCluster(redis)) return settleOnCluster(redis, calls);
  const pipeline = redis.pipeline();
  for (const call of calls) queueCall(pipeline, call);
  const results = await pipeline.exec().catch((error: Error) => error);
  return calls.map((_, i): Outcome => {
    if (results instanceof Error) return { error: results };
    const [error, reply] = results![i]!;
    return error ? { error } : { reply };
  });
}

/**
 * One call that is sent once: whether an unknown end is tried again, and in which order, is the caller's to decide. A cluster's
 * redirection is followed once, since nothing ran before it. Calls of one turn on one slot are sent in order.
 * @param ranOn is told the connection before the call goes out on it, the last time of the one where it ran: WAIT asks for the writes
 * of its own connection only
 */
export function callOnce(redis: RedisStore, call: Call, ranOn?: (node: Redis) => void): Promise<unknown> {
  if (isCluster(redis)) return callOnceOnCluster(redis, call, ranOn);
  ranOn?.(redis);
  return runCall(redis, call);
}
