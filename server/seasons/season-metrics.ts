/** What the role `seasons` counts. */
import { Counter, Gauge, type Registry } from "prom-client";

export type SeasonMetrics = {
  /** By the name of the step. */
  steps: Counter<"step">;
  failures: Counter<"work">;
  closing: Gauge;
};

export function createSeasonMetrics(registry: Registry): SeasonMetrics {
  const registers = [registry];
  return {
    steps: new Counter({
      name: "rankwire_season_steps_total",
      help: "Steps of rollovers and of seasons on their way into the archive",
      labelNames: ["step"],
      registers,
    }),
    failures: new Counter({
      name: "rankwire_season_failures_total",
      help: "Turns of rollovers or of archiving that failed and are tried again",
      labelNames: ["work"],
      registers,
    }),
    closing: new Gauge({
      name: "rankwire_seasons_closing",
      help: "Seasons that are over and still in Redis",
      registers,
    }),
  };
}
