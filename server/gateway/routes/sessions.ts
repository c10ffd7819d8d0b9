/** A game server opens a session for a player it has signed in. */
import type { FastifyInstance } from "fastify";
import { requireRole } from "../caller.ts";
import type { Gateway } from "../gateway.ts";
import * as schemas from "../schemas.ts";

export function sessionRoutes(app: FastifyInstance, gateway: Gateway): void {
  app.post("/v1/sessions", async (request, reply) => {
    await requireRole(gateway, request, "server");
    const { member } = schemas.parse(schemas.sessionRequest, request.body);
    // All players of a game server come from its one address.
    await gateway.rates.takeSignIn({ member });
    const { token, expiresAtMs } = await gateway.sessions.open(member);
    void reply.status(201).header("cache-control", "no-store");
    return { token, member, expiresAt: new Date(expiresAtMs).toISOString() };
  });
}
