/** Health, readiness and metrics. */
import type { FastifyInstance } from "fastify";
import type { Gateway } from "../gateway.ts";

export function operatorRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.get("/healthz", async () => ({ status: "ok" }));

  app.get("/readyz", async (_request, reply) => {
    const unready = await gateway.unready();
    if (unready.length > 0) void reply.status(503);
    return { status: unready.length > 0 ? "unready" : "ready", unready };
  });

  app.get("/metrics", async (_request, reply) => {
    void reply.header("content-type", gateway.metrics.contentType);
    return gateway.metrics.metrics();
  });
}
