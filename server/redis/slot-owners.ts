/** Which server serves a key. */
import { Cluster, type Redis } from "ioredis";
import { AppError } from "../base/errors.ts";
import type { RedisStore } from "./store.ts";

/**
 * The connection on which a command on `key` would be sent now, with the scripts. For what must run where the last write on the key
 * ran (WAIT). @throws AppError unavailable while no server is known
 */
export function nodeOf(redis: RedisStore, _key: string): Redis {
  if (redis instanceof Cluster) throw new AppError("unavailable");
  return redis;
}
