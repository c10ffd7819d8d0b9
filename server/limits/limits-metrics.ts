/** What the limits count. */
import { Counter, type Registry } from "prom-client";

export type LimitName =
  | "requests_key"
  | "requests_player"
  | "requests_address"
  | "sign_ins_address"
  | "sign_ins_player"
  | "submissions_player"
  | "submissions_socket"
  | "connections";

export type LimitsMetrics = {
  limited: Counter<"limit">;
  unchecked: Counter<"answer">;
};

export function createLimitsMetrics(registry: Registry): LimitsMetrics {
  return {
    limited: new Counter({
      name: "rankwire_limited_total",
      help: "What was refused, by the limit that was reached",
      labelNames: ["limit"],
      registers: [registry],
    }),
    unchecked: new Counter({
      name: "rankwire_limits_unchecked_total",
      help: "Checks that could not be made because Redis was away, by LIMITS_WHEN_AWAY",
      labelNames: ["answer"],
      registers: [registry],
    }),
  };
}
