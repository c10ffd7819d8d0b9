/** One call on the store as a value: what batches are made of. */
import type { ChainableCommander, Redis } from "ioredis";
import { queueScript, runScript, type ScriptName } from "./scripts.ts";

/** A script, or a command of Redis on one key. All keys of one call share a slot. */
export type Call =
  | { script: ScriptName; keys: string[]; args: (string | number)[] }
  | { command: string; key: string; args?: (string | number)[] };

/** Add a call to the pipeline of one connection. */
export function queueCall(pipeline: ChainableCommander, call: Call): void {
  if ("script" in call) queueScript(pipeline, call.script, call.keys, call.args);
  else pipeline.call(call.command, call.key, ...(call.args ?? []));
}

/** Send a call on one connection. */
export function runCall(node: Redis, call: Call): Promise<unknown> {
  if ("script" in call) return runScript(node, call.script, call.keys, call.args);
  return node.call(call.command, call.key, ...(call.args ?? []));
}
