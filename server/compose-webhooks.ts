/** Webhooks: what admins change at gateways, and the role `seasons`, which delivers. */
import { systemClock } from "./base/clock.ts";
import type { Base } from "./compose.ts";
import type { Gateway } from "./gateway/gateway.ts";
import type { Registry } from "./leaderboard/registry.ts";
import { topEventsLease } from "./locks/lease.ts";
import * as options from "./options.ts";
import type { RedisStore } from "./redis/store.ts";
import { TopEvents } from "./top-events/top-events.ts";
import { Deliverer } from "./webhooks/deliverer.ts";
import { DeliveryStore } from "./webhooks/delivery-store.ts";
import { EndpointSet } from "./webhooks/endpoint-set.ts";
import { EndpointStore } from "./webhooks/endpoint-store.ts";
import { noteTest } from "./webhooks/outbox.ts";
import { TopWatches } from "./webhooks/told-tops.ts";
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

/** Nothing to do without the role `seasons`. */
export async function startWebhooks(base: Base, registry: Registry): Promise<void> {
  const { config, around, parts, metrics, database, commands } = base;
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
    metrics: createWebhookMetrics(metrics),
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
  const topEvents = new TopEvents({
    redis,
    registry,
    endpoints,
    watches: new TopWatches(database),
    lease: topEventsLease(redis, config.LEASE_TTL_MS),
    everyMs: config.TOP_EVENTS_MS,
    seasonsMax: config.TOP_EVENTS_BOARDS_MAX,
    onNoted: () => deliverer.nudge(),
    log: around.log,
  });
  for (const [name, part] of [
    ["webhooks", deliverer],
    ["events of the top", topEvents],
    ["keeping of webhooks", keeping],
  ] as const) {
    await parts.start(
      name,
      () => part.start(),
      () => part.stop(),
    );
  }
}
