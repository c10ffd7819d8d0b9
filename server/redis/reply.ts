/** From Redis's raw replies to typed ones, and from its errors to ours. */
import { assert } from "../base/assert.ts";
import { AppError } from "../base/errors.ts";

/** A tagged reply: the tag is one of `tags`, the rest as it came. An unknown tag is a programmer's error. */
export function tagged<T extends string>(reply: unknown, tags: readonly T[]): { tag: T; rest: unknown[] } {
  assert(Array.isArray(reply) && typeof reply[0] === "string", `a script replied ${JSON.stringify(reply)}`);
  const [tag, ...rest] = reply as [T, ...unknown[]];
  assert(tags.includes(tag), `a script replied the unknown tag ${tag}`);
  return { tag, rest };
}

/** A flat `[field, value, field, value]` reply as a map of strings. */
export function pairs(reply: unknown): Map<string, string> {
  const flat = reply as string[];
  const map = new Map<string, string>();
  for (let i = 0; i + 1 < flat.length; i += 2) map.set(flat[i]!, flat[i + 1]!);
  return map;
}

/** What an error of Redis or of the connection means to a caller. Ours pass through. */
export function fromRedisError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : String(error);
  if (message.startsWith("OOM ")) return new AppError("store_full", { cause: error });
  if (isConnectionTrouble(message)) return new AppError("unavailable", { cause: error, retryAfterMs: 500 });
  return new AppError("internal", { cause: error });
}

/** True when the command may or may not have run: the connection broke, or Redis cannot serve just now. */
export function isConnectionTrouble(message: string): boolean {
  return CONNECTION.test(message) || REFUSED_FOR_NOW.test(message) || CLUSTER_TROUBLE.test(message);
}

const CONNECTION =
  /Connection is (closed|in)|ECONN|EPIPE|ENOENT|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|timed? ?out|max retries|Stream isn't writeable|sentinels are unreachable/i;
const REFUSED_FOR_NOW =
  /LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|READONLY|UNBLOCKED|MISCONF|NOREPLICAS|^(MOVED|ASK) \d/;
/** The words of ioredis's cluster client. */
const CLUSTER_TROUBLE =
  /Too many Cluster redirections|Failed to refresh slots cache|Cluster isn't ready|Cluster is (ended|disconnect)|None of startup nodes|No (sharded )?subscriber for/;
