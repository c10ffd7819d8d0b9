/** A server that is one of several of the same primary: what it counts is shown together, and it tells when it serves. */
import cluster from "node:cluster";
import { compose, type Running, type Surroundings } from "../compose.ts";
import type { Config } from "../config.ts";
import { tellPrimary } from "./messages.ts";
import { WorkerMetrics } from "./worker-metrics.ts";

/** @throws as `compose` */
export async function startWorker(config: Config, surroundings: Surroundings): Promise<Running> {
  const metrics = new WorkerMetrics(cluster.worker?.id ?? 0);
  const running = await compose(config, { ...surroundings, metrics, firstKeyMade: true });
  tellPrimary({ type: "ready", port: running.port });
  return running;
}
