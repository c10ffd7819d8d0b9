/** Webhooks: what admins change at gateways, and the role `seasons`, which delivers. */
import { systemClock } from "./base/clock.ts";
import type { Base } from "./compose.ts";
import type { Gateway } from "./gateway/gateway.ts";
import * as options from "./options.ts";
import type { RedisStore } from "./redis/store.ts";
import { Deliverer } from "./webhooks/deliverer.ts";
import { DeliveryStore } from "./webhooks/delivery-store.ts";
import { EndpointSet } from "./webhooks/endpoint-set.ts";
import { EndpointStore } from "./webhooks/endpoint-store.ts";
import { noteTest } from "./webhooks/outbox.ts";
import { WebhookKeeping } from "./webhooks/webhook-keeping.ts";
import { createWebhookMetrics } from "./webhooks/webhook-metrics.ts";

/** How often the tables are cleared of what is old, and counted. */
const KEEPING_MS = 10_000;

export function webhooksOf({ config, database }: Base, redis: RedisStore): Pick<Gateway, "webhooks"> {
  return {
    webhooks: {
      endpoints: new EndpointStore({ redis, database, endpointsMax: config.WEBHOOKS_MAX }),
      deliveries: new DeliveryStore(database),
      test: (endpoint) => noteTest(database, endpoint),
      privateTargets: config.WEBHOOK_PRIVATE_TARGETS,
    },
  };
}

export async function startWebhooks(base: Base): Promise<void> {
  const { config, around, parts, metrics: registry, database, commands } = base;
  if (!config.ROLES.includes("seasons")) return;
  const redis = await commands("webhooks' redis connection");
  const { endpoints: endpointStore, deliveries: store } = webhooksOf(base, redis).webhooks;
  const endpoints = new EndpointSet({
    redis,
    database,
    store: endpointStore,
    asksAlways: config.DATABASE_URL !== undefined,
  });
  const shared = {
    endpoints,
    store,
    now: systemClock.now,
    metrics: createWebhookMetrics(registry),
    log: around.log,
  };
  const deliverer = new Deliverer({ ...shared, ...options.delivererOptions(config), random: Math.random });
  const keeping = new WebhookKeeping({
    ...shared,
    database,
    keepMs: config.WEBHOOK_KEEP_DAYS * 24 * 3_600_000,
    pendingMax: config.WEBHOOK_PENDING_MAX,
    everyMs: KEEPING_MS,
  });
  for (const [name, part] of [
    ["webhooks", deliverer],
    ["keeping of webhooks", keeping],
  ] as const) {
    await parts.start(
      name,
      () => part.start(),
      () => part.stop(),
    );
  }
}
