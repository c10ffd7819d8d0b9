/** Health, readiness, metrics, and what the stores take. */
import type { FastifyInstance } from "fastify";
import { fromRedisError } from "../../redis/reply.ts";
import { capacity, health, readiness } from "../answers/operator-answers.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import { describe } from "../operation.ts";

export function operatorRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get(
    "/healthz",
    describe({
      summary: "liveness",
      who: "anyone",
      answers: { 200: health },
    }),
    async () => ({ status: "ok" }),
  );

  app.get(
    "/readyz",
    describe({
      summary:
        "readiness; `degraded` names what fails while the rest serves: `store_full`, `store_lost`, `store_outdated`, `database`, `archive` ([what each means](operations.md#what-readyz-says))",
      who: "anyone",
      answers: { 200: readiness, 503: readiness },
    }),
    async (_request, reply) => {
      const [unready, degraded] = await Promise.all([gateway.unready(), gateway.degraded()]);
      if (unready.length > 0) void reply.status(503);
      // A full store still reads, follows and signs out: taking its gateways out of service would make it a whole outage.
      return { status: unready.length > 0 ? "unready" : "ready", unready, degraded };
    },
  );

  app.get(
    "/v1/admin/capacity",
    describe({
      summary: "memory of every Redis, what each part takes beside what the plan says, and the tables",
      details: "measured now, from a bounded sample of the keys: [capacity](capacity.md)",
      who: "admin",
      answers: { 200: capacity },
    }),
    async (request) => {
      await requireRole(gateway, request, "admin");
      return await gateway.capacity().catch((error: unknown) => {
        throw fromRedisError(error);
      });
    },
  );

  app.get(
    "/metrics",
    describe({
      summary: "what is measured; with `--workers` [of all of them](#metrics-of-workers)",
      who: "anyone",
      answers: { 200: { mediaType: "text/plain", what: "Prometheus text." } },
    }),
    async (_request, reply) => {
      void reply.header("content-type", gateway.metrics.contentType);
      return gateway.metrics.metrics();
    },
  );
}
