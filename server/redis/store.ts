/** The Redis that everything is kept in: one server, or a cluster. What only one of them can do is in this folder. */
import type { Cluster, Redis } from "ioredis";

export type RedisStore = Redis | Cluster;
