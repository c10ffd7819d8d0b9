/** Many calls at once, whatever slots their keys are in. */
import { execAll } from "./reply.ts";
import { queueScript, type ScriptName } from "./scripts.ts";
import type { RedisStore } from "./store.ts";

/** A script, or a command of Redis on one key. All keys of one call share a slot. */
export type Call =
  | { script: ScriptName; keys: string[]; args: (string | number)[] }
  | { command: string; key: string; args?: (string | number)[] };

/**
 * One round trip for all calls.
 * @returns the reply of each call, in order. @throws the first error
 */
export async function callAll(redis: RedisStore, calls: readonly Call[]): Promise<unknown[]> {
  if (calls.length === 0) return [];
  const pipeline = redis.pipeline();
  for (const call of calls) {
    if ("script" in call) queueScript(pipeline, call.script, call.keys, call.args);
    else pipeline.call(call.command, call.key, ...(call.args ?? []));
  }
  return execAll(pipeline);
}
