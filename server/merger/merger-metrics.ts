/** What the merger counts. */
import { Counter, Histogram, type Registry } from "prom-client";

export type MergerMetrics = {
  frames: Counter;
  fenced: Counter;
  tickSeconds: Histogram;
  indexSeconds: Histogram;
};

export function createMergerMetrics(registry: Registry): MergerMetrics {
  const registers = [registry];
  return {
    frames: new Counter({
      name: "rankwire_merger_frames_total",
      help: "Frames appended to feeds",
      registers,
    }),
    fenced: new Counter({
      name: "rankwire_merger_fenced_total",
      help: "Writes refused because of a later lease",
      registers,
    }),
    tickSeconds: new Histogram({
      name: "rankwire_merger_tick_seconds",
      help: "Time of one tick over all active boards",
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
      registers,
    }),
    indexSeconds: new Histogram({
      name: "rankwire_rank_index_seconds",
      help: "Time to refresh one board's rank index",
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
      registers,
    }),
  };
}
