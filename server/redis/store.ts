/** The Redis that everything is kept in: one server, or a cluster. What only one of them can do is in this folder. */
import { Cluster, type Redis } from "ioredis";

export type RedisStore = Redis | Cluster;

export function isCluster(redis: RedisStore): redis is Cluster {
  return redis instanceof Cluster;
}
