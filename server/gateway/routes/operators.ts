/** Health, readiness, metrics, and what the stores take. */
import type { FastifyInstance } from "fastify";
import { fromRedisError } from "../../redis/reply.ts";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";

export function operatorRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/healthz", async () => ({ status: "ok" }));

  app.get("/readyz", async (_request, reply) => {
    const [unready, degraded] = await Promise.all([gateway.unready(), gateway.degraded()]);
    if (unready.length > 0) void reply.status(503);
    // A full store still reads, follows and signs out: taking its gateways out of service would make it a whole outage.
    return { status: unready.length > 0 ? "unready" : "ready", unready, degraded };
  });

  app.get("/v1/admin/capacity", async (request) => {
    await requireRole(gateway, request, "admin");
    return await gateway.capacity().catch((error: unknown) => {
      throw fromRedisError(error);
    });
  });

  app.get("/metrics", async (_request, reply) => {
    void reply.header("content-type", gateway.metrics.contentType);
    return gateway.metrics.metrics();
  });
}
