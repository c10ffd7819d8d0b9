/** The three layers of loss detection and the reads they cause, counted. */
import { Counter, type Registry } from "prom-client";

export type FeedMetrics = {
  /** A message that did not follow the last one. */
  gaps: Counter;
  /** The idle check found the feed ahead of this gateway. */
  idleCheckBehind: Counter;
  /** The pub/sub connection did not bring back a probe. */
  probesLost: Counter;
  /** Snapshots and frame ranges read from Redis. */
  reads: Counter;
};

export function createFeedMetrics(registry: Registry): FeedMetrics {
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
  return {
    gaps: counter("rankwire_feed_gaps_total", "Feed messages that did not follow the last one"),
    idleCheckBehind: counter(
      "rankwire_feed_idle_check_behind_total",
      "Idle checks that found the feed ahead",
    ),
    probesLost: counter("rankwire_feed_probes_lost_total", "Pub/sub liveness probes that did not come back"),
    reads: counter("rankwire_feed_reads_total", "Snapshots and frame ranges read from Redis"),
  };
}
