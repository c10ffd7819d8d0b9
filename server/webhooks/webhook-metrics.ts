/** What the deliverer counts. */
import { Counter, Gauge, type Registry } from "prom-client";

export type WebhookMetrics = {
  attempts: Counter<"outcome">;
  /** Of all processes, by state, as of the last look. */
  deliveries: Gauge<"state">;
};

export function createWebhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry];
  return {
    attempts: new Counter({
      name: "rankwire_webhook_attempts_total",
      help: "Attempts to deliver webhooks, by what came of them: delivered, answered (not with 2xx), timeout, refused, unreachable",
      labelNames: ["outcome"],
      registers,
    }),
    deliveries: new Gauge({
      name: "rankwire_webhook_deliveries",
      help: "Deliveries of webhooks that wait (pending) or were given up (dead), of all processes",
      labelNames: ["state"],
      registers,
    }),
  };
}
