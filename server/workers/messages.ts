/** What the primary process and its workers tell each other. Plain JSON over the channel that Node opens between them. */
import type { MetricObjectWithValues, MetricValue } from "prom-client";

/** What one registry counts, as `getMetricsAsJSON` gives it. */
export type Measured = MetricObjectWithValues<MetricValue<string>>[];

export type ToPrimary =
  /** Serves on its port. */
  | { type: "ready"; port: number }
  /** Wants what all workers count. */
  | { type: "gather"; id: number }
  | { type: "measured"; round: number; metrics: Measured };

export type ToWorker = { type: "measure"; round: number } | { type: "gathered"; id: number; all: Measured[] };

/** From a worker to the primary. A primary that is gone ends the worker anyway. */
export function tellPrimary(message: ToPrimary): void {
  process.send?.(message, undefined, undefined, () => undefined);
}
